"""Channels and small changes: bands, steps and levels against formulas and other libraries; codecs in time and size."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from serbench.benchmark.audio.decode import decode, resample
from serbench.benchmark.conditions import channel, codec, coders
from serbench.benchmark.conditions.kinds import KINDS, apply, complete
from serbench.benchmark.conditions.snr import active_samples
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Condition
from serbench.tests.support.sounds import RATE, speech, tone


def heard(
    clip: np.ndarray, kind: str, level: float | None = None, rate: int = RATE, utterance: str = "c/u"
) -> np.ndarray:
    return apply(clip, rate, utterance, Condition(kind, level, KINDS[kind].unit))


def level_db(clip: np.ndarray, hz: float, rate: int = RATE) -> float:
    """Level of a tone in the middle of the clip."""
    middle = clip[len(clip) // 4 : 3 * len(clip) // 4] * np.hanning(3 * len(clip) // 4 - len(clip) // 4)
    wave = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / rate)
    return float(20 * np.log10(abs(middle @ wave) / len(middle) + 1e-12))


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Pulses of a wandering pitch through two resonances, in syllables: what codecs for speech are made for."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.9 * np.arange(n) / RATE + rng.uniform(0, 6))
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0.0) + 0.02 * rng.standard_normal(n)
    for hz in (600, 1_700):
        pulses = signal.lfilter([1.0], [1, -1.9 * np.cos(2 * np.pi * hz / RATE), 0.95**2], pulses)
    made = pulses * np.clip(np.sin(2 * np.pi * 2 * np.arange(n) / RATE), 0.02, None)
    return (0.3 * made / np.abs(made).max()).astype(np.float32)


def lag(one: np.ndarray, other: np.ndarray, rate: int = RATE) -> int:
    """By how many samples ``other`` is later, where coders keep the phase: 500 to 3000 Hz."""
    band = signal.firwin(255, [500, 3_000], pass_zero=False, fs=rate)
    first, second = (signal.fftconvolve(x, band, "same") for x in (one, other))
    return int(signal.correlate(second, first, method="fft").argmax()) - (len(one) - 1)


# ---- channels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_telephone_passes_300_to_3400_hz(rate: int) -> None:
    for hz in (350, 1_000, 3_300):
        clip = 0.5 * tone(hz, 1, rate)
        assert abs(level_db(heard(clip, "telephone", rate=rate), hz, rate) - level_db(clip, hz, rate)) < 0.5
    for hz in (60, 150, 3_700):
        clip = 0.5 * tone(hz, 1, rate)
        assert level_db(heard(clip, "telephone", rate=rate), hz, rate) < level_db(clip, hz, rate) - 35


def test_telephone_speaks_in_the_steps_of_g711() -> None:
    """At 8 kHz, where nothing is resampled, every sample is one of the 255 values of the standard's table."""
    codes = np.arange(256, dtype=np.uint8).tobytes()
    values = soundfile.read(io.BytesIO(codes), samplerate=8_000, channels=1, format="RAW", subtype="ULAW")[0]
    made = heard(speech(8_000, 1, scale=0.3), "telephone", rate=8_000)
    assert np.isin(made, values.astype(np.float32)).all()
    assert len(np.unique(values)) == 255 and values.max() == pytest.approx(32_124 / 32_768)
    assert len(np.unique(made)) > 100
    loud = heard(100 * tone(1_000, 0.5, 8_000), "telephone", rate=8_000)
    assert np.abs(loud).max() == pytest.approx(32_124 / 32_768)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2_000, 20_000), seed=st.integers(0, 2**32), share=st.sampled_from([1.0, 5.0, 20.0, 60.0]))
def test_clipping_clips_so_many_speaking_samples(n: int, seed: int, share: float) -> None:
    clip = speech(n, seed)
    speaking = active_samples(clip, RATE)
    made = heard(clip, "clipping", share)
    ceiling = np.abs(made).max()
    assert np.mean(np.abs(made[speaking]) >= ceiling) == pytest.approx(share / 100, abs=2.5 / speaking.sum())
    assert np.array_equal(made, np.clip(clip, -ceiling, ceiling))
    np.testing.assert_allclose(heard(7 * clip, "clipping", share), 7 * made, rtol=1e-5, atol=1e-9)
    assert np.array_equal(heard(clip, "clipping", 0), clip)


def test_gain_is_in_db_and_clips_nothing() -> None:
    clip = speech(4_000, 1)
    np.testing.assert_allclose(heard(clip, "gain", 20), 10 * clip, rtol=1e-6)
    np.testing.assert_allclose(heard(clip, "gain", -6), clip * 0.501187, rtol=1e-5)


def test_resampling_keeps_what_both_rates_hold_and_its_place() -> None:
    low, high = tone(1_000, 1), tone(6_000, 1)
    made = heard(low + high, "resampled", 8_000)
    assert abs(level_db(made, 1_000) - level_db(low, 1_000)) < 0.1
    assert level_db(made, 6_000) < level_db(high, 6_000) - 60
    clip = speech(8_001, 1)
    assert lag(clip, heard(clip, "resampled", 8_000)) == 0
    back = heard(clip, "resampled", 22_050)
    assert len(back) == len(clip) and np.corrcoef(back, clip)[0, 1] > 0.97


