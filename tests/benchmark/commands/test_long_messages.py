"""However many values are wrong, what is said names a few of them and how many more there are."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.errors import MOST, InputError, cut, unknown
from serbench.protocols.parts.usable import enough_speakers, enough_utterances
from serbench.results.evidence.predictions_file import read
from serbench.tests.support.tiny import serbench

N = 200
WORDS = [f"word-{i:05}" for i in range(N)]


def table(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *lines])
    return path


def said(*arguments: str | Path) -> str:
    """All that a command says beside its table, where every line is short."""
    _, out, err = serbench(*arguments)
    notes = [line for line in out.splitlines() if line.startswith(("·", "Note", "  fault", "  warning", "  note"))]
    lines = [*err.splitlines(), *notes]
    assert lines and max(map(len, lines)) <= MOST + 20, max(lines, key=len)
    return "\n".join(lines)


def noted(file: Path, classes: Sequence[str] = ()) -> str:
    """What reading predictions says, where every line is short; without the scores, which take long for such files."""
    try:
        lines: Sequence[str] = read(file, classes).notes
    except InputError as error:
        lines = [str(error)]
    assert max(map(len, lines), default=0) <= MOST, max(lines, key=len)
    return "\n".join(lines)


def test_tables_of_hundreds_of_columns(tmp_path: Path) -> None:
    wide = table(tmp_path / "wide.csv", WORDS, [["x"] * N])
    assert "no column path, speaker, emotion; it has word-00000, word-00001" in said("corpora", "check", f"own={wide}")
    assert f"and {N - 12} more" in said("audit", wide)
    assert f"and {N - 8} more" in noted(wide)
    twice = table(tmp_path / "twice.csv", [*WORDS, *WORDS], [["x"] * 2 * N])
    assert "stands there twice" in said("corpora", "check", f"own={twice}")
    scores = table(tmp_path / "scores.csv", ["id", "truth", *WORDS], [[i, f"c{i % 2}", *["0.5"] * N] for i in range(4)])
    noted(scores)


def test_tables_of_hundreds_of_words(tmp_path: Path) -> None:
    for columns, line in (
        (("id", "truth", "guess"), lambda i: (i, WORDS[i], WORDS[i])),
        (("id", "truth", "guess"), lambda i: (i, ("sad", "happy")[i % 2], WORDS[i])),
        (("id", "truth", "guess", "speaker"), lambda i: (i, ("sad", "happy")[i % 2], "sad", f"{i % 150:0{i % 9}d}")),
        (("id", "truth", "guess"), lambda i: (i, "sad" * 9_000, "happy" * 9_000)),
        (("id", "truth", "guess", "fold"), lambda i: ("one", "sad", "sad", WORDS[i])),
    ):
        noted(table(tmp_path / "p.csv", columns, map(line, range(N))))
    noted(tmp_path / "p.csv", WORDS)
    said("audit", table(tmp_path / "parts.csv", ("file", "part"), ((f"{word}.wav", word) for word in WORDS)))
    said("audit", table(tmp_path / "parts.csv", ("file", "fold"), ((w, w if i else "1") for i, w in enumerate(WORDS))))


def test_a_corpus_of_hundreds_of_lines(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 400), 16_000)
    columns, own = ("path", "speaker", "emotion"), tmp_path / "own.csv"
    table(own, columns, [("a.wav", "s", "sad"), *((f"{word}.wav", word, word) for word in WORDS)])
    assert f"{N} utterances left out, their audio is missing" in said("corpora", "check", f"own={own}")
    table(own, columns, ((f"{word}.wav", word, "") for word in WORDS))
    assert f"{N} of {N} without emotion" in said("corpora", "check", f"own={own}")
    table(own, columns, (("a.wav", word, "sad", word) for word in WORDS))
    said("corpora", "check", f"own={own}")


def test_notes_on_hundreds_of_speakers_and_classes() -> None:
    part = pd.DataFrame({"corpus": "own", "speaker": [f"own/{word}" for word in WORDS], "label": WORDS})
    enough = pd.DataFrame({"corpus": "own", "speaker": ["own/a", "own/b", "own/c"] * 20, "label": "sad"})
    both = pd.concat([part, enough])
    for usable in (enough_speakers, enough_utterances):
        _, notes = usable(both)
        assert notes and max(map(len, notes)) < MOST
        with pytest.raises(InputError) as error:
            usable(part)
        assert len(str(error.value)) <= MOST


def test_no_message_is_longer_whoever_wrote_it() -> None:
    for text in ("x" * 33_693, " ".join(WORDS)):
        error = InputError(f"{text}; give fewer")
        assert len(str(error)) <= MOST and "characters left out" in str(error)
        assert str(error).startswith(text[:1000]) and str(error).endswith("; give fewer")
        assert cut(str(error)) == str(error) and InputError(str(error)).args == error.args
    assert str(unknown("fold", "word-00007x", WORDS)).count("word") == 42  # asked for, near, and 40 of those known
