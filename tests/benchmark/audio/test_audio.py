"""Decoding: unusual but valid files are read; what follows from their samples."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serbench.benchmark.audio.decode import audio_hash, decode, length_seconds, mono, resample
from serbench.benchmark.prepared.clip_words import INTEGERS, oddities
from serbench.benchmark.prepared.clips import ClipSource, make, restore
from serbench.tests.support.audio_files import CODECS, FORMS, RATE, encode, tone


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


def test_the_same_bytes_are_the_same_sound_whatever_their_ending(tmp_path: Path) -> None:
    for codec, ending in CODECS:
        encode(tmp_path / f"{codec}.{ending}", tone(), codec)
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    soundfile.write(tmp_path / "a.ogg", tone(), RATE)
    soundfile.write(tmp_path / "a.aiff", tone(), RATE)
    for path in sorted(tmp_path.iterdir()):
        whole = decode(path)
        for ending in (".wav", ".mp3", ".mp4", ".mkv", ".raw", ".au", ".gsm", ""):
            other = tmp_path / f"other{ending}"
            other.write_bytes(path.read_bytes())
            same = decode(other)
            assert (same.form, same.rate_hz) == (whole.form, whole.rate_hz), (path, ending)
            assert audio_hash(mono(same.samples), same.rate_hz) == audio_hash(mono(whole.samples), whole.rate_hz)
            assert length_seconds(other) == length_seconds(path)


@pytest.mark.parametrize(("codec", "ending"), CODECS)
def test_tags_in_any_letters_are_no_fault(codec: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    encode(path, tone(), codec, title="Zoe Zoe Zoe")
    content = path.read_bytes()
    assert b"Zoe Zoe Zoe" in content
    path.write_bytes(content.replace(b"Zoe Zoe Zoe", "Zoë Zoë Zoë".encode("latin-1")))
    assert decode(path).seconds > 0.5 and length_seconds(path) > 0.5


def test_integers_in_a_file_of_floats_are_not_clipped_but_odd(tmp_path: Path) -> None:
    codes = np.rint(32767 * np.clip(tone(amplitude=2.0), -1, 1))
    soundfile.write(tmp_path / "a.wav", codes, RATE, subtype="FLOAT")
    sound = decode(tmp_path / "a.wav")
    assert sound.clipped == 0 and dict(oddities(0, float(np.abs(sound.samples).max()))) == {INTEGERS: "peak 32767"}
    loud = 1.5 * tone(amplitude=1.0)  # a little too loud is usual
    assert not list(oddities(0, float(loud.max())))


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
    clip = make(ClipSource("odd/x", "odd", str(path), RATE))
    assert clip.problem == problem
    if not problem:
        assert len(clip.pcm) == pytest.approx(n * RATE / rate, abs=1)
        expected = resample(mono(decoded.samples), rate, RATE)
        np.testing.assert_allclose(restore(clip.pcm, clip.scale), expected, atol=1.01 * clip.scale / 2)
