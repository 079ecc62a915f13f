"""Time of every kind of condition on a clip of 3 s at 16 kHz: python tests/measure/conditions_speed.py [clips].

Not a test. Recordings and responses are made up, so their first use is that of two short files.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from serbench.benchmark.conditions.kinds import KINDS, apply
from serbench.protocols.parts.protocol import Condition
from serbench.tests.support.sounds import RATE, speech, write

LEVELS = {
    "room": 0.6, "opus": 12.0, "mp3": 16.0, "amr-nb": 12.2, "gain": 6.0, "clipping": 5.0, "resampled": 8_000.0,
    "header-rate": 11_025.0, "dither": 16.0, "requantized": 16.0, "shift": 10.0,
}  # fmt: skip


def main(n: int = 40) -> None:
    """Print the first use, which makes talkers, filters and responses, and the median of the others."""
    clips = [speech(3 * RATE, k) for k in range(n)]
    with tempfile.TemporaryDirectory() as name:
        rng = np.random.default_rng(0)
        for k in range(2):
            write(Path(name) / f"{k}.wav", rng.standard_normal(RATE) * 10 ** (-3 * np.arange(RATE) / RATE))
        for kind, facts in ((kind, facts) for kind, facts in KINDS.items() if facts.effect):
            level = LEVELS.get(kind, 10.0 if facts.unit else None)
            condition = Condition(kind, level, facts.unit, name if facts.folder else "")
            took = []
            for k, clip in enumerate(clips):
                started = time.process_time()
                apply(clip, RATE, f"c/{k}", condition)
                took.append(1_000 * (time.process_time() - started))
            print(f"{condition.name:22s} first {took[0]:7.1f} ms, then {np.median(took[1:]):6.2f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
