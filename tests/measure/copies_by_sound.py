"""How well copies are told from other takes by their sound: false alarms among pairs, and missed copies.

    SERBENCH_CORPORA=DIR python tests/measure/copies_by_sound.py [choose|measure] [SET ...]

Needs RAVDESS, EMOVO and EMO-DB in DIR, and espeak-ng. ``choose`` is the half on which limits were chosen, ``measure``
the other: no speaker and no word is in both. Fixed seeds; about a quarter of an hour on one core.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import beta
from threadpoolctl import threadpool_limits

from serbench.benchmark.audio.fingerprint import ALIKE, ALIKE_SHORT, SHORT
from serbench.benchmark.audio.likeness import ClipCodes, Likeness, Sound, candidates, codes_of, likeness, sound_of
from serbench.tests.measure import copies_material as material
from serbench.tests.support.copies import RATE

Clips = Sequence[material.Clip]
#: released as two sentences, two cuts of one recording
COPIES = {frozenset({"tri-f3-n1", "tri-f3-n2"})}
#: what copies are made of: set, how many clips, excerpts of how many seconds
COPIED: tuple[tuple[str, int, tuple[float, float] | None], ...] = (
    ("emovo words", 40, None), ("emodb words", 40, None), ("ravdess ends", 40, None), ("espeak words", 40, None),
    ("emovo", 40, (1, 1.5)), ("ravdess", 40, (1, 1.5)), ("emodb", 40, (1, 1.5)),
    ("ravdess", 25, None), ("emovo", 25, None), ("emodb", 25, None),
)  # fmt: skip


class Alarm(NamedTuple):
    """Two different recordings that look like one."""

    a: str
    b: str
    how: Likeness


def sets(corpora: Path, half: str) -> dict[str, Callable[[], Iterator[material.Clip]]]:
    """The sets of clips by name."""
    return {
        "ravdess ends": lambda: material.ravdess_ends(corpora, half),
        "emovo words": lambda: material.words(corpora, "emovo", half),
        "emodb words": lambda: material.words(corpora, "emodb", half),
        "espeak words": lambda: material.espeak(1, half),
        "ravdess": lambda: material.sentences(corpora, "ravdess", half),
        "emovo": lambda: material.sentences(corpora, "emovo", half),
        "emodb": lambda: material.sentences(corpora, "emodb", half),
        "espeak sentences": lambda: material.espeak(4, half),
    }


def alarms(clips: Clips) -> tuple[int, list[Alarm], list[Alarm], list[Alarm]]:
    """Pairs compared; false alarms, suspicions, and all others whose samples were compared, of clips never copied."""
    codes, frames = map(np.array, zip(*codes_of((c.samples for c in clips), RATE), strict=True))
    audio = [clip.samples.tobytes() for clip in clips]
    known = ClipCodes(
        [c.name for c in clips], [str(hash(a)) for a in audio], codes, frames, lambda i: clips[i].samples, RATE
    )
    sounds: dict[int, Sound] = {}
    copies: list[Alarm] = []
    suspicions: list[Alarm] = []
    others: list[Alarm] = []
    for i, j in candidates(known):
        if audio[i] == audio[j] or {clips[k].name.partition("#")[0] for k in (i, j)} in COPIES:
            continue
        for k in (i, j):
            if k not in sounds:
                sounds[k] = sound_of(clips[k].samples, RATE)
        alarm = Alarm(clips[i].name, clips[j].name, likeness(sounds[i], sounds[j]))
        (copies if alarm.how.copy else suspicions if alarm.how.suspect else others).append(alarm)
    same = sum(n * (n - 1) // 2 for n in np.unique(audio, return_counts=True)[1])
    return len(clips) * (len(clips) - 1) // 2 - int(same), copies, suspicions, others


def found(clip: np.ndarray, copy: np.ndarray) -> bool:
    """Whether a copy is told as one, from codes to samples."""
    codes, frames = map(np.array, zip(*codes_of([clip, copy], RATE), strict=True))
    limit = ALIKE_SHORT if frames.min() < SHORT else ALIKE
    return bool(codes[0] @ codes[1] >= limit and likeness(sound_of(clip, RATE), sound_of(copy, RATE)).copy)


def missed(clips: Clips, n: int, seconds: tuple[float, float] | None) -> dict[tuple[str, str], tuple[int, int]]:
    """(Length, change) -> copies missed, and made, of ``n`` clips or excerpts of ``seconds`` of them."""
    rng = np.random.default_rng(14)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for i in rng.permutation(len(clips))[:n]:
        sound = clips[i].samples
        if seconds:
            size = min(len(sound), int(rng.uniform(*seconds) * RATE))
            start = int(rng.integers(len(sound) - size + 1))
            sound = sound[start : start + size]
        length = "below 1 s" if len(sound) < RATE else "1 to 1.5 s" if len(sound) <= 1.5 * RATE else "longer"
        for change, make in material.CHANGES.items():
            bad, made = counts.get((length, change), (0, 0))
            counts[length, change] = (bad + (not found(sound, make(sound, rng))), made + 1)
    return counts


def limits(k: int, n: int) -> tuple[float, float]:
    """The 95 % limits of a share by Clopper and Pearson."""
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    return low, float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0


def share(k: int, n: int, unit: float, digits: int) -> str:
    """``k`` of ``n`` per ``unit``, with its limits."""
    low, high = (unit * limit for limit in limits(k, n))
    return f"{unit * k / n:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def false_alarms(name: str, clips: Clips) -> None:
    """Print the line of a set, and its alarms."""
    start = time.process_time()
    n, copies, suspicions, others = alarms(clips)
    seconds = time.process_time() - start
    print(f"| {name} | {len(clips)} | {n} | {len(copies)} | {share(len(copies), n, 1e6, 2)} | {len(suspicions)} |")
    print(f"    {seconds:.0f} s; of the pairs {len(copies) + len(suspicions) + len(others)} were looked at")
    for alarm in copies:
        print(f"    {alarm.a} ~ {alarm.b}: {alarm.how}")
    sys.stdout.flush()


def main(half: str, wanted: Sequence[str]) -> None:
    """Print both tables."""
    every = sets(Path(os.environ["SERBENCH_CORPORA"]), half)
    kept: dict[str, list[material.Clip]] = {}
    for name in wanted or every:
        kept[name] = list(every[name]())
        false_alarms(name, kept[name])
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for name, n, span in COPIED:
        some = kept.get(name, [])
        for key, (bad, made) in missed(some[::7][:n] if name.startswith("espeak") else some, n, span).items():
            for one in (key, (key[0], "all")):
                before = counts.get(one, (0, 0))
                counts[one] = (before[0] + bad, before[1] + made)
    for (length, change), (k, n) in sorted(counts.items()):
        print(f"| {length} | {change} | {k} of {n} | {share(k, n, 100, 1)} |")


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main(sys.argv[1] if len(sys.argv) > 1 else "measure", sys.argv[2:])
