"""Copies of training clips: what each step does to a sound, what draws it, and that dev and test get nothing of it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.prepared.corpus import open_corpus
from serbench.benchmark.training.augment import CopyMaker
from serbench.benchmark.training.data import Data
from serbench.errors import InputError
from serbench.protocols.parts.augment import Augment, Step
from serbench.protocols.parts.copies import augmented
from serbench.protocols.parts.noises import MORE_NOISES, NOISES
from serbench.protocols.parts.protocol import Condition, Fold, copy_of, utterance_of
from serbench.results.evidence import store
from serbench.results.evidence.evidence import Evidence, open_evidence
from serbench.tests.support.sounds import RATE, quick_talkers, snr_db, speech, tone, write
from serbench.tests.support.tiny import serbench, tiny_corpus

CLIP = speech(9_001, 3)
LOUDEST = CLIP.max()
NOISE = Step("noise", 0.035, 0.035, scaled=True)
DEVICES = ("cpu", "cuda", "cuda")


def made(clip: np.ndarray, *steps: Step, utterance: str = "c/u", seed: int = 0, copy: int = 1) -> np.ndarray:
    return CopyMaker({copy: steps}, seed).sound(clip, RATE, f"{utterance}#{copy}")


# ---- what the steps do -----------------------------------------------------------------------------------------------


def test_noise_is_drawn_evenly_up_to_a_part_of_the_largest_sample() -> None:
    """x + a U max(x) e: Lee and Nadeem's formula, whose peak is the largest sample, not the largest magnitude."""
    clip = np.minimum(CLIP, 0.02).astype(np.float32)
    clip[100] = -3.0
    sizes = []
    for k in range(300):
        added = made(clip, NOISE, utterance=f"c/{k}").astype(np.float64) - clip
        sizes.append(added.std() / float(clip.max()) / 0.035)
    assert stats.kstest(sizes, "uniform").pvalue > 0.01
    assert max(sizes) > 0.97
    assert stats.kstest(added / added.std(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(added[1:], added[:-1])[0, 1]) < 0.04


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(
    "step", [NOISE, Step("pitch", 2, 2), Step("stretch", 0.9, 0.9), Step("shift", 0.05, 0.05)], ids=lambda s: s.kind
)
def test_cuda_makes_the_same_copies(step: Step) -> None:
    here, there, again = (CopyMaker({1: (step,)}, 0, torch.device(d)).sound(CLIP, RATE, "c/u#1") for d in DEVICES)
    assert np.array_equal(there, again)
    assert len(here) == len(there) and abs(here - there).max() < 1e-3 * abs(here).max()


def test_noise_that_is_not_scaled_has_one_size() -> None:
    sizes = [(made(CLIP, Step("noise", 0.1, 0.1), utterance=f"c/{k}") - CLIP).std() / CLIP.max() for k in range(20)]
    assert np.allclose(sizes, 0.1, rtol=0.03)


def hertz(clip: np.ndarray) -> float:
    """Frequency of a tone from the phase between two windows of its middle, far better than a bin."""
    n, hop = len(clip) // 4, 64
    window = np.hanning(n)
    start = (len(clip) - n - hop) // 2
    first, second = (np.fft.rfft(window * clip[start + d : start + d + n]) for d in (0, hop))
    k = int(np.abs(first).argmax())
    turn = np.angle(second[k]) - np.angle(first[k]) - 2 * np.pi * k * hop / n
    turn -= 2 * np.pi * np.round(turn / (2 * np.pi))
    return float((k / n + turn / (2 * np.pi * hop)) * RATE)


@pytest.mark.parametrize("semitones", [-12, -2, -0.7, 0.7, 2, 5, 12])
@pytest.mark.parametrize("hz", [150.0, 440.0, 1234.5])
def test_pitch_moves_a_tone_and_keeps_its_length(semitones: float, hz: float) -> None:
    clip = 0.3 * tone(hz, 1.001)
    moved = made(clip, Step("pitch", semitones, semitones))
    assert moved.shape == clip.shape and moved.dtype == np.float32
    cents = 1200 * np.log2(hertz(moved) / hz)
    assert cents == pytest.approx(100 * semitones, abs=3)


@pytest.mark.parametrize("rate", [0.7, 0.9, 1.1, 1.5])
@pytest.mark.parametrize("hz", [150.0, 1234.5])
def test_stretch_changes_the_length_and_keeps_the_pitch(rate: float, hz: float) -> None:
    clip = 0.3 * tone(hz, 1.001)
    stretched = made(clip, Step("stretch", rate, rate))
    assert len(stretched) == round(len(clip) / rate)
    assert 1200 * np.log2(hertz(stretched) / hz) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("value", [-3, -0.7, 2, 7])
def test_pitch_is_librosas(value: float) -> None:
    """A vocoder of the same window, but through a Fourier transform instead of a resampler."""
    import librosa

    clip = voice()
    ours, theirs = (
        made(clip, Step("pitch", value, value)),
        librosa.effects.pitch_shift(clip, sr=RATE, n_steps=value, n_fft=1024),
    )
    assert np.corrcoef(ours[2_000:-2_000], theirs[2_000:-2_000])[0, 1] > 0.995


@pytest.mark.parametrize("rate", [0.61, 0.93, 1.17, 1.9])  # none of which ever comes back to a whole frame
def test_stretch_is_librosas(rate: float) -> None:
    import librosa

    clip = voice()
    ours, theirs = made(clip, Step("stretch", rate, rate)), librosa.effects.time_stretch(clip, rate=rate, n_fft=1024)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs)[:-1_024].max() < 1e-3 * np.abs(theirs).max()


