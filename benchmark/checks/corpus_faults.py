"""What is wrong with the audio of a corpus: findings from what was heard in its files."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import pandas as pd

from ...errors import named
from ..audio.longest import longest_s, spoken
from ..corpora.facts import Facts
from ..corpora.releases import ReleaseFile
from ..prepared.clip_words import INTEGERS, LACKING, SILENCES, oddities
from .listening import FileSound

AudioFinding = tuple[Literal["fault", "warning", "note"], str]
_OTHER_SILENCES = ("cancelled", "other track")
_SHORT, _LONG = 0.2, 60.0  # seconds
_HEADER = 44  # bytes of the shortest header of a wav file
_TRIMMED = 1.0  # seconds that a released file may be longer by its size: headers hold other things too
_ROUNDING = 0.25  # seconds: lossy formats pad


def judge(
    sounds: list[FileSound], table: pd.DataFrame, facts: Facts | None, released: dict[str, ReleaseFile]
) -> list[AudioFinding]:
    """Findings about all files of a table, in the order: unreadable, sound, duplicates, form, release."""
    good = [clip for clip in sounds if not clip.error]
    findings: list[AudioFinding] = []
    bad = [clip for clip in sounds if clip.error and not clip.long]
    long = [_name(clip) for clip in sounds if clip.long]
    damaged = set(facts.damaged) if facts else set()
    findings += _line("fault", "files cannot be read", [_why(clip) for clip in bad if clip.utterance not in damaged], 3)
    findings += _line(
        "note", "files cannot be read, as released", [_why(clip) for clip in bad if clip.utterance in damaged]
    )
    findings += _line("fault", f"clips longer than {spoken(longest_s())}, which no run takes", long)
    findings += _sound(good, facts)
    findings += _duplicates(good, table, facts)
    findings += _form(good, facts)
    if released:
        findings += _release(good, facts, released)
    if not bad and not long:
        findings.append(("note", f"all {len(sounds)} audio files can be read"))
    return findings


def _sound(good: list[FileSound], facts: Facts | None) -> list[AudioFinding]:
    released_silent = set(facts.silent) if facts else set()
    silent = {clip.utterance for clip in good if clip.silence == "silent"}
    clipped = [clip for clip in good if clip.clipped]
    names = [f"{_name(clip)} ({clip.clipped} samples)" for clip in sorted(clipped, key=lambda clip: -clip.clipped)]
    return [
        *_line("fault", "clips without sound", _short(silent - released_silent)),
        *_line("note", "clips without sound, as released", _short(silent & released_silent)),
        *(line for what in _OTHER_SILENCES for line in _silences(what, good)),
        *(line for what in (LACKING, INTEGERS) for line in _odd(what, good)),
        *_line("warning", "clips nearly without sound (peak below -60 dB)", [_name(c) for c in good if c.faint]),
        *_line("warning", "clips with clipped samples", names),
        *_line("warning", f"clips shorter than {_SHORT} s", [_name(c) for c in good if c.seconds < _SHORT]),
        *_line("warning", f"clips longer than {_LONG:.0f} s", [_name(c) for c in good if c.seconds > _LONG]),
    ]


def _silences(what: str, good: list[FileSound]) -> list[AudioFinding]:
    return _line("fault", f"clips {SILENCES[what]}", [_name(clip) for clip in good if clip.silence == what])


def _odd(what: str, good: list[FileSound]) -> list[AudioFinding]:
    names = [
        f"{_name(clip)} ({how_much})"
        for clip in good
        for which, how_much in oddities(clip.lacking, clip.peak)
        if which == what
    ]
    return _line("warning", f"clips {what}", names)


def _duplicates(good: list[FileSound], table: pd.DataFrame, facts: Facts | None) -> list[AudioFinding]:
    """Identical audio; a silent clip has none."""
    emotion = dict(zip(table["id"], table["emotion"], strict=True))
    speaker = dict(zip(table["id"], table["speaker"], strict=True))
    groups: dict[str, list[str]] = {}
    for clip in good:
        if not clip.silence:
            groups.setdefault(clip.audio, []).append(clip.utterance)
    released_groups = {tuple(sorted(group)) for group in facts.identical} if facts else set()
    lists: dict[tuple[Literal["fault", "warning", "note"], str], list[str]] = {}
    for group in groups.values():
        if len(group) < 2:
            continue
        labels = " under different labels" if len({emotion[id] for id in group}) > 1 else ""
        voices = " of different speakers" if len({speaker[id] for id in group}) > 1 else ""
        as_released = tuple(sorted(group)) in released_groups
        severity: Literal["fault", "warning", "note"] = (
            "note" if as_released else "fault" if labels or voices else "warning"
        )
        what = f"sets of clips with identical audio{labels}{voices}{', as released' if as_released else ''}"
        text = " = ".join(id.partition("/")[2] for id in group)
        if labels:
            text += f" ({', '.join(emotion[id] for id in group)})"
        lists.setdefault((severity, what), []).append(text)
    return [(severity, f"{len(sets)} {what}: {named(sets)}") for (severity, what), sets in lists.items()]


def _form(good: list[FileSound], facts: Facts | None) -> list[AudioFinding]:
    """Rates and channels, beside the released ones where they are known."""
    findings: list[AudioFinding] = []
    released_several = set(facts.several_channels) if facts else set()
    usual = facts.channels if facts else 1
    several = {clip.utterance for clip in good if clip.channels > 1}
    if usual == 1:
        findings += _line(
            "warning", "clips of several channels (they are averaged)", _short(several - released_several)
        )
        findings += _line("note", "clips of several channels, as released", _short(several & released_several))
    elif several:
        findings.append(("note", f"{len(several)} of {len(good)} clips have several channels (they are averaged)"))
    rates = Counter(clip.rate_hz for clip in good)
    right = facts.rate_hz if facts else 0
    if right and rates.keys() - {right}:
        counts = ", ".join(f"{count} at {rate} Hz" for rate, count in rates.most_common())
        findings.append(("warning", f"the release has {right} Hz, here are {counts}"))
    elif len(rates) > 1:
        counts = ", ".join(f"{count} at {rate} Hz" for rate, count in rates.most_common())
        findings.append(("warning", f"several rates: {counts}"))
    return findings


def _release(good: list[FileSound], facts: Facts | None, released: dict[str, ReleaseFile]) -> list[AudioFinding]:
    """Files beside the released ones: by size and hash, or by length where they were converted."""
    other = [clip for clip in good if clip.utterance in released and not clip.same]
    resampled = [c for c in other if c.same is False and facts and c.rate_hz != facts.rate_hz]
    edited = [c for c in other if c.same is False and c not in resampled]
    converted = len(other) - len(edited)
    same = sum(clip.same is True for clip in good)
    findings: list[AudioFinding] = [
        *_line("fault", "files are not those of the release (size or SHA-256 differ)", map(_name, edited)),
        *(_lengths(other, facts, released) if facts and facts.rate_hz else []),
    ]
    if converted:
        findings.append(("note", f"{converted} files were converted: their hashes cannot be compared with the release"))
    if same:
        findings.append(("note", f"{same} of {len(released)} files are byte for byte those of the release"))
    return findings


def _lengths(clips: list[FileSound], facts: Facts, released: dict[str, ReleaseFile]) -> list[AudioFinding]:
    """Clips whose length cannot be that of the released file, whose size bounds it."""
    cut, longer = [], []
    for clip in clips:
        channels = max(2 if clip.utterance in facts.several_channels else 1, facts.channels)
        most = (released[clip.utterance].bytes - _HEADER) / (2 * channels * facts.rate_hz)
        text = f"{_name(clip)} ({clip.seconds:.2f} s, released about {most:.2f} s)"
        if clip.seconds < most - _TRIMMED:
            cut.append(text)
        elif clip.seconds > most + _ROUNDING:
            longer.append(text)
    return [
        *_line("fault", "clips are much shorter than released", cut),
        *_line("fault", "clips are longer than released", longer),
    ]


def _line(
    severity: Literal["fault", "warning", "note"], what: str, names: Iterable[str], most: int = 6
) -> list[AudioFinding]:
    names = list(names)
    return [(severity, f"{len(names)} {what}: {named(names, most)}")] if names else []


def _name(clip: FileSound) -> str:
    return clip.utterance.partition("/")[2]


def _short(ids: Iterable[str]) -> list[str]:
    return [id.partition("/")[2] for id in sorted(ids)]


def _why(clip: FileSound) -> str:
    return f"{_name(clip)} ({clip.error})"
