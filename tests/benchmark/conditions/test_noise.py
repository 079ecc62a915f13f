"""The spectra of the noises that are made here, the talkers of the babble, music and clicks, and loops."""

import numpy as np
import pytest

from serbench.benchmark.conditions import noise
from serbench.benchmark.conditions.noisy import noise_of
from serbench.errors import InputError
from serbench.protocols.parts import noises
from serbench.tests.support.sounds import RATE, quick_talkers, tone


def density(samples: np.ndarray, edges_hz: np.ndarray) -> np.ndarray:
    """Mean power per Hz between the edges."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    band = np.digitize(np.fft.rfftfreq(len(samples), 1 / RATE), edges_hz) - 1
    return np.array([power[band == i].mean() for i in range(len(edges_hz) - 1)])


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -1.0)])
def test_slope_of_the_spectrum(kind: str, slope: float) -> None:
    samples = noise_of(kind)(60 * RATE, RATE, np.random.default_rng(1))
    edges = np.geomspace(30, 7_900, 30)
    fitted = np.polyfit(np.log10(edges[:-1] * edges[1:]) / 2, np.log10(density(samples, edges)), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.02)
    assert np.square(samples, dtype=np.float64).mean() == pytest.approx(1, rel=0.03)


def test_only_noises_are_noises() -> None:
    made = {name for name in noises.ALL if name != noises.RECORDED}
    assert {noise_of(name).__name__.replace("_", "-") for name in made} == made
    for name in ("talkers", "looped", "wrapped", "np", "Noise", "speech_shaped", noises.RECORDED):  # lie there too
        with pytest.raises(InputError, match=f"unknown noise that is made here '{name}'"):
            noise_of(name)


def test_pink_has_nothing_below_20_hz() -> None:
    power = np.abs(np.fft.rfft(noise.pink(RATE, RATE, np.random.default_rng(1)))) ** 2
    assert power[:20].max() < 1e-6 * power[20:100].mean()


def test_speech_shaped_noise_has_the_published_level_in_every_band() -> None:
    samples = noise.speech_shaped(120 * RATE, RATE, np.random.default_rng(2))
    bands = noise.SPEECH_EDGES_HZ[noise.SPEECH_EDGES_HZ < RATE / 2]
    measured = 10 * np.log10(density(samples, bands) * np.diff(bands))
    published = np.array(noise.SPEECH_BANDS_DB[: len(measured)])
    assert len(measured) == 21  # 63 Hz to 6.3 kHz
    error = measured - published
    assert np.abs(error - error.mean()).max() < 0.5
    assert noise.SPEECH_EDGES_HZ[:2] == pytest.approx([56.2, 70.8], abs=0.1)
    # the published levels are those of speech at 70 dB
    assert 10 * np.log10(sum(10 ** (level / 10) for level in noise.SPEECH_BANDS_DB)) == pytest.approx(70, abs=0.1)


def test_babble_is_all_talkers_equally_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    voices = tuple(noise.looped(tone(500 + 100 * i, 2) * 3.0**i, RATE) for i in range(noise.TALKERS))
    monkeypatch.setattr(noise, "talkers", lambda rate_hz, part: voices)
    made = noise.babble(RATE, RATE, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(made)) ** 2
    heard = [power[500 + 100 * i - 3 : 500 + 100 * i + 4].sum() for i in range(noise.TALKERS)]
    assert max(heard) < 1.5 * min(heard)
    assert sum(heard) > 0.95 * power.sum()


def test_talkers_are_eight_different_voices() -> None:
    with quick_talkers():
        voices = noise.talkers(RATE)
        seconds = noise.TALKER_SECONDS
    assert len(voices) == noise.TALKERS == 8
    for voice in voices:
        assert voice.dtype == np.float32
        assert len(voice) == pytest.approx(seconds * RATE, rel=0.01)
        assert np.square(voice, dtype=np.float64).mean() == pytest.approx(1, rel=1e-4)
    among = np.corrcoef([voice[: round(1.9 * RATE)] for voice in voices]) - np.eye(8)
    assert np.abs(among).max() < 0.2


def test_a_loop_repeats_without_a_step() -> None:
    loop = noise.looped(tone(100, 0.105), RATE)  # its end does not meet its start
    assert len(loop) == round(0.095 * RATE)
    endless = noise.wrapped(loop, len(loop) - 50, 4 * len(loop))
    assert np.array_equal(endless[50 : 50 + len(loop)], loop)
    assert np.abs(np.diff(endless)).max() < 1.5 * np.abs(np.diff(loop)).max()
    assert not noise.looped(np.zeros(5, np.float32), RATE).any()


def test_music_is_notes_of_a_key_that_go_on_and_off() -> None:
    made = noise_of("music")(8 * RATE, RATE, np.random.default_rng(3))
    assert np.square(made, dtype=np.float64).mean() == pytest.approx(1, rel=0.3)
    power = np.abs(np.fft.rfft(made * np.hanning(len(made)))) ** 2
    hz = np.fft.rfftfreq(len(made), 1 / RATE)
    strong = np.flatnonzero(power > 1e-3 * power.max())
    assert np.ptp(12 * np.log2(hz[strong])) > 12
    # peaks lie in one tuning: all at whole semitones from each other
    peaks = [k for k in strong if power[k] == power[max(0, k - 40) : k + 41].max() and hz[k] < 900]
    steps = 12 * np.log2(hz[peaks] / hz[peaks[0]])
    assert len(peaks) >= 5 and np.abs(steps - np.round(steps)).max() < 0.35
    assert len({round(s) % 12 for s in steps}) <= 10
    loud = np.square(made).reshape(-1, RATE // 20).mean(1)
    assert loud.max() > 4 * loud.min()


def test_clicks_are_ten_a_second_with_silence_between() -> None:
    made = noise_of("impulsive")(30 * RATE, RATE, np.random.default_rng(4))
    assert np.square(made, dtype=np.float64).mean() == pytest.approx(1, rel=0.25)
    assert 0.6 < np.mean(made == 0) < 0.9
    begins = np.flatnonzero((made[1:] != 0) & (made[:-1] == 0))
    assert 220 < len(begins) <= 300
    assert np.abs(made).max() > 15
    assert all(noise_of("impulsive")(n, RATE, np.random.default_rng(n)).any() for n in (1, 5, 300, 1_599, 1_601))
