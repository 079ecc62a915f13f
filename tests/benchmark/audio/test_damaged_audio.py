"""Damaged audio: refused in one line with file and reason; a length that nobody promised is no fault."""

import itertools
import os
import socket
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from serbench.benchmark.audio.containers import is_little, missing_bytes
from serbench.benchmark.audio.content import missing_content
from serbench.benchmark.audio.decode import decode, length_seconds
from serbench.benchmark.audio.longest import TooLongError
from serbench.benchmark.prepared.clip_words import fault_of
from serbench.benchmark.prepared.clips import ClipSource, make
from serbench.errors import InputError
from serbench.tests.support.audio_files import CODECS, FORMS, RATE, encode, tone


@pytest.mark.parametrize(("form", "subtype", "ending", "error"), FORMS)
@pytest.mark.parametrize("keep", [0.95, 0.3])
def test_truncated(tmp_path: Path, form: str, subtype: str, ending: str, error: float, keep: float) -> None:
    path = tmp_path / f"a.{ending}"
    rng = np.random.default_rng(0)
    soundfile.write(path, 0.1 * rng.standard_normal(40_000), RATE, format=form, subtype=subtype)
    content = path.read_bytes()
    assert missing_bytes(path) == 0
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match=rf"{path.name}: .*truncated") as caught:
        decode(path)
    assert "\n" not in str(caught.value)
    if form != "FLAC":  # what the header promises is exact to the byte
        assert abs(missing_bytes(path) - (len(content) - int(keep * len(content)))) <= 32


