"""Feature groups on sounds whose F0, periods, noise and pitch classes are known; and in the models that use them."""

from functools import cache

import numpy as np
import pytest
import torch

from serbench.baselines.functionals_svm import functionals
from serbench.baselines.parts.acoustics import SIZES, contours, rows, stacked
from serbench.baselines.parts.pitch import periods, track
from serbench.baselines.registry import Task, choose
from serbench.benchmark.corpora.synthesis import HOP, RATE_HZ, Controls, Glottis, speak
from serbench.errors import InputError

RATE, FRAME = 16_000, 160
OTHERS = [group for group in SIZES if group not in ("mfcc", "delta", "delta2")]


def pulses(times: np.ndarray, sizes: np.ndarray, seconds: float) -> np.ndarray:
    """A resonance struck at the given times (s), made in the frequency domain, so between samples too."""
    n = round(seconds * RATE)
    hz = np.fft.rfftfreq(2 * n, 1 / RATE)
    resonance = (2 * np.pi * 900) ** 2 / ((2j * np.pi * hz + 2 * np.pi * 300) ** 2 + (2 * np.pi * 900) ** 2)
    spectrum = (sizes @ np.exp(-2j * np.pi * np.outer(times, hz))) * resonance * (hz < 0.45 * RATE)
    sound = np.fft.irfft(spectrum)[:n]
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@cache
def voice(f0_hz: float, jitter: float, shimmer: float) -> tuple[np.ndarray, float, float]:
    """A train of pulses, and its jitter and shimmer (local) in percent, from its periods as they were drawn."""
    rng = np.random.default_rng(0)
    times = 0.01 + np.cumsum((1 + jitter * rng.standard_normal(round(2 * f0_hz))) / f0_hz)
    times = times[times < 1.45]
    sizes = 1 + shimmer * rng.standard_normal(len(times))
    lengths = np.diff(times)
    return (
        pulses(times, sizes, 1.5),
        100 * np.abs(np.diff(lengths)).mean() / lengths.mean(),
        100 * np.abs(np.diff(sizes)).mean() / sizes.mean(),
    )


@pytest.mark.parametrize("f0_hz", [80, 100, 150, 220, 330, 500])
def test_f0_of_a_steady_voice_is_found_to_half_a_percent(f0_hz: float) -> None:
    values = track(voice(f0_hz, 0, 0)[0], RATE, FRAME).f0_hz
    assert len(values) == 151
    assert (values[5:-10] > 0).all()
    assert np.abs(values[5:-10] / f0_hz - 1).max() < 0.005


def test_f0_follows_a_glide() -> None:
    time = np.arange(2 * RATE) / RATE
    f0 = 180 * 2 ** np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 10)).astype(np.float32)
    values, true = track(sound, RATE, FRAME).f0_hz[5:-5], f0[::FRAME][5:-4]
    assert np.abs(np.log2(values / true)).max() < 0.5 / 12  # half a semitone, in the steepest place


@pytest.mark.parametrize(("f0_hz", "jitter", "shimmer"), [(100, 0.005, 0.03), (130, 0.01, 0.05), (200, 0.02, 0.10)])
def test_jitter_and_shimmer_are_those_of_the_pulses(f0_hz: float, jitter: float, shimmer: float) -> None:
    sound, true_jitter, true_shimmer = voice(f0_hz, jitter, shimmer)
    values = contours(sound, RATE, FRAME, ["voice"])["voice"][:2, 15:-15]
    assert np.nanmean(values[0]) == pytest.approx(true_jitter, rel=0.2)
    assert np.nanmean(values[1]) == pytest.approx(true_shimmer, rel=0.2)


def test_a_perfect_voice_has_next_to_no_jitter_and_shimmer() -> None:
    values = contours(voice(130, 0, 0)[0], RATE, FRAME, ["voice"])["voice"][:, 15:-15]
    assert np.nanmax(values[0]) < 0.05 and np.nanmax(values[1]) < 0.5  # percent
    assert np.nanmin(values[2]) > 25  # dB


def test_each_period_is_found_once() -> None:
    sound, _, _ = voice(130, 0.01, 0.05)
    cycles = [p for p in periods(sound, RATE, track(sound, RATE, FRAME)) if p.time < 1.44 * RATE]  # the last pulse
    steps = np.diff([period.time for period in cycles])
    assert np.abs(steps / (RATE / 130) - 1).max() < 0.05
    assert len(cycles) == pytest.approx(1.44 * 130, abs=4)