def voice() -> np.ndarray:
    """Half a second of gliding harmonics that come and go, then noise."""
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(9 * time)) / RATE
    glide = sum(np.sin(k * phase) / k for k in range(1, 20)) * (1 + np.sin(25 * time))
    return (0.1 * glide * (time < 0.6) + 0.01 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 5, 200, 1_025, 16_001])
def test_clips_of_any_length_can_be_changed(n: int) -> None:
    clip = speech(n, 5)
    for steps in ((Step("pitch", 2, 2),), (Step("stretch", 1.3, 1.3),), (Step("shift", 0.5, 0.5), NOISE)):
        output = made(clip, *steps)
        assert np.isfinite(output).all()
        assert len(output) == (round(n / 1.3) if steps[0].kind == "stretch" else n)


def test_shift_moves_around_the_end_within_its_bounds() -> None:
    places = [place(made(CLIP, Step("shift", -0.1, 0.1), utterance=f"c/{k}")) for k in range(200)]
    assert -1_600 <= min(places) < -1_400 and 1_400 < max(places) <= 1_600
    assert stats.kstest(places, "uniform", (-1_600, 3_200)).pvalue > 0.01


def place(moved: np.ndarray) -> int:
    """By how many samples CLIP was moved around its end."""
    number = int(np.flatnonzero(moved == LOUDEST)[0]) - int(CLIP.argmax())
    number -= len(CLIP) * round(number / len(CLIP))
    assert np.array_equal(moved, np.roll(CLIP, number))
    return number


@pytest.mark.parametrize("step", [Step("pitch", 0, 0), Step("stretch", 1, 1), Step("shift", 0, 0)])
def test_a_step_of_no_size_leaves_the_clip_to_the_bit(step: Step) -> None:
    assert np.array_equal(made(CLIP, step), CLIP)


# ---- what draws ------------------------------------------------------------------------------------------------------


def test_levels_of_a_step_share_their_draws() -> None:
    weak, strong = (made(CLIP, Step("noise", a, a, scaled=True)).astype(np.float64) - CLIP for a in (0.01, 0.04))
    assert np.allclose(4 * weak, strong, atol=1e-7)
    few, many = (place(made(CLIP, Step("shift", -a, a))) for a in (0.05, 0.1))
    assert abs(many - 2 * few) <= 1


