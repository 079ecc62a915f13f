"""Decoding: unusual but valid files are read, damaged ones are refused with the reason."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serbench.benchmark.audio import audio_hash, decode, length_seconds, mono, resample
from serbench.benchmark.clips import Task, is_silent, make, quantize, restore
from serbench.benchmark.containers import missing_bytes
from serbench.errors import InputError

RATE = 16_000
#: container, encoding, ending, largest error
FORMS = [
    ("WAV", "PCM_16", "wav", 2**-15),
    ("WAV", "PCM_24", "wav", 2**-23),
    ("WAV", "PCM_32", "wav", 2**-24),
    ("WAV", "FLOAT", "wav", 0),
    ("WAV", "DOUBLE", "WAV", 0),
    ("WAV", "PCM_U8", "wav", 2**-7),
    ("WAV", "MS_ADPCM", "wav", 0.05),
    ("WAV", "ULAW", "wav", 0.05),
    ("WAVEX", "PCM_16", "wav", 2**-15),
    ("RF64", "PCM_16", "wav", 2**-15),
    ("W64", "PCM_16", "w64", 2**-15),
    ("AIFF", "PCM_16", "aiff", 2**-15),
    ("AU", "PCM_16", "au", 2**-15),
    ("CAF", "PCM_16", "caf", 2**-15),
    ("NIST", "PCM_16", "sph", 2**-15),
    ("FLAC", "PCM_16", "flac", 2**-15),
    ("FLAC", "PCM_24", "FLAC", 2**-23),
]
#: codec, ending: written and read with PyAV
CODECS = [("aac", "mp4"), ("aac", "m4a"), ("libmp3lame", "mp3"), ("libopus", "webm"), ("aac", "mka")]


def tone(seconds: float = 0.6, rate: int = RATE, hz: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(path: Path, samples: np.ndarray, codec: str, **options: str) -> None:
    """Write mono samples (N,) with PyAV; libopus knows 48 kHz only."""
    rate = 48_000 if codec == "libopus" else RATE
    samples = resample(samples, RATE, rate)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = rate
        context = stream.codec_context
        cut = av.AudioResampler(stream.format, "mono", rate, frame_size=context.frame_size)
        for part in (*cut.resample(frame), *cut.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(("form", "subtype", "ending", "error"), FORMS)
def test_forms_of_soundfile(tmp_path: Path, form: str, subtype: str, ending: str, error: float) -> None:
    path = tmp_path / f"a.{ending}"
    stereo = np.stack([tone(), -0.5 * tone()]) if subtype != "MS_ADPCM" else tone()[np.newaxis]
    soundfile.write(path, stereo.T, RATE, format=form, subtype=subtype)
    decoded = decode(path)
    assert (decoded.rate_hz, decoded.channels) == (RATE, len(stereo))
    assert decoded.samples.dtype == np.dtype(np.float32)
    assert decoded.clipped == 0
    n = stereo.shape[1]
    assert n <= decoded.samples.shape[1] < n + 1100  # ADPCM fills its last block
    assert np.abs(decoded.samples[:, :n] - stereo).max() <= error
    assert length_seconds(path) == decoded.seconds


@pytest.mark.parametrize(("codec", "ending"), CODECS)
def test_forms_of_pyav(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    encode(path, tone(1.0), codec)
    decoded = decode(path)
    assert decoded.seconds == pytest.approx(1.0, abs=0.2)
    assert length_seconds(path) == pytest.approx(decoded.seconds, abs=0.2)
    spectrum = np.abs(np.fft.rfft(mono(decoded.samples)))
    assert np.argmax(spectrum) / decoded.seconds == pytest.approx(440, abs=3)


def test_audio_under_a_wrong_ending(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", tone(), "aac")
    (tmp_path / "a.mp4").rename(tmp_path / "a.wav")
    assert decode(tmp_path / "a.wav").form == "mov aac"
    soundfile.write(tmp_path / "b.wav", tone(), RATE)
    (tmp_path / "b.wav").rename(tmp_path / "b.mp3")
    assert decode(tmp_path / "b.mp3").samples.shape == (1, 9600)


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


def test_floats_beyond_full_scale_survive(tmp_path: Path) -> None:
    loud = tone(amplitude=3.0)
    soundfile.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    decoded = decode(tmp_path / "loud.wav")
    np.testing.assert_array_equal(decoded.samples[0], loud)
    assert decoded.clipped == 0
    clip = make(Task("c/loud", "c", str(tmp_path / "loud.wav"), RATE))
    np.testing.assert_allclose(restore(clip.pcm, clip.scale), loud, atol=1.001 * clip.scale / 2)


def test_clipping_is_counted(tmp_path: Path) -> None:
    loud = np.clip(tone(amplitude=2.0), -1, 1)
    soundfile.write(tmp_path / "clipped.wav", loud, RATE)
    assert decode(tmp_path / "clipped.wav").clipped == int((np.abs(loud) == 1).sum())
    once = tone()
    once[100], once[200:203] = 1, (1, -1, 1)  # peaks, not plateaus
    soundfile.write(tmp_path / "peak.wav", once, RATE)
    assert decode(tmp_path / "peak.wav").clipped == 0
    quiet_plateau = np.clip(tone(amplitude=0.5), -0.4, 0.4)
    soundfile.write(tmp_path / "quiet.wav", quiet_plateau, RATE)
    assert decode(tmp_path / "quiet.wav").clipped == 0


def test_mono_is_the_mean() -> None:
    a, b = tone(), tone(hz=300)
    np.testing.assert_array_equal(mono(np.stack([a, a])), a)
    np.testing.assert_allclose(mono(np.stack([a, b])), (a + b) / 2, rtol=1e-6)
    np.testing.assert_array_equal(mono(a[np.newaxis]), a)
    assert not mono(np.stack([a, -a])).any()


@pytest.mark.parametrize("rate", [8_000, 11_024, 22_050, 44_100, 48_000])
def test_resampling_keeps_pitch_level_and_length(rate: int) -> None:
    out = resample(tone(1.0, rate, amplitude=2.0), rate, RATE)
    assert out.dtype == np.float32
    assert len(out) == RATE
    middle = slice(RATE // 10, -RATE // 10)
    np.testing.assert_allclose(out[middle], tone(1.0, amplitude=2.0)[middle], atol=2e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold() -> None:
    high = tone(1.0, 48_000, hz=12_000)
    assert np.abs(resample(high, 48_000, RATE)[1000:-1000]).max() < 1e-4


def test_hash_names_the_sound_not_the_file(tmp_path: Path) -> None:
    samples = np.round(tone() * 32768) / 32768
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    soundfile.write(tmp_path / "a.flac", samples, RATE)
    soundfile.write(tmp_path / "two.wav", np.stack([samples, samples]).T, RATE)
    hashes = {audio_hash(mono(decode(tmp_path / n).samples), RATE) for n in ("a.wav", "a.flac", "two.wav")}
    assert len(hashes) == 1
    changed = samples.astype(np.float32)
    changed[5] += 2**-15
    assert hashes.isdisjoint({audio_hash(changed, RATE), audio_hash(samples.astype(np.float32), 8000)})
    zeros = np.zeros(4, dtype=np.float32)
    assert audio_hash(zeros, RATE) == audio_hash(-zeros, RATE)


floats = st.floats(-8, 8, width=32, allow_subnormal=False)


@given(hnp.arrays(np.float32, st.integers(1, 200), elements=floats), st.sampled_from([1.0, 1e-6, 1e-20, 1e6]))
@settings(max_examples=200, deadline=None)
def test_store_errs_by_half_a_step_at_most(samples: np.ndarray, gain: float) -> None:
    samples = (samples * np.float32(gain)).astype(np.float32)
    if is_silent(samples):
        return
    codes, scale = quantize(samples)
    assert codes.dtype == np.int16
    error = np.abs(restore(codes, scale).astype(np.float64) - samples).max()
    assert error <= scale / 2 * 1.01  # the last hundredth: rounding of float32
    peak = np.abs(samples).max()
    assert scale <= max(peak / 32767 * 1.0001, 2**-15)


@given(hnp.arrays(np.int16, st.integers(1, 200)))
def test_sixteen_bit_audio_is_kept_exactly(codes: np.ndarray) -> None:
    samples = codes.astype(np.float32) / 32768
    stored, scale = quantize(samples)
    np.testing.assert_array_equal(stored, codes)
    np.testing.assert_array_equal(restore(stored, scale), samples)


def test_near_silence_keeps_all_levels(tmp_path: Path) -> None:
    faint = tone(amplitude=1e-6)
    soundfile.write(tmp_path / "faint.wav", faint, RATE, subtype="FLOAT")
    clip = make(Task("c/faint", "c", str(tmp_path / "faint.wav"), RATE))
    assert clip.problem == ""
    assert int(np.abs(clip.pcm).max()) == 32767
    np.testing.assert_allclose(restore(clip.pcm, clip.scale), faint, atol=1e-6 / 32767)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_a_constant_is_silence(tmp_path: Path, value: float) -> None:
    soundfile.write(tmp_path / "dc.wav", np.full(4000, value), RATE)
    assert make(Task("c/dc", "c", str(tmp_path / "dc.wav"), 8000)).problem == "silent"


def test_a_clip_shorter_than_a_sample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.array([0.5, 0.1]), 192_000)
    assert make(Task("c/one", "c", str(tmp_path / "one.wav"), 8000)).problem == "short"


CORPORA = os.environ.get("SERBENCH_CORPORA")
#: file -> channels, rate, samples, what becomes of it
ODD = {
    "mono_int24.wav": (1, 44_100, 22, ""),
    "mono_int32.wav": (1, 44_100, 22, ""),
    "mono_float64.wav": (1, 44_100, 22, ""),
    "stereo_24bit.WAV": (2, 16_000, 17_833, ""),
    "signed_24bit.wav": (1, 48_000, 54_514, ""),
    "ms_adpcm.wav": (1, 11_024, 895_500, ""),
    "digital_silence/digital_silence.wav": (1, 48_000, 29_976, "silent"),
    "almost_silent/almost_silent.wav": (1, 48_000, 29_976, ""),
}


@pytest.mark.skipif(not CORPORA, reason="SERBENCH_CORPORA is not set")
@pytest.mark.parametrize("name", ODD)
def test_unusual_real_files(name: str) -> None:
    path = Path(CORPORA or "") / "odd" / name
    channels, rate, n, problem = ODD[name]
    decoded = decode(path)
    assert (decoded.channels, decoded.rate_hz, decoded.samples.shape[1]) == (channels, rate, n)
    clip = make(Task("odd/x", "odd", str(path), RATE))
    assert clip.problem == problem
    if not problem:
        assert len(clip.pcm) == pytest.approx(n * RATE / rate, abs=1)
        expected = resample(mono(decoded.samples), rate, RATE)
        np.testing.assert_allclose(restore(clip.pcm, clip.scale), expected, atol=1.01 * clip.scale / 2)
