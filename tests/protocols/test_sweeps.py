"""Sweeps: designs as text, the points they mean, and the folds of learning curves and moved faces."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.baselines.registry import find as find_model
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.prepared import modalities
from serbench.benchmark.prepared.corpus import open_corpus
from serbench.benchmark.prepared.video import PER_SECOND
from serbench.benchmark.training.augment import CopyMaker
from serbench.benchmark.training.data import Data
from serbench.errors import InputError
from serbench.protocols.parts.augment import Augment, Step
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import options_from
from serbench.protocols.parts.factors import Factor, drawn, factors, full, listed
from serbench.protocols.parts.protocol import CLEAN, Arm, Condition, Fold, utterance_of
from serbench.tests.support.utterances import EMODB, make, run

# ---- designs as text -------------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
MODELS = st.sampled_from(["", "mfcc-attention", "cnn-3-gru", "sigwavnet"])
VALUES = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(1e-9, 1e9).map(repr),
    st.from_regex(r"[a-z][a-z-]{0,9}", fullmatch=True),
)
LEVELS = st.lists(VALUES, min_size=1, max_size=5, unique=True).map(tuple)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[float, float, bool, bool]:
    """Low, high, log, whole."""
    log = draw(st.booleans())
    if draw(st.booleans()):
        low, high = sorted(draw(st.lists(st.integers(1 if log else -50, 10**6), min_size=2, max_size=2, unique=True)))
        return float(low), float(high), log, True
    bounds = st.floats(1e-9 if log else -1e6, 1e6).filter(lambda x: not repr(x).lstrip("-").isdecimal())
    low, high = sorted(draw(st.lists(bounds, min_size=2, max_size=2, unique=True)))
    return low, high, log, False


@st.composite
def designs(draw: st.DrawFn) -> list[Factor]:
    found = []
    for model, name in draw(st.lists(st.tuples(MODELS, NAMES), min_size=1, max_size=4, unique=True)):
        if draw(st.booleans()):
            found.append(Factor(model, name, draw(LEVELS)))
        else:
            found.append(Factor(model, name, (), *draw(ranges())))
    return found


def rendered(found: Sequence[Factor], gap: str) -> str:
    """The text of a design, with or without spaces where they may stand."""

    def number(value: float, whole: bool) -> str:
        return str(int(value)) if whole else repr(value)

    parts = []
    for f in found:
        span = f"{number(f.low, f.whole)}..{number(f.high, f.whole)}{' log' if f.log else ''}" if not f.levels else ""
        key = f"{f.model}.{f.name}" if f.model else f.name
        parts.append(f"{gap}{key}{gap}={gap}{f',{gap}'.join(f.levels) or span}{gap}")
    return ";".join(parts)


def same(one: Factor, other: Factor) -> bool:
    return repr(one) == repr(other)  # bounds of levels are not numbers


@settings(max_examples=50)
@given(designs(), st.sampled_from(["", " "]))
def test_a_design_that_is_written_is_read_back(found: list[Factor], gap: str) -> None:
    read = factors(rendered(found, gap), "here")
    assert len(read) == len(found) and all(map(same, read, found))


@given(ranges(), st.integers(0, 2**32))
def test_random_values_lie_in_their_range(of: tuple[float, float, bool, bool], seed: int) -> None:
    low, high, log, whole = of
    factor, rng = Factor("", "x", (), low, high, log, whole), np.random.default_rng(seed)
    for text in (factor.draw(rng) for _ in range(20)):
        assert low <= float(text) <= high
        assert not whole or str(int(text)) == text


def test_random_values_are_even_on_their_scale_and_reach_both_ends() -> None:
    rng = np.random.default_rng(0)
    dice = Counter(Factor("", "x", (), 1, 6, False, True).draw(rng) for _ in range(6_000))
    assert set(dice) == {"1", "2", "3", "4", "5", "6"}
    assert all(abs(n - 1_000) < 150 for n in dice.values())
    rates = [float(Factor("", "x", (), 1e-5, 1e-2, True).draw(rng)) for _ in range(3_000)]
    decades = Counter(math.floor(math.log10(rate)) for rate in rates)
    assert all(abs(decades[k] - 1_000) < 130 for k in (-5, -4, -3))
    levels = Counter(Factor("", "x", ("a", "b")).draw(rng) for _ in range(1_000))
    assert abs(levels["a"] - 500) < 70


@settings(max_examples=50)
@given(designs().filter(lambda found: all(f.levels for f in found)))
def test_a_grid_is_every_combination_of_each_model(found: list[Factor]) -> None:
    arms = full(found, "here")
    expected = []
    for model in dict.fromkeys(f.model for f in found):
        mine = [f for f in found if f.model == model]
        for point in itertools.product(*(f.levels for f in mine)):
            expected.append((model, tuple(zip((f.name for f in mine), point, strict=True))))
    assert [(arm.model, arm.settings) for arm in arms] == expected
    for arm in arms:
        assert arm.name == " ".join(f"{name}={value}" for name, value in arm.settings)


@settings(max_examples=50)
@given(designs(), st.integers(1, 8))
def test_random_points_are_the_same_each_time_and_more_points_keep_the_first(found: list[Factor], n: int) -> None:
    some, more = drawn(found, n, "here"), drawn(found, n + 3, "here")
    assert some == drawn(found, n, "here")
    for model in {f.model for f in found}:
        first, all_of_it = ([arm for arm in arms if arm.model == model] for arms in (some, more))
        assert all_of_it[: len(first)] == first and 1 <= len(first) <= n
        assert all({name for name, _ in arm.settings} == {f.name for f in found if f.model == model} for arm in first)


def test_random_points_depend_on_the_ranges() -> None:
    one, two = (drawn(factors(text, "here"), 5, "here") for text in ("lr=1e-5..1e-2 log", "lr=1e-5..2e-2 log"))
    assert not {arm.name for arm in one} & {arm.name for arm in two}


def test_a_list_of_points() -> None:
    first = (("lr", "1e-4"), ("batch", "16"))
    assert listed("lr=1e-4 batch=16; mfcc-attention.lr=1e-3 ;", "here") == (
        Arm("lr=1e-4 batch=16", first, factors=first),
        Arm("lr=1e-3", (("lr", "1e-3"),), model="mfcc-attention", factors=(("lr", "1e-3"),)),
    )


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("grid", "lr", r"sweep.grid: 'lr': a factor is \[MODEL.\]SETTING=levels"),
        ("grid", "lr=", "a factor is"),
        ("grid", "=1,2", "a factor is"),
        ("grid", "lr=,", "no level in it"),
        ("grid", " ; ", "nothing varies"),
        ("grid", "lr=1,2,1", "a level is there twice"),
        ("grid", "lr=1; lr=2", "lr is given twice; list its levels once"),
        ("grid", "lr=1..2", "lr is a range; give levels, or a number of random points"),
        ("over", "lr=2..1", "LOW below HIGH"),
        ("over", "lr=0..1 log", "above 0 for log"),
        ("over", "lr=1..2 lag", "a range is LOW..HIGH or LOW..HIGH log"),
        ("over", "lr=a..b", "a range is LOW..HIGH, two numbers"),
        ("over", "lr=nan..1", "LOW below HIGH"),
        ("points", "lr", "a point is SETTING=VALUE SETTING=VALUE"),
        ("points", "lr=1 lr=2", "each setting once"),
        ("points", ";", "no point in it"),
        ("points", "a.lr=1 b.lr=2", "each setting once"),
        ("points", "a.lr=1 b.batch=2", "mixes settings of a, b"),
    ],
)
def test_designs_that_are_none_are_refused(option: str, text: str, words: str) -> None:
    protocol = find("sweep")
    values = {option: text, **({"random": "3"} if option == "over" else {})}
    with pytest.raises(InputError, match=words):
        protocol.arms(options_from(protocol, values))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "what varies"),
        ({"grid": "lr=1", "points": "lr=2"}, "give one design"),
        ({"over": "lr=1..2"}, "belong together"),
        ({"random": "3"}, "belong together"),
        ({"over": "lr=1..2", "random": "-1"}, "belong together"),
    ],
)
def test_a_sweep_has_one_design(values: dict[str, str], words: str) -> None:
    protocol = find("sweep")
    with pytest.raises(InputError, match=words):
        protocol.arms(options_from(protocol, values))  # type: ignore[operator]


# ---- the sweeps that have names --------------------------------------------------------------------------------------


def arms(name: str, **options: str) -> tuple[Arm, ...]:
    protocol = find(name)
    assert protocol.arms != "variants"
    return protocol.arms(options_from(protocol, options))


def asked(protocol: str, models: Sequence[str], *settings: str) -> list[tuple[str, str, Any]]:
    """(model, arm, settings) of every line of a plan."""
    plan = plan_of(Request(protocol, tuple(models), ("synth-a",), 1, settings)).plan
    found = {(c.trial.model, c.trial.arm): plan.settings[c.trial.settings_key] for c in plan.cells}
    return [(model, arm, values) for (model, arm), values in found.items()]


def test_points_of_several_models_reach_their_models_alone() -> None:
    grid = "sweep.grid=mfcc-attention.lr=0.1,0.2; functionals-svm.costs=1; class_weights=balanced"
    found = asked("sweep", ("mfcc-attention:tiny", "functionals-svm"), grid)
    assert {(model, arm) for model, arm, _ in found} == {
        *itertools.product(("mfcc-attention:tiny", "functionals-svm"), ("base", "class_weights=balanced")),
        *itertools.product(("mfcc-attention:tiny",), ("lr=0.1", "lr=0.2")), ("functionals-svm", "costs=1"),
    }  # fmt: skip
    values = {(model, arm): settings for model, arm, settings in found}
    base = values["mfcc-attention:tiny", "base"]
    assert values["mfcc-attention:tiny", "lr=0.2"] == base | {"lr": 0.2}
    assert values["mfcc-attention:tiny", "class_weights=balanced"] == base | {"class_weights": "balanced"}
    assert list(values["functionals-svm", "costs=1"]["costs"]) == [1.0]


def test_hyperparameters_are_those_of_every_network() -> None:
    points = arms("hyperparameters")
    assert len(points) == 13 and points[0].name == "base" and points == arms("hyperparameters")
    assert {name for arm in points[1:] for name, _ in arm.settings} == {"lr", "batch", "weight_decay"}
    assert arms("hyperparameters", points="3") == points[:4]


def test_ablation_has_every_variant_once() -> None:
    variants = find_model("mfcc-attention").variants
    found = asked("ablation", ("mfcc-attention:tiny",))
    assert [arm for _, arm, _ in found] == ["base", *variants]
    assert {model for model, *_ in found} == {"mfcc-attention:tiny"}  # one line of tables, an arm for each variant
    values = {arm: settings for _, arm, settings in found}
    for name, variant in variants.items():
        changed = {key: value for key, value in values[name].items() if value != values["base"][key]}
        assert changed.keys() <= variant.settings.keys() and changed


def test_an_ablation_of_some_variants_and_of_a_variant() -> None:
    some = asked("ablation", ("mfcc-attention:tiny", "functionals-svm"), "ablation.variants=no-l2,mfcc-only")
    assert [(model, arm) for model, arm, _ in some] == [
        ("mfcc-attention:tiny", "base"), ("mfcc-attention:tiny", "no-l2"), ("functionals-svm", "base"),
        ("functionals-svm", "mfcc-only"),
    ]  # fmt: skip
    of_variant = asked("ablation", ("mfcc-attention:tiny+no-l2",), "ablation.variants=no-l2,no-dropout")
    assert [arm for _, arm, _ in of_variant] == ["base", "no-dropout"]
    assert all(settings["l2"] == 0 for *_, settings in of_variant)
    with pytest.raises(InputError, match="unknown variant of any model in the run 'no-l1'; did you mean 'no-l2'"):
        asked("ablation", ("mfcc-attention:tiny",), "ablation.variants=no-l1")


def test_lambda_is_weights_by_margins_and_no_margin_without_the_loss() -> None:
    found = arms("lambda")
    assert len(found) == 1 + 1 + 7 * 4 == len({arm.name for arm in found})
    assert {arm.model for arm in found[1:]} == {"wavfusion"}
    assert [arm.name for arm in arms("lambda", weights="0,2", margins="0.1,0.2")] == [
        "base", "discrepancy=0", "discrepancy=2 margin=0.1", "discrepancy=2 margin=0.2",
    ]  # fmt: skip
    for values in ({"weights": ""}, {"margins": "0.1,0.1"}, {"weights": "-1"}):
        with pytest.raises(InputError, match=r"one or more different numbers of 0 or more"):
            arms("lambda", **values)


def test_augmentation_is_every_combination_that_changes_a_clip() -> None:
    found = {arm.name: arm.augment for arm in arms("augmentation")}
    assert found == {
        "base": Augment(),
        **{
            f"noise={noise:g} pitch={pitch:g}": Augment(noise=noise, pitch=pitch)
            for noise, pitch in itertools.product((0.0, 0.0175, 0.035), (0.0, 0.7, 2.0))
            if noise or pitch
        },
    }
    some = arms("augmentation", noise="0.02", pitch="0", stretch="0,0.1", copies="1,3")
    assert [arm.name for arm in some] == [
        "base", "noise=0.02 stretch=0 copies=1", "noise=0.02 stretch=0 copies=3", "noise=0.02 stretch=0.1 copies=1",
        "noise=0.02 stretch=0.1 copies=3",
    ]  # fmt: skip
    assert some[-1].augment == Augment(noise=0.02, stretch=0.1, copies=3)
    protocol = find("augmentation")
    heard = protocol.conditions(options_from(protocol, {"test_snr": "10,0"}))
    assert heard == (CLEAN, Condition("white", 10.0, "dB"), Condition("white", 0.0, "dB"))
    for values in ({"noise": ""}, {"pitch": "1,1"}):
        with pytest.raises(InputError, match="one or more different levels"):
            arms("augmentation", **values)


@pytest.mark.parametrize("more", [{}, {"copies": "1,2"}, {"test_snr": "10"}])
def test_copies_that_change_no_clip_vary_nothing(more: dict[str, str]) -> None:
    with pytest.raises(InputError, match="augmentation: what varies"):
        arms("augmentation", noise="0", pitch="0", **more)


def test_an_ablation_without_any_variant_varies_nothing() -> None:
    with pytest.raises(InputError, match=r"ablation: what varies.* no variant to compare with majority; for instance"):
        asked("ablation", ("majority",))
    with pytest.raises(InputError, match=r"no variant to compare with mfcc-attention:tiny\+no-l2"):
        asked("ablation", ("mfcc-attention:tiny+no-l2",), "ablation.variants=no-l2")
    beside = asked("ablation", ("majority", "mfcc-attention:tiny"), "ablation.variants=no-l2")
    assert [(model, arm) for model, arm, _ in beside] == [
        ("majority", "base"), ("mfcc-attention:tiny", "base"), ("mfcc-attention:tiny", "no-l2"),
    ]  # fmt: skip


# ---- learning curves -------------------------------------------------------------------------------------------------

UNEVEN = pd.concat(
    [make("mine", "f1 f2 m1", n=12), make("mine", "m2 f3", ("angry", "sad"), n=9), make("mine", "m3", n=5)]
)


def curve(*tables: pd.DataFrame, **options: str) -> tuple[dict[tuple[str, int], list[Fold]], dict[str, str]]:
    """(arm, draw) -> folds, and the label of every utterance."""
    made = run("learning-curve", *tables, **options)
    found: dict[tuple[str, int], list[Fold]] = defaultdict(list)
    for fold in made.split.folds:
        found[fold.arm, fold.repeat].append(fold)
    table = made.labelled.table
    return found, dict(zip(table["id"], table["label"], strict=True))


def test_everything_is_the_base_and_test_and_dev_never_change() -> None:
    table = make("emodb", EMODB, n=5)
    found, _ = curve(table)
    whole = run("speaker-independent", table).split.folds
    assert [(f.name, f.train) for f in found["base", 0]] == [(f.name, f.train) for f in whole]
    assert set(found) == {("base", 0), *((f"share={s:g}", d) for s in (0.05, 0.1, 0.25, 0.5, 0.75) for d in range(3))}
    for folds in found.values():
        assert [(f.name, f.dev, f.test) for f in folds] == [(f.name, f.dev, f.test) for f in whole]


@pytest.mark.parametrize("table", [make("emodb", EMODB, n=5), UNEVEN], ids=["even", "uneven"])
def test_subsets_are_nested_stratified_and_hold_every_speaker(table: pd.DataFrame) -> None:
    found, label = curve(table, shares="0.1,0.2,0.5,0.9", draws="2")
    speaker = dict(zip(table["id"], table["speaker"], strict=True))
    for draw in range(2):
        for number, whole in enumerate(found["base", 0]):
            smaller: set[str] = set()
            for share in (0.1, 0.2, 0.5, 0.9):
                rows = set(found[f"share={share:g}", draw][number].train)
                assert smaller < rows < set(whole.train)
                smaller = rows
                of, all_of = (Counter(speaker[utterance_of(row)] for row in some) for some in (rows, whole.train))
                assert of == {who: math.ceil(round(share * n, 9)) for who, n in all_of.items()}
                for who in of:  # stratified within each speaker
                    mine = Counter(label[utterance_of(r)] for r in rows if speaker[utterance_of(r)] == who)
                    total = Counter(label[utterance_of(r)] for r in whole.train if speaker[utterance_of(r)] == who)
                    exact = {name: n * of[who] / all_of[who] for name, n in total.items()}
                    assert all(abs(mine[name] - exact[name]) < 1.5 for name in total), (who, mine, exact)
                mine, total = (Counter(label[utterance_of(row)] for row in some) for some in (rows, whole.train))
                exact = {name: n * len(rows) / len(whole.train) for name, n in total.items()}
                assert all(abs(mine[name] - exact[name]) < 3.5 for name in total), (share, mine, exact)


def test_the_smallest_subsets_hold_rare_classes_too() -> None:
    """As many clips of each class as EMO-DB has, of which every speaker gives two at 5 %."""
    sizes = {"angry": 13, "happy": 7, "neutral": 8, "sad": 6}
    table = pd.concat([make("emodb", EMODB, (label,), n) for label, n in sizes.items()])
    found, label = curve(table, shares="0.05", draws="5")
    for draw in range(5):
        rows = [row for fold in found["share=0.05", draw] for row in fold.train]
        counts = Counter(label[utterance_of(row)] for row in rows)
        assert all(abs(counts[name] / len(rows) - n / 34) < 0.06 for name, n in sizes.items()), counts


def test_draws_differ_and_do_not_depend_on_other_options() -> None:
    table = make("emodb", EMODB, n=5)
    found, _ = curve(table)
    for share in (0.05, 0.25, 0.75):
        draws = [tuple(fold.train for fold in found[f"share={share:g}", d]) for d in range(3)]
        assert len(set(draws)) == 3
    alone, _ = curve(table, shares="0.25", draws="1")
    assert alone["share=0.25", 0] == found["share=0.25", 0]


def test_a_share_without_a_class_is_refused() -> None:
    rare = pd.concat([make("mine", "f1 f2 m1 m2", ("angry", "sad"), n=40), make("mine", "f1 f2 m1", ("happy",), n=4)])
    with pytest.raises(InputError, match=r"learning-curve: a share of 0\.05 .* lacks happy; leave it out"):
        run("learning-curve", rare.drop_duplicates("id"))
    for values in ({"shares": "0.5,1"}, {"shares": "0"}, {"shares": "0.5,0.5"}, {"shares": ""}, {"draws": "0"}):
        with pytest.raises(InputError, match=r"learning-curve\.(shares|draws)"):
            run("learning-curve", rare, **values)


# ---- moved faces -----------------------------------------------------------------------------------------------------


def test_alignment_moves_test_faces_both_ways_and_trains_with_and_without() -> None:
    protocol = find("alignment")
    names = [c.name for c in protocol.conditions(protocol.options)]
    assert names == ["clean", *(f"face-shift {ms} ms" for ms in (-240, -120, -60, 60, 120, 240)), "face-shuffled"]
    assert [(arm.name, arm.augment) for arm in arms("alignment")] == [
        ("base", Augment()), ("jittered", Augment(face_shift=240)),
    ]  # fmt: skip
    assert [arm.name for arm in arms("alignment", jitter="0")] == ["base"]
    for values in ({"shifts": "0,60"}, {"shifts": "60,60"}, {"shifts": "inf"}, {"jitter": "-1"}):
        with pytest.raises(InputError, match=r"alignment\.(shifts|jitter)"):
            arms("alignment", **values)


@pytest.mark.parametrize("ms", [-240, -120, -60, 60, 120, 240])
def test_a_face_track_is_moved_by_the_milliseconds(ms: int) -> None:
    corpus = open_corpus("synth-a")
    for utterance in corpus.table["id"][:5]:
        track = synthetic.face("synth-a", utterance)
        seen = modalities.face_of(corpus, utterance, condition=Condition("face-shift", float(ms), "ms"))
        still = modalities.face_of(corpus, utterance)
        assert len(seen) == len(still)
        frames = [(1_000 * k // PER_SECOND - ms) * synthetic.FACE_FPS // 1_000 for k in range(len(seen))]
        assert np.array_equal(seen, track[np.clip(frames, 0, len(track) - 1)])
        assert not np.array_equal(seen, still)


def test_a_shuffled_face_is_the_same_pictures_in_an_order_of_its_own() -> None:
    corpus = open_corpus("synth-a")
    orders = []
    for utterance in corpus.table["id"][:4]:
        still = modalities.face_of(corpus, utterance)
        mixed = modalities.face_of(corpus, utterance, condition=Condition("face-shuffled"))
        again = modalities.face_of(corpus, utterance, condition=Condition("face-shuffled"))
        assert np.array_equal(mixed, again) and not np.array_equal(mixed, still)
        orders.append([int(np.flatnonzero((still == row).all(1))[0]) for row in mixed])
        assert sorted(orders[-1]) == list(range(len(still)))
    assert len(set(map(tuple, orders))) == 4


def test_training_faces_move_evenly_within_the_jitter_and_their_sound_stays() -> None:
    corpus = open_corpus("synth-a")
    maker = CopyMaker({1: (Step("face-shift", -240, 240),)})
    rows = [f"{clip}#1" for clip in corpus.table["id"]]
    shifts = np.array([maker.face_shift_s(row) for row in rows])
    assert -0.24 <= shifts.min() < -0.22 and 0.22 < shifts.max() <= 0.24 and abs(shifts.mean()) < 0.03
    data = Data({"synth-a": corpus})
    for row in rows[:3]:
        assert np.array_equal(data.waveform(row, maker=maker), corpus.waveform(utterance_of(row)))

    def encode(clip: Any) -> np.ndarray:
        return np.asarray(clip, dtype=np.float32)

    seen = data.encoded("face", "key", encode, rows[:5], maker=maker)
    for row, face in zip(rows[:5], seen, strict=True):
        assert np.array_equal(face, modalities.face_of(corpus, utterance_of(row), maker.face_shift_s(row)))