def test_a_step_draws_the_same_beside_other_steps() -> None:
    """Arms that differ in the level of one step, 0 among them, hear the same of the others."""
    alone = made(CLIP, NOISE)
    assert np.array_equal(made(CLIP, Step("shift", 0, 0), NOISE), alone)
    assert np.array_equal(made(CLIP, Step("pitch", 0, 0), Step("stretch", 1, 1), NOISE), alone)
    twice = made(CLIP, NOISE, NOISE).astype(np.float64)
    assert abs(np.corrcoef(twice - alone, alone.astype(np.float64) - CLIP)[0, 1]) < 0.05


def test_utterance_copy_and_seed_decide_the_draws() -> None:
    first = made(CLIP, NOISE)
    assert np.array_equal(first, made(CLIP, NOISE))
    others = [made(CLIP, NOISE, utterance="c/v"), made(CLIP, NOISE, seed=1), made(CLIP, NOISE, copy=2)]
    assert not any(np.array_equal(first, other) for other in others)


def test_a_row_sounds_the_same_whatever_is_computed_beside_it() -> None:
    corpus = open_corpus("synth-a")
    clips = list(corpus.table["id"][:6])
    maker = CopyMaker({2: (Step("pitch", -2, 2), NOISE), 7: (Step("stretch", 0.9, 1.1),)}, seed=3)
    rows = [f"{clip}#{copy}" for clip in clips for copy in (0, 2, 7)]
    alone = {row: Data({"synth-a": corpus}).waveform(row, maker=maker) for row in rows}

    def front(chunk: list[np.ndarray]) -> list[np.ndarray]:
        return chunk

    together = Data({"synth-a": corpus})
    for some in (rows[::-1], rows[3:9], rows):
        features = together.features("key", front, some, Condition("gain", 0.0, "dB"), maker)
        assert all(np.array_equal(x, alone[row]) for x, row in zip(features, some, strict=True))
    assert all(np.array_equal(alone[f"{clip}#0"], corpus.waveform(clip)) for clip in clips)


def test_a_copy_without_a_recipe_and_silence_in_noise_are_refused() -> None:
    corpus = open_corpus("synth-a")
    with pytest.raises(InputError, match="declares no recipe for copy 4"):
        Data({"synth-a": corpus}).waveform(f"{corpus.table['id'][0]}#4", maker=CopyMaker({3: ()}))
    with pytest.raises(InputError, match="c/u#1: silent"):
        made(np.zeros(500, np.float32), Step("snr", 5, 5, ("white",)))


def test_recordings_that_changed_since_the_plan_are_told(tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"{k}.wav", tone(500 + 100 * k, 0.3))
    with pytest.raises(InputError, match="its recordings changed since training in their noise was planned"):
        made(CLIP, Step("snr", 5, 5, ("recorded",), str(tmp_path), "another content"))


# ---- what it is done to ----------------------------------------------------------------------------------------------

FRACTIONS = st.floats(0, 0.9)
AUGMENTS = st.builds(
    Augment, noise=FRACTIONS, pitch=FRACTIONS, stretch=FRACTIONS, shift=FRACTIONS, copies=st.integers(1, 4),
    face_shift=FRACTIONS, snr=st.sampled_from([(), (5.0, 20.0)]),
)  # fmt: skip


@st.composite
def folds(draw: st.DrawFn) -> Fold:
    """Utterances in train, dev and test; some training rows are copies already."""
    parts = draw(st.lists(st.sampled_from(["train", "dev", "test"]), min_size=3, max_size=20))
    number = draw(st.sampled_from([(), (1,), (2, 5)]))
    rows: dict[str, list[str]] = {"train": ["c/a#0"], "dev": [], "test": []}
    for i, part in enumerate(parts):
        rows[part].append(f"c/{i}#0")
        rows["train"] += [f"c/{i}#{copy}" for copy in number if part == "train"]
    recipes = tuple((copy, (Step("pitch", copy, copy),)) for copy in number)
    return Fold("f", "c", "c", ("a", "b"), *(tuple(sorted(rows[p])) for p in ("train", "dev", "test")), copies=recipes)


