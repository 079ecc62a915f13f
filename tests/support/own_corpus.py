"""A small corpus of the user's own, prepared in a home of its own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.benchmark.prepared import build, clips
from serbench.benchmark.prepared import corpus as prepared
from serbench.benchmark.prepared.corpus import prepare

RATE = 16_000


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)


def sound(seed: int, n: int = 800) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(-0.5, 0.5, n) * 32768) / 32768


def corpus(folder: Path, n: int = 8, **files: tuple[np.ndarray, str, str]) -> Path:
    """A corpus of ``n`` clips of two speakers and two emotions with a table; ``files`` are further samples."""
    folder.mkdir(parents=True)
    lines = []
    for i in range(n):
        soundfile.write(folder / f"c{i:02}.wav", sound(i), RATE)
        lines.append((f"c{i:02}.wav", f"s{i % 2}", ("angry", "sad")[i // 2 % 2]))
    for name, (samples, speaker, emotion) in files.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="FLOAT")
        lines.append((f"{name}.wav", speaker, emotion))
    pd.DataFrame(lines, columns=["path", "speaker", "emotion"]).to_csv(folder / "utterances.csv", index=False)
    return folder


def prepare_mine(tmp_path: Path, folder: Path, rate_hz: int = RATE, jobs: int = 1) -> prepared.Corpus:
    return prepare("mine", folder, tmp_path / "home", rate_hz, lambda done, total: None, jobs)


def kept(tmp_path: Path) -> list[str]:
    """Everything below the place of the corpus, without the lock."""
    return sorted(path.name for path in (tmp_path / "home" / "corpora" / "mine").glob("*"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of clips that were decoded, in this process."""
    ids: list[str] = []

    def make(task: clips.ClipSource) -> clips.PreparedClip:
        ids.append(task.id)
        return clips.make(task)

    monkeypatch.setattr(build, "make", make)
    return ids
