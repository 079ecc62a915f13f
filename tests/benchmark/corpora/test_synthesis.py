"""The synthesizer against what was asked of it: F0, formants, tilt, noise, irregularity, level."""

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz

from serbench.benchmark.corpora.synthesis import (
    CONTROL_HZ,
    HOP,
    RATE_HZ,
    Channel,
    Controls,
    Glottis,
    _overlap_add,
    _spectra,
    level,
    record,
    speak,
)

STEADY = Glottis(tilt_db=3.0, jitter=0.0, shimmer=0.0)


def sustained(
    f0_hz=110.0, formants=(500.0, 1500.0, 2500.0), seconds=1.0, voice=1.0, breath=0.0, friction=0.0, noise_hz=3000.0
):
    one = np.ones(round(seconds * CONTROL_HZ))
    return Controls(
        f0_hz=f0_hz * one,
        voice=voice * one,
        breath=breath * one,
        friction=friction * one,
        formants_hz=np.tile(formants, (len(one), 1)),
        friction_hz=noise_hz * one,
        friction_width_hz=1500 * one,
        accent=0 * one,
        opening=one,
    )


def spoken(controls, glottis=STEADY, tract=1.0):
    return speak(controls, glottis, tract, np.random.default_rng(0))


def power(x):
    return np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2


def test_frames_add_up_to_the_signal():
    x = np.random.default_rng(0).standard_normal(40 * HOP).astype(np.float32)
    out = _overlap_add(np.fft.irfft(_spectra(x), axis=1).astype(np.float32))[: len(x)]
    # the last half window has no partner: every clip ends in silence
    np.testing.assert_allclose(out[:-HOP], x[:-HOP], atol=1e-5)


@pytest.mark.parametrize("f0_hz", [80.0, 125.0, 210.0, 320.0])
def test_harmonics_stand_at_multiples_of_f0(f0_hz):
    x = spoken(sustained(f0_hz))
    spectrum = power(x[1600:-1600])
    hz = np.fft.rfftfreq(len(x) - 3200, 1 / RATE_HZ)
    for harmonic in (1, 2, 3):
        near = np.abs(hz - harmonic * f0_hz) < 0.4 * f0_hz
        assert abs(hz[near][spectrum[near].argmax()] - harmonic * f0_hz) < 2


@pytest.mark.parametrize(
    "formants", [(730.0, 1090.0, 2440.0), (280.0, 2290.0, 3010.0), (300.0, 870.0, 2240.0), (530.0, 1840.0, 2480.0)]
)
def test_formants_are_where_the_tongue_is(formants):
    x = spoken(sustained(100.0, formants, breath=0.02))[1600:-1600].astype(float)
    x = np.append(x[0], x[1:] - 0.97 * x[:-1]) * np.hanning(len(x))
    r = np.array([x[: len(x) - k] @ x[k:] for k in range(19)])
    roots = np.roots(np.concatenate([[1.0], -solve_toeplitz(r[:-1], r[1:])]))
    sharp = roots[(roots.imag > 0) & (np.abs(roots) > 0.93)]
    found = np.sort(np.angle(sharp)) * RATE_HZ / (2 * np.pi)
    for formant in formants:
        assert np.min(np.abs(found - formant)) < 45, found


def test_tilt_takes_its_decibels_at_3_khz():
    f0_hz, harmonic = 100.0, 30
    sounds = [spoken(sustained(f0_hz), Glottis(tilt, jitter=0, shimmer=0))[1600:-1600] for tilt in (0.0, 6.0, 12.0)]
    bins = [round(f * len(sounds[0]) / RATE_HZ) for f in (f0_hz, harmonic * f0_hz)]
    low, high = np.array([[10 * np.log10(power(x)[b - 3 : b + 4].sum()) for b in bins] for x in sounds]).T
    np.testing.assert_allclose(high - high[0], [0, -6, -12], atol=0.3)
    np.testing.assert_allclose(low - low[0], 0, atol=0.3)


def test_friction_keeps_the_power_of_its_noise_and_has_its_peak():
    x = spoken(sustained(voice=0.0, friction=0.5, noise_hz=3000.0, seconds=3.0))[1600:-1600]
    spectrum, hz = power(x), np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    assert np.std(x) == pytest.approx(0.5, rel=0.05)
    assert np.sum(spectrum * hz) / np.sum(spectrum) == pytest.approx(3050, rel=0.05)


def harmonic_share(x, f0_hz=100.0):
    """Share of the power within 8 Hz of a harmonic, above 1 kHz."""
    hz = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    spectrum = power(x) * (hz > 1000)
    return spectrum[np.abs((hz + f0_hz / 2) % f0_hz - f0_hz / 2) < 8].sum() / spectrum.sum()


def test_breath_jitter_and_shimmer_take_power_from_the_harmonics():
    plain = harmonic_share(spoken(sustained(100.0, seconds=2.0)))
    breathy = harmonic_share(spoken(sustained(100.0, seconds=2.0, breath=0.1)))
    jittery = harmonic_share(spoken(sustained(100.0, seconds=2.0), Glottis(3.0, jitter=0.02, shimmer=0.0)))
    shimmery = harmonic_share(spoken(sustained(100.0, seconds=2.0), Glottis(3.0, jitter=0.0, shimmer=0.2)))
    assert plain > 0.99
    assert jittery < 0.9 and breathy < 0.97 and shimmery < 0.98


def test_level_and_recording():
    controls = sustained()
    loud = level(spoken(controls), controls, -20.0)
    assert 20 * np.log10(np.std(loud)) == pytest.approx(-20, abs=0.1)
    channel, rng = Channel(100, 6000, -60), np.random.default_rng(0)
    recorded = record(40 * loud, channel, 0.0, rng)
    assert np.abs(recorded).max() == pytest.approx(0.95, abs=1e-6)  # turned down, not clipped
    assert np.sum(np.abs(recorded) > 0.949) < 20
    quiet = record(np.zeros(RATE_HZ, np.float32), channel, 0.0, rng)
    assert 20 * np.log10(np.std(quiet)) == pytest.approx(-61.3, abs=0.5)  # 5900 of 8000 Hz pass
    assert recorded.dtype == quiet.dtype == np.float32
