"""How well copies are told from other takes by their sound: false alarms among pairs, and missed copies.

    SERBENCH_CORPORA=DIR python tests/measure/copies_by_sound.py [choose|measure] [SET ...]

Needs RAVDESS, EMOVO and EMO-DB in DIR, and espeak-ng. ``choose`` is the half on which limits were chosen, ``measure``
the other: no speaker and no word is in both. Fixed seeds; about half an hour on one core.
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
        if audio[i] == audio[j]:
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


def missed(clips: Clips, n: int, seconds: tuple[float, float] | None) -> dict[str, tuple[int, int]]:
    """Change -> copies missed, and made, of ``n`` clips or excerpts of ``seconds`` of them."""
    rng = np.random.default_rng(14)
    counts = dict.fromkeys(material.CHANGES, (0, 0))
    for i in rng.permutation(len(clips))[:n]:
        sound = clips[i].samples
        if seconds:
            size = min(len(sound), int(rng.uniform(*seconds) * RATE))
            start = int(rng.integers(len(sound) - size + 1))
            sound = sound[start : start + size]
        for change, make in material.CHANGES.items():
            bad, made = counts[change]
            counts[change] = (bad + (not found(sound, make(sound, rng))), made + 1)
    return counts


def limits(k: int, n: int) -> tuple[float, float]:
    """The 95 % limits of a share by Clopper and Pearson."""
    low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
    return low, float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0


def main(half: str, wanted: Sequence[str]) -> None:
    """Print both tables."""
    every = sets(Path(os.environ["SERBENCH_CORPORA"]), half)
    totals: dict[str, list[int]] = {}
    misses: dict[str, dict[str, tuple[int, int]]] = {}
    for name in wanted or every:
        clips = list(every[name]())
        start = time.perf_counter()
        n, copies, suspicions, others = alarms(clips)
        seconds = time.perf_counter() - start
        print(
            f"{name}: {len(clips)} clips, {n} pairs, {len(copies)} copies, {len(suspicions)} suspicions, "
            f"{seconds:.0f} s"
        )
        for kind, some in (("copy", copies), ("suspect", suspicions), ("other", others)):
            top = sorted(some, key=lambda one: -one.how.samples.score if one.how.samples else -one.how.match.score)
            for alarm in top[:8]:
                print(f"    {kind}: {alarm.a} ~ {alarm.b}: {alarm.how.match} {alarm.how.samples}")
        kind = "short" if "words" in name or "ends" in name else "sentences"
        total = totals.setdefault(kind, [0, 0])
        total[0] += len(copies)
        total[1] += n
        lengths = {"below 1 s": None} if kind == "short" else {"1 to 1.5 s": (1.0, 1.5), "sentences": None}
        for length, span in lengths.items():
            for change, (bad, made) in missed(clips, 50, span).items():
                before = misses.setdefault(length, {}).get(change, (0, 0))
                misses[length][change] = (before[0] + bad, before[1] + made)
        sys.stdout.flush()
    for kind, (k, n) in totals.items():
        low, high = limits(k, n)
        print(
            f"{kind}: {k} false alarms in {n} pairs, {1e6 * k / n:.2f} per million "
            f"({1e6 * low:.2f} to {1e6 * high:.2f})"
        )
    for length, counts in misses.items():
        counts["all"] = (sum(k for k, _ in counts.values()), sum(n for _, n in counts.values()))
        for change, (k, n) in counts.items():
            low, high = limits(k, n)
            print(f"| {length} | {change} | {k} of {n} | {k / n:.1%} ({low:.1%} to {high:.1%}) |")


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        main(sys.argv[1] if len(sys.argv) > 1 else "measure", sys.argv[2:])