@pytest.mark.parametrize("ratio_db", [0, 5, 10, 20, 30])
def test_harmonics_to_noise_is_that_of_the_mixture(ratio_db: float) -> None:
    time = np.arange(2 * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * 150 * k * time + k) / k for k in range(1, 20))
    noise = np.random.default_rng(1).standard_normal(len(time))
    noise *= np.sqrt(np.mean(np.square(tone)) / np.mean(np.square(noise)) / 10 ** (ratio_db / 10))
    values = contours((0.1 * (tone + noise)).astype(np.float32), RATE, FRAME, ["voice"])["voice"][2]
    assert np.nanmedian(values) == pytest.approx(ratio_db, abs=1)


def test_noise_and_silence_are_unvoiced() -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    values = track(0.1 * noise, RATE, FRAME)
    assert (values.f0_hz > 0).mean() < 0.02
    assert values.strength.mean() < 0.4
    assert not track(np.zeros(RATE, dtype=np.float32), RATE, FRAME).strength.any()


def test_the_built_in_voice_has_the_f0_it_was_given() -> None:
    steps = 300
    f0 = np.linspace(110, 190, steps)
    ones = np.ones(steps, dtype=np.float32)
    controls = Controls(
        f0, ones, 0.05 * ones, 0 * ones, np.tile([600.0, 1300, 2500], (steps, 1)), 5000 * ones, 2000 * ones, ones, ones
    )
    sound = speak(controls, Glottis(tilt_db=6), 1.0, np.random.default_rng(0))
    values = track(sound, RATE_HZ, HOP).f0_hz[10 : steps - 10]
    true = f0[10:-10]
    assert (values > 0).mean() > 0.98
    assert np.median(np.abs(np.log2(values[values > 0] / true[values > 0]))) < 0.15 / 12  # its own jitter is 0.5 %
    assert np.mean(np.abs(np.log2(values[values > 0] / true[values > 0])) > 1 / 12) < 0.01


def test_energy_crossings_and_rms_of_a_sine() -> None:
    sound = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE + 0.1)).astype(np.float32)
    values = contours(sound, RATE, FRAME, ["energy", "zcr"])
    inner = slice(5, -5)
    assert values["energy"][0, inner] == pytest.approx(10 * np.log10(0.125), abs=0.05)
    assert values["zcr"][0, inner].mean() == pytest.approx(2 * 440 / RATE, rel=0.01)
    assert values["zcr"][1, inner] == pytest.approx(0.5 / np.sqrt(2), abs=0.002)


@pytest.mark.parametrize(("hz", "pitch_class"), [(261.63, 0), (440.0, 9), (493.88, 11), (1108.73, 1)])
def test_chroma_of_a_sine_is_its_note(hz: float, pitch_class: int) -> None:
    sound = (0.3 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)
    values = contours(sound, RATE, FRAME, ["chroma"])["chroma"]
    assert (values[:, 10:-10].argmax(axis=0) == pitch_class).all()
    assert values.max() == 1.0


