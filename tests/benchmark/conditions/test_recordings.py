"""Recorded noise: halves by content, draws from the test half, pauses, and bounded memory."""

import os
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.conditions import recordings
from serbench.benchmark.conditions.kinds import apply
from serbench.benchmark.conditions.recordings_check import check_recordings
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Condition
from serbench.tests.support.sounds import RATE, snr_db, speech, tone, write
from serbench.tests.support.tiny import serbench


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


def test_recordings_that_cannot_be_used_are_named_before_anything_is_trained(tmp_path: Path) -> None:
    def folder(name: str) -> Path:
        for i in range(6):
            write(tmp_path / name / f"{i}.wav", tone(100 + i, 0.1))
        return tmp_path / name

    assert check_recordings(str(folder("good")), "test") == ()
    bad = folder("bad")
    (bad / "text.wav").write_text("no sound")
    (bad / "empty.wav").touch()
    (bad / "folder.wav").mkdir()
    with pytest.raises(InputError, match=r"bad: 2 of 8 recordings cannot be used: .*; take them out") as caught:
        check_recordings(str(bad), "test")
    assert "empty.wav (the file is empty (0 bytes))" in str(caught.value) and "text.wav (not audio" in str(caught.value)
    write(folder("turned") / "turned.wav", np.stack([tone(9, 0.1), -tone(9, 0.1)], axis=1))
    with pytest.raises(InputError, match=r"1 of 7 recordings cannot be used: turned\.wav \(a file whose channels"):
        check_recordings(str(tmp_path / "turned"), "train")
    silent = folder("silent")
    write(silent / "zero.wav", np.zeros(100))
    assert check_recordings(str(silent), "test") == (f"{silent}: 1 of 7 recordings is silent: zero.wav; never heard",)
    with pytest.raises(InputError, match=r"silent: zero\.wav; take them out"):
        check_recordings(str(silent), "response")
    for i in range(19):  # so many that most of either half is silent, whatever the order of the hashes
        write(silent / f"zero {i}.wav", np.zeros(200 + i))
    recordings.recordings.cache_clear()
    check_recordings.cache_clear()
    with pytest.raises(InputError, match=r"20 of 26 recordings are silent: .* and 16 more; take them out"):
        check_recordings(str(silent), "train")
    os.mkfifo(folder("pipe") / "pipe.wav")
    with pytest.raises(InputError, match=r"pipe\.wav: a pipe \(FIFO\)"):
        recordings.recordings(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    "settings",
    [
        ("noise.kinds=recorded", "noise.snr=10", "noise.dir={}"),
        ("noise.kinds=white", "noise.snr=10", "train_snr=5..20", "train_noise=recorded", "train_noise_dir={}"),
    ],
)
def test_the_plan_hears_them(tmp_path: Path, settings: tuple[str, ...]) -> None:
    for i in range(4):
        write(tmp_path / f"{i}.wav", tone(100 + i, 0.1))
    given = [part for text in settings for part in ("--set", text.format(tmp_path))]
    plan = ("plan", "--protocol", "noise", "--corpus", "synth-a", "--model", "majority", *given)
    (tmp_path / "3.wav").write_text("no sound")
    code, _, err = serbench(*plan)
    assert code == 2 and f"{tmp_path}: 1 of 4 recordings cannot be used: 3.wav (not audio" in err