@pytest.mark.parametrize(("codec", "ending"), [*CODECS, ("aac", "3gp")])
def test_truncated_pyav(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    rng = np.random.default_rng(0)
    options = {"movflags": "faststart"} if ending == "m4a" else {}
    encode(path, (0.1 * rng.standard_normal(40_000)).astype(np.float32), codec, **options)
    content = path.read_bytes()
    assert decode(path).seconds == pytest.approx(2.5, abs=0.2)
    path.write_bytes(content[: len(content) * 3 // 5])
    with pytest.raises(InputError, match=rf"{path.name}: truncated"):
        decode(path)


@pytest.mark.parametrize("ending", ["wav", "aiff", "w64", "au", "caf", "sph"])
def test_a_header_that_promises_a_few_bytes_too_many(tmp_path: Path, ending: str) -> None:
    """As if its writer had counted the header; a file that lacks a tenth stays out."""
    path = tmp_path / f"a.{ending}"
    form = {"aiff": "AIFF", "w64": "W64", "au": "AU", "caf": "CAF", "sph": "NIST"}.get(ending, "WAV")
    samples = 0.1 * np.random.default_rng(0).standard_normal(8_000)
    soundfile.write(path, samples, RATE, format=form, subtype="PCM_16")
    whole, content = decode(path), path.read_bytes()
    assert whole.lacking == 0
    for cut in (2, 44, 100):
        path.write_bytes(content[:-cut])
        sound = decode(path)
        assert sound.lacking == cut or (ending == "caf" and sound.lacking > 0)
        np.testing.assert_array_equal(sound.samples, whole.samples[:, : sound.samples.shape[1]])
        assert sound.samples.shape[1] >= 8_000 - cut
    path.write_bytes(content[: len(content) * 9 // 10])
    with pytest.raises(InputError, match="truncated"):
        decode(path)


def test_a_long_file_may_lack_no_more_than_a_blink() -> None:
    assert is_little(64, 100) and is_little(160, 16_000) and is_little(2048, 10**9)
    assert not is_little(65, 100) and not is_little(200, 16_000) and not is_little(2049, 10**9)


def test_pipes_devices_and_sockets_are_refused_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(tmp_path / "s.wav"))  # an absolute path would be too long for it
        for path, what in (
            (tmp_path / "pipe.wav", "a pipe"), (tmp_path / "link.wav", "a pipe"), (Path("/dev/zero"), "a device"),
            (tmp_path / "s.wav", "a socket"),
        ):  # fmt: skip
            with pytest.raises(InputError, match=rf"{path.name}: {what}.*, not a file"):
                decode(path)
            assert length_seconds(path) == 0 and what in missing_content(path)


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "m4a"])
def test_clips_longer_than_the_limit(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"talk.{ending}"
    if ending in ("wav", "flac"):
        soundfile.write(path, tone(3.0), RATE)
    else:
        encode(path, tone(3.0), {"mp3": "libmp3lame", "m4a": "aac"}[ending])
    assert decode(path).seconds == pytest.approx(3, abs=0.2)
    monkeypatch.setenv("SERBENCH_LONGEST_CLIP", "2.5")
    with pytest.raises(TooLongError, match=rf"talk\.{ending}: longer than 2.5 s; .* set SERBENCH_LONGEST_CLIP above"):
        decode(path)
    assert decode(path, 10).seconds == pytest.approx(3, abs=0.2)
    clip = make(ClipSource("c/talk", "c", str(path), RATE))
    assert clip.problem == "long" and "longer than 2.5 s" in fault_of(clip, str(path), RATE)
    for odd in ("soon", "0", "-1", "nan"):
        monkeypatch.setenv("SERBENCH_LONGEST_CLIP", odd)
        with pytest.raises(InputError, match=rf"SERBENCH_LONGEST_CLIP={odd}: give seconds"):
            decode(path)


def test_a_promise_of_hours_is_refused_before_a_byte_is_decoded(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[24:28] = (1).to_bytes(4, "little")  # samples per second
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(TooLongError, match="longer than 10 min"):
        decode(tmp_path / "a.wav")


def test_unknown_length_is_no_promise(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"  # as programs write that cannot seek
    path.write_bytes(content)
    assert missing_bytes(path) == 0
    assert decode(path).samples.shape == (1, 9600)


def test_flac_of_unknown_length(tmp_path: Path) -> None:
    path = tmp_path / "pipe.flac"
    soundfile.write(path, tone(), RATE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the last 36 bits of these eight bytes count the samples; 0: unknown
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_allclose(decode(path).samples[0], tone(), atol=2**-15)
    assert length_seconds(path) == 0


def test_unusable_files_are_named_with_the_reason(tmp_path: Path) -> None:
    def refused(name: str, reason: str) -> None:
        with pytest.raises(InputError, match=rf"{name}: .*{reason}") as caught:
            decode(tmp_path / name)
        assert "\n" not in str(caught.value)

    refused("none.wav", "no such file")
    (tmp_path / "zero.wav").touch()
    refused("zero.wav", "empty")
    (tmp_path / "folder.wav").mkdir()
    refused("folder.wav", "is a directory")
    for name in ("text.wav", "text.mp4", "text.raw"):
        (tmp_path / name).write_text("this is not audio\n" * 50)
        refused(name, "(not|no) audio")
    (tmp_path / "pointer.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    refused("pointer.wav", "git lfs pull")
    soundfile.write(tmp_path / "header.wav", np.empty(0), RATE)
    refused("header.wav", "no samples")
    for value, count in ((np.nan, 3), (np.inf, 1)):
        samples = tone()
        samples[100 : 100 + count] = value
        soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
        refused("nan.wav", f"{count} of 9600 samples are NaN or infinite")
    content = (tmp_path / "nan.wav").read_bytes()
    (tmp_path / "riff.wav").write_bytes(content[:30])
    refused("riff.wav", "malformed|damaged|not audio")


def test_damage_of_any_kind_is_an_input_error(tmp_path: Path) -> None:
    """Flipped bits, cuts, lost heads, zeros and junk in every container: read, or refused in one line."""
    rng = np.random.default_rng(0)
    for i, (form, subtype, ending, _) in enumerate(FORMS):
        soundfile.write(tmp_path / f"{i}.{ending}", tone(0.2), RATE, format=form, subtype=subtype)
    for codec, ending in CODECS:
        encode(tmp_path / f"{codec}.{ending}", tone(0.2), codec, title="a title")
    read = 0
    files = sorted(tmp_path.iterdir())
    for path, kind in itertools.product(files, range(8)):
        content = bytearray(path.read_bytes())
        at = int(rng.integers(1, len(content) if kind % 2 else 200))
        if kind < 4:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 4:
            del content[at:]
        elif kind == 5:
            del content[: at % 60]
        else:
            content[at : at + 64] = bytes(64) if kind == 6 else rng.bytes(200)
        damaged = tmp_path / f"damaged{path.suffix}"
        damaged.write_bytes(content)
        length_seconds(damaged)
        try:
            decode(damaged)
            read += 1
        except InputError as error:
            assert "\n" not in str(error) and str(damaged) in str(error)
    assert 0.1 < read / (8 * len(files)) < 0.8


def test_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"mute\.mp4: no audio stream"):
        decode(path)