@pytest.mark.parametrize("n", [1, 50, 1599, 1600, 1601, RATE])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_any_length_of_silence_or_of_a_constant_has_all_frames(n: int, level: float) -> None:
    values = stacked(np.zeros((20, 1 + n // FRAME)), np.full(n, level, np.float32), RATE, FRAME, list(SIZES))
    assert values.shape == (rows(list(SIZES)), 1 + n // FRAME)
    assert not np.isinf(values).any()
    assert np.isfinite(functionals(np.full(n, level, np.float32), RATE, list(SIZES))).all()


def test_what_only_voiced_frames_have_is_summed_up_over_them() -> None:
    sound, _, _ = voice(150, 0.005, 0.03)
    padded = np.append(sound, np.zeros(RATE, dtype=np.float32))
    mean = functionals(padded, RATE, ["f0"]).reshape(7, 2)[0]
    assert mean[0] == pytest.approx(12 * np.log2(150 / 55), abs=0.1)
    assert mean[1] < 0.7  # but voicing is over all frames


@pytest.mark.parametrize("group", SIZES)
def test_the_groups_of_the_svm_are_its_rows(group: str) -> None:
    alone = functionals(voice(150, 0.01, 0.05)[0], RATE, [group]).reshape(7, -1)
    assert alone.shape[1] == SIZES[group]
    every = functionals(voice(150, 0.01, 0.05)[0], RATE, list(SIZES)).reshape(7, -1)
    start = rows(list(SIZES)[: list(SIZES).index(group)])
    assert np.array_equal(every[:, start : start + SIZES[group]], alone)


def test_without_further_groups_nothing_changes() -> None:
    sound = voice(150, 0.01, 0.05)[0]
    assert np.array_equal(functionals(sound, RATE), functionals(sound, RATE, ("delta", "mfcc")))
    chosen = choose("functionals-svm", {"features": "mfcc,delta"})
    assert chosen.settings == choose("functionals-svm").settings


@pytest.mark.parametrize("spec", ["mfcc-attention:tiny+with-all", "mfcc-attention:released+with-all"])
def test_the_network_hears_groups_frame_by_frame(spec: str) -> None:
    changes = {"filters": "4", "reduction": "2", "layout": "vector"}  # a table's cells are no groups of frames
    chosen = choose(spec, changes)
    module = chosen.card.build(chosen.settings, Task(tuple("ab"), 22_050))
    sound = np.interp(np.arange(40_000) * RATE / 22_050, np.arange(1.5 * RATE), voice(150, 0.01, 0.05)[0])
    clips = torch.zeros(2, 70_000)
    clips[0, :40_000] = torch.from_numpy(sound)
    features, frames = module.front(clips, torch.tensor([40_000, 9_000]))
    assert features.shape == (2, 108, 80) and frames.tolist() == [108, 108]
    assert features.isfinite().all()
    plain = choose(spec.partition("+")[0], changes)
    expected, _ = plain.card.build(plain.settings, Task(tuple("ab"), 22_050)).front(
        clips, torch.tensor([40_000, 9_000])
    )
    assert torch.equal(features[..., :20], expected)
    semitones = features[0, 5:40, 61]
    assert semitones.median().item() == pytest.approx(12 * np.log2(150 / 55), abs=0.2)
    if ":released" in spec:
        assert not features[0, 1 + (40_000 - 13_230) // 512 :].any() and not features[1].any()
    with torch.no_grad():
        assert module.eval()(features, frames).shape == (2, 2)


@pytest.mark.parametrize("model", ["mfcc-attention", "functionals-svm"])
def test_groups_are_a_setting_and_bad_ones_are_named(model: str) -> None:
    assert choose(model, {"features": "mfcc,f0,chroma"}).settings.features == ("mfcc", "f0", "chroma")
    for text, words in (("mfcc,pitch", "pitch"), ("mfcc,mfcc", "different groups"), ("", "different groups")):
        with pytest.raises(InputError, match=words):
            choose(model, {"features": text})
    names = {name for name in choose(model).card.variants if name.startswith("with-")}
    assert names == {f"with-{name}" for name in ("deltas", "energy", "f0", "voice", "zcr", "chroma", "all")}


def test_the_kept_features_of_two_sets_of_groups_are_two() -> None:
    for model in ("functionals-svm", "mfcc-attention"):
        keys = []
        for spec in (model, f"{model}+with-f0", f"{model}+with-all"):
            chosen = choose(spec)
            keys.append(str(chosen.card.build(chosen.settings, Task(tuple("ab"))).front_key))
        assert len(set(keys)) == 3


@pytest.mark.parametrize("profile", ["tiny", "released"])
def test_companions_and_zeros_behind_change_no_feature(profile: str) -> None:
    chosen = choose(f"mfcc-attention:{profile}+with-all", {"filters": "4", "reduction": "2", "layout": "vector"})
    module = chosen.card.build(chosen.settings, Task(tuple("ab")))
    sound = torch.from_numpy(voice(150, 0.01, 0.05)[0])
    together = torch.zeros(2, 60_000)
    together[0, : len(sound)] = sound
    together[1] = torch.randn(60_000, generator=torch.Generator().manual_seed(0))
    batch, _ = module.front(together, torch.tensor([len(sound), 60_000]))
    alone, _ = module.front(sound[None], torch.tensor([len(sound)]))
    assert torch.allclose(batch[0], alone[0], atol=1e-3)