@pytest.mark.parametrize("said", [8_000, 11_025, 22_050, 48_000])
def test_a_wrong_rate_in_the_header_changes_pitch_and_length(said: int) -> None:
    made = heard(tone(400, 1), "header-rate", said)
    assert len(made) == pytest.approx(RATE * RATE / said, abs=2)
    peak = np.abs(np.fft.rfft(made, 2 * RATE)).argmax() / 2
    assert peak == pytest.approx(400 * said / RATE, abs=1)


# ---- small changes ---------------------------------------------------------------------------------------------


def test_requantized_at_16_bits_is_what_a_file_holds() -> None:
    clip = speech(8_000, 1, scale=0.8)
    file = io.BytesIO()
    soundfile.write(file, clip, RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    stored = soundfile.read(file, dtype="float32")[0]
    assert np.abs(heard(clip, "requantized", 16) - stored).max() <= 1.01 / 32_768
    assert len(np.unique(heard(clip, "requantized", 3))) <= 8
    assert heard(np.array([-9, 9], np.float32), "requantized", 8).tolist() == [-1, 127 / 128]


def test_dither_is_triangular_of_a_step() -> None:
    clip = np.zeros(100_000, np.float32)
    noise = heard(clip, "dither", 12) * 2**11
    assert np.abs(noise).max() <= 1
    assert noise.var() == pytest.approx(1 / 6, rel=0.03)
    assert np.mean(np.abs(noise) < 0.5) == pytest.approx(0.75, abs=0.01)
    assert not np.array_equal(noise, heard(clip, "dither", 12, utterance="c/v") * 2**11)


def test_shift_and_polarity() -> None:
    clip = speech(4_000, 1)
    assert np.array_equal(heard(clip, "shift", 10), np.concatenate([np.zeros(160, np.float32), clip]))
    assert np.array_equal(heard(clip, "inverted"), -clip)


# ---- codecs ----------------------------------------------------------------------------------------------------

CODED = [("opus", 6.0), ("opus", 24.0), ("mp3", 8.0), ("mp3", 32.0), ("amr-nb", 4.75), ("amr-nb", 12.2)]


@pytest.mark.parametrize(("kind", "kbit_s"), CODED)
def test_coded_clips_are_aligned_and_keep_their_length(kind: str, kbit_s: float) -> None:
    for rate in (RATE, 44_100):
        clip = resample(voice(1.2), RATE, rate)
        made = heard(clip, kind, kbit_s, rate)
        assert (made.shape, made.dtype) == (clip.shape, np.float32)
        assert abs(lag(clip, made, rate)) <= 2e-4 * rate
        assert not np.allclose(made, clip, atol=1e-3)


@pytest.mark.parametrize("kind", sorted(coders.CODERS))
def test_more_bits_sound_closer(kind: str) -> None:
    clip = voice(1.2)
    few, many = (4.75, 12.2) if kind == "amr-nb" else (8, 48)
    band = signal.firwin(255, [500, 3_000], pass_zero=False, fs=RATE)
    close = [
        np.corrcoef(*(signal.fftconvolve(x, band) for x in (clip, heard(clip, kind, k))))[0, 1] for k in (few, many)
    ]
    assert 0.3 < close[0] < close[1] and close[1] > 0.8


@pytest.mark.parametrize(("kind", "kbit_s"), CODED)
def test_the_stream_has_the_asked_bit_rate(kind: str, kbit_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    decoded = codec._decoded
    monkeypatch.setattr(codec, "_decoded", lambda c, p, head: sizes.extend(x.size for x in p) or decoded(c, p, head))
    clip = resample(voice(4), RATE, coders.CODERS[kind].rate_hz)
    codec._passed(kind, kbit_s, clip)
    seconds = 4 + codec.FLUSH_SECONDS
    assert 8 * sum(sizes) / 1_000 / seconds == pytest.approx(kbit_s, rel=0.15)


@pytest.mark.parametrize("kind", sorted(coders.CODERS))
@pytest.mark.parametrize("n", [1, 100, 5_000])
def test_codecs_take_short_and_loud_clips(kind: str, n: int) -> None:
    made = heard(20 * speech(n, 1), kind, 12.2 if kind == "amr-nb" else 16)
    assert made.shape == (n,) and np.abs(made).max() < 3


def test_a_codec_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coders.CODERS, "opus", coders.Coder("libnothing", "opus", RATE, "flt"))
    coders.check.cache_clear()
    with pytest.raises(InputError, match=r"has no libnothing.*leave the kind opus out"):
        complete(Condition("opus", 12, "kbit/s"))
    coders.check.cache_clear()


def test_fitted_cuts_and_continues() -> None:
    assert channel.fitted(np.arange(4), 2).tolist() == [0, 1]
    assert channel.fitted(np.arange(2), 4).tolist() == [0, 1, 0, 0]


def test_real_speech_is_coded_in_place(corpora_folder: Path) -> None:
    for path in sorted((corpora_folder / "emodb" / "wav").glob("*.flac"))[::60]:
        clip = decode(path).samples[0]
        for kind, kbit_s in CODED:
            assert abs(lag(clip, heard(clip, kind, kbit_s))) <= 3, (path, kind)
