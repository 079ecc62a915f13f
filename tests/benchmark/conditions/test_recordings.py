"""Recorded noise: halves by content, draws from the test half, pauses, and bounded memory."""

from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.conditions import recordings
from serbench.benchmark.conditions.kinds import apply
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Condition
from serbench.tests.support.sounds import RATE, snr_db, speech, tone, write


def recorded(level: float, folder: Path) -> Condition:
    return Condition("recorded", level, "dB", str(folder))


def test_halves_are_disjoint_in_content_and_blind_to_names(tmp_path: Path) -> None:
    sounds = [tone(100 + i, 0.05) for i in range(11)]
    for i, sound in enumerate(sounds):
        written = write(tmp_path / "a" / f"{i}.wav", sound).read_bytes()
        (tmp_path / "b" / f"x{7 * i % 11}").mkdir(parents=True)
        (tmp_path / "b" / f"x{7 * i % 11}" / f"copy of {i}.wav").write_bytes(written)
        (tmp_path / "b" / f"again {i}.wav").write_bytes(written)
    one, two = recordings.recordings(str(tmp_path / "a")), recordings.recordings(str(tmp_path / "b"))
    halves = [{path.read_bytes() for path in half} for half in (one.test, one.train)]
    assert [len(half) for half in halves] == [6, 5]
    assert not halves[0] & halves[1]
    assert one.content == two.content
    assert [{path.read_bytes() for path in half} for half in (two.test, two.train)] == halves
    write(tmp_path / "c" / "one.wav", sounds[0])
    single = recordings.recordings(str(tmp_path / "c"))
    assert (len(single.test), len(single.train)) == (1, 0)
    assert single.content != one.content


def test_recorded_noise_comes_from_the_test_half_alone(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path / f"{i}.wav", tone(1_000 + 500 * i, 0.5))
    split = recordings.recordings(str(tmp_path))
    clip = tone(100, 1) * 0.1
    heard = set()
    for i in range(60):
        made = apply(clip, RATE, f"c/{i}", recorded(0, tmp_path)) - clip
        heard.add(round((np.abs(np.fft.rfft(made)).argmax() - 1_000) / 500))
    assert heard == {int(path.stem) for path in split.test}


def test_recordings_that_pause_are_drawn_again_and_silent_ones_are_named(tmp_path: Path) -> None:
    half = np.zeros(80_000)
    half[:40_000] = np.random.default_rng(0).standard_normal(40_000)  # half: 20 silent draws in a row are out of reach
    write(tmp_path / "half" / "bark.wav", half)
    clip = speech(4_000, 3)
    for i in range(20):
        heard = apply(clip, RATE, f"c/{i}", recorded(5, tmp_path / "half"))
        assert abs(snr_db(clip, heard.astype(np.float64) - clip, RATE) - 5) < 0.1
        assert np.abs(heard).max() < 30 * np.abs(clip).max()
    write(tmp_path / "silent" / "nothing.wav", np.zeros(1_000))
    with pytest.raises(InputError, match=r"c/u: 20 draws of nothing\.wav \(1 recordings of .*silent"):
        apply(clip, RATE, "c/u", recorded(5, tmp_path / "silent"))


def test_decoded_recordings_are_bounded_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        write(tmp_path / f"{i}.wav", tone(100 + i, 0.5))
    monkeypatch.setattr(recordings, "MEMORY", 2 * 4 * RATE // 2)
    monkeypatch.setattr(recordings, "_kept", type(recordings._kept)())
    before = [apply(tone(50, 0.2), RATE, f"c/{i}", recorded(5, tmp_path)) for i in range(20)]
    assert sum(loop.nbytes for loop in recordings._kept.values()) <= recordings.MEMORY
    monkeypatch.setattr(recordings, "MEMORY", 2**30)
    after = [apply(tone(50, 0.2), RATE, f"c/{i}", recorded(5, tmp_path)) for i in range(20)]
    assert np.array_equal(before, after)