@given(folds(), AUGMENTS)
@example(Fold("f", "c", "c", ("a", "b"), ("c/1#0",), ("c/2#0",), ("c/3#0",)), Augment())
def test_only_training_rows_are_changed_and_copied(fold: Fold, augment: Augment) -> None:
    new = augmented(fold, augment)
    assert (new.dev, new.test) == (fold.dev, fold.test)
    assert {utterance_of(row) for row in new.train} == {utterance_of(row) for row in fold.train}
    assert not {utterance_of(row) for row in new.train} & {utterance_of(row) for row in (*new.dev, *new.test)}
    assert len(set(new.train)) == len(new.train) and list(new.train) == sorted(new.train)
    clips = len({utterance_of(row) for row in fold.train})
    assert len(new.train) == len(fold.train) + (augment.copies * clips if augment.made else 0)
    old, recipe = {0: (), **dict(fold.copies)}, {0: (), **dict(new.copies)}
    assert old.items() <= recipe.items()  # a number means one thing
    expected = [old[copy_of(row)] + augment.heard for row in fold.train]
    expected += [augment.made + augment.heard] * (len(new.train) - len(fold.train))
    assert sorted(map(repr, expected)) == sorted(repr(recipe[copy_of(row)]) for row in new.train)
    if augment.heard:
        assert 0 not in {copy_of(row) for row in new.train}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"noise": -0.1}, "augment.noise=-0.1: give 0"),
        ({"pitch": float("nan")}, "augment.pitch=nan"),
        ({"pitch": 25.0}, "at most 24 semitones"),
        ({"copies": 0}, "augment.copies=0: from 1 to 100"),
        ({"snr": (20.0, 5.0)}, "train_snr: two levels from -60 to 60 dB, the lower first"),
        ({"snr": (5.0, 61.0)}, "train_snr: two levels from -60 to 60 dB"),
        ({"noises": ("whit",)}, "unknown noise for training 'whit'; did you mean 'white'"),
        ({"noises": ("recorded",)}, "which recordings"),
        ({"dir": "/sounds"}, "is for train_noise=recorded"),
    ],
)
def test_what_cannot_be_done_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Augment(**values)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ((), "base"),
        (("train_snr=10",), "train_snr=10..10"),
        (("train_snr=-5..20", "train_noise=white,babble"), "train_snr=-5..20 train_noise=white+babble"),
        (("augment.noise=0.035", "augment.copies=2"), "noise=0.035 copies=2"),
        (("augment.pitch=2", "train_snr=5..20"), "pitch=2 train_snr=5..20"),
    ],
)
def test_a_run_with_it_is_an_arm_of_its_own(settings: tuple[str, ...], name: str) -> None:
    plan = plan_of(Request("speaker-independent", ("majority",), ("synth-a",), settings=settings)).plan
    assert {cell.trial.arm for cell in plan.cells} == {name}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("train_noise=white", "no training clip is changed: train_noise needs train_snr"),
        ("augment.copies=3", "no training clip is changed"),
        ("train_snr=loud", "train_snr=loud: give a level or a range in dB, as 5..20"),
        ("train_snr=5..", r"train_snr=5\.\.: give a level or a range in dB"),
        ("augment.copies=two", "augment.copies=two: give a number: further copies of every training clip"),
        ("augment.nois=1", "unknown setting 'augment.nois'; did you mean 'augment.noise'"),
        ("augment.content=x", "unknown setting 'augment.content'"),
    ],
)
def test_settings_that_do_nothing_or_are_none_are_refused(setting: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_of(Request("speaker-independent", ("majority",), ("synth-a",), settings=(setting,)))


# ---- what models hear ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"), speakers=4, takes=5)


class Ears:
    """Everything that models of a run heard: row -> the hashes of its sound, and one of these sounds."""

    def __init__(self) -> None:
        self.hashes: dict[str, set[str]] = defaultdict(set)
        self.times: dict[str, int] = defaultdict(int)
        self.sound: dict[str, np.ndarray] = {}

    def listen(self, row: str, sound: np.ndarray) -> None:
        self.hashes[row].add(hashlib.sha256(sound.tobytes()).hexdigest())
        self.times[row] += 1
        self.sound[row] = sound


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ears]:
    listener, waveform = Ears(), Data.waveform

    def heard(self: Data, row: str, *more: Any, **named: Any) -> np.ndarray:
        sound = waveform(self, row, *more, **named)
        listener.listen(row, sound)
        return sound

    monkeypatch.setattr(Data, "waveform", heard)
    with quick_talkers():
        yield listener


def run(corpus: Path, out: Path, *settings: str) -> Evidence:
    models = ("--model", "functionals-svm", "--model", "mfcc-attention:tiny", "--set", "mfcc-attention.epochs=1")
    chosen = [word for setting in settings for word in ("--set", setting)]
    code, _, err = serbench(
        "run", "--protocol", "speaker-independent", "--corpus", f"mine={corpus}", *models, *chosen,
        "--jobs", "1", "--out", out,
    )  # fmt: skip
    assert code == 0, err
    return open_evidence([store.open_run(out)])


def test_two_models_hear_the_same_copies_and_dev_and_test_as_they_are(
    corpus: Path, ears: Ears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    frames = run(corpus, tmp_path / "run", "augment.noise=0.03", "augment.pitch=2", "augment.copies=2")
    clips = {utterance_of(row) for row in ears.hashes}
    assert set(ears.hashes) == {f"{clip}#{copy}" for clip in clips for copy in (0, 1, 2)}
    assert {len(hashes) for hashes in ears.hashes.values()} == {1}
    assert min(ears.times[row] for row in ears.times if copy_of(row)) >= 2  # by each model
    prepared = open_corpus(f"mine={corpus}")
    assert all(np.array_equal(ears.sound[f"{clip}#0"], prepared.waveform(clip)) for clip in clips)
    assert set(frames.predictions["row"]) == {f"{clip}#0" for clip in clips}
    assert set(frames.records["arm"]) == {"noise=0.03 pitch=2 copies=2"}
    train, dev, test = (frames.records[name].iloc[0] for name in ("n_train", "n_dev", "n_test"))
    assert train + dev + test == len(clips) == 40  # utterances, not copies


def test_training_in_noise_has_the_levels_that_were_asked_for(corpus: Path, ears: Ears, tmp_path: Path) -> None:
    frames = run(corpus, tmp_path / "run", "train_snr=5..20")
    prepared = open_corpus(f"mine={corpus}")
    levels = []
    for row, sound in ears.sound.items():
        clip = prepared.waveform(utterance_of(row))
        if copy_of(row) == 0:
            assert np.array_equal(sound, clip)
        else:
            levels.append(snr_db(clip, sound.astype(np.float64) - clip, RATE))
    assert len(levels) == 40 and {len(hashes) for hashes in ears.hashes.values()} == {1}
    assert 4.9 <= min(levels) < max(levels) <= 20.1
    assert stats.kstest(levels, "uniform", (5, 15)).pvalue > 0.01
    assert set(frames.records["arm"]) == {"train_snr=5..20"}
    for options in frames.records["options"]:
        assert options["augment"]["snr"] == [5, 20] and tuple(options["augment"]["noises"]) == NOISES


@pytest.mark.parametrize("noise", [*NOISES, *MORE_NOISES, "recorded"])
def test_a_level_for_training_is_kept_to_a_tenth_of_a_decibel(noise: str, tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"{k}.wav", speech(8_000, 20 + k))
    with quick_talkers():
        for k, level in enumerate((-5.0, 0.0, 7.5, 20.0)):
            clip = speech(11_000, k)
            step = Step("snr", level, level, (noise,), str(tmp_path) if noise == "recorded" else "")
            heard = made(clip, step, utterance=f"c/{k}").astype(np.float64)
            assert snr_db(clip, heard - clip, RATE) == pytest.approx(level, abs=0.1)
