"""What arms and practices do to a plan: which trainings they share, what keys tell apart, what is left out and why."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from serbench.baselines import registry
from serbench.baselines.registry import Card
from serbench.benchmark.commands.plan_text import plan_text
from serbench.benchmark.planning import plan as plans
from serbench.benchmark.planning.plan import Plan, Trial
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.planning.summary import summarize
from serbench.errors import InputError
from serbench.protocols.parts.augment import Augment
from serbench.protocols.parts.protocol import BASE, Arm
from serbench.tests.support.sounds import tone, write

NETWORK, CLASSICAL = "mfcc-attention:tiny", "functionals-svm"
RECURRENT = "cnn-3-gru:tiny"


def plan(
    protocol: str = "speaker-independent",
    *settings: str,
    models: Sequence[str] = (NETWORK,),
    corpora: Sequence[str] = ("synth-a",),
    seeds: int = 1,
    arms: tuple[Arm, ...] = (),
) -> Plan:
    return plan_of(Request(protocol, tuple(models), tuple(corpora), seeds, settings, arms)).plan


def trials(made: Plan) -> list[Trial]:
    return list({cell.trial.key: cell.trial for cell in made.cells}.values())


def trainings(made: Plan) -> dict[str, set[str]]:
    """Arm -> its trainings."""
    found: dict[str, set[str]] = defaultdict(set)
    for trial in trials(made):
        found[trial.arm].add(trial.training)
    return found


def keys(made: Plan, name: str = "training") -> set[str]:
    return {getattr(trial, name) for trial in trials(made)}


# ---- keys ------------------------------------------------------------------------------------------------------------

LEARNED = (
    (), ("train_snr=5..20",), ("train_snr=5..10",), ("train_snr=5..20", "train_noise=white"),
    ("augment.noise=0.03",), ("augment.noise=0.04",), ("augment.noise=0.03", "augment.copies=2"), ("augment.pitch=2",),
    ("augment.stretch=0.1",), ("augment.shift=0.1",), ("augment.face_shift=60",),
    ("mfcc-attention.keep=last",), ("mfcc-attention.lr=0.1",), ("mfcc-attention.epochs=3",),
)  # fmt: skip


def test_whatever_changes_what_is_learned_changes_the_training() -> None:
    found = [keys(plan("speaker-independent", *settings)) for settings in LEARNED]
    assert len({len(some) for some in found}) == 1
    assert len(set().union(*found)) == sum(map(len, found))
    assert keys(plan()) == found[0]  # and nothing else does


def test_training_rows_are_named_by_what_is_done_to_them() -> None:
    plain, changed, other = (plan("speaker-independent", *s) for s in ((), LEARNED[4], ("mfcc-attention.lr=0.1",)))
    assert not keys(plain, "train_key") & keys(changed, "train_key")
    for name in ("train_key", "fold_hash"):
        assert keys(plain, name) == keys(other, name)
    assert not keys(plain) & keys(other)


def test_the_seed_is_part_of_the_training() -> None:
    assert len(keys(plan(seeds=3))) == 3 * len(keys(plan()))
    assert keys(plan()) < keys(plan(seeds=3))


def test_recordings_count_by_what_lies_in_their_folder_not_by_where(tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        for k in range(4):
            write(tmp_path / folder / f"{k}.wav", tone(500 + 100 * k, 0.2))
    write(tmp_path / "three" / "more.wav", tone(3_000, 0.2))
    one, two, three = (
        plan("speaker-independent", "train_snr=5..20", "train_noise=recorded", f"train_noise_dir={tmp_path / folder}")
        for folder in ("one", "two", "three")
    )
    assert keys(one, "key") == keys(two, "key")
    assert not keys(one) & keys(three)
    assert "content" in one.options_of("train_snr=5..20 train_noise=recorded")["augment"]


@pytest.mark.parametrize(
    ("protocol", "model", "per_fold"),
    [
        ("padding-companions", RECURRENT, 2),  # padding masked and not, whatever the companions
        ("test-statistics", NETWORK, 1),
        ("dropped-last-batch", NETWORK, 1),
        ("noise", NETWORK, 1),
        ("oracle-epoch", NETWORK, 3),  # each has another dev set, which chooses the epoch
        ("carried-state", RECURRENT, 2),  # zero and carried, in whatever order the test rows come
        ("alignment", "wavfusion:tiny", 2),
    ],
)
def test_what_changes_scoring_alone_shares_the_training(protocol: str, model: str, per_fold: int) -> None:
    made = plan(protocol, models=(model,))
    base = [trial for trial in trials(made) if trial.arm == BASE.name]
    assert len(keys(made)) == per_fold * len(base)
    marks = [(trial.training, trial.arm) for trial in trials(made)]
    assert len(set(marks)) == len(marks) == len(trials(made))


def test_states_that_are_carried_are_another_training_and_orders_are_not() -> None:
    by_arm = trainings(plan("carried-state", models=(RECURRENT,)))
    carried = [some for arm, some in by_arm.items() if arm.startswith("carried")]
    assert len(carried) == 3 and carried[0] == carried[1] == carried[2]
    assert by_arm["base"] == by_arm["zero, by class"] and not carried[0] & by_arm["base"]


def test_weights_before_are_part_of_the_training() -> None:
    made = plan("carried-weights")
    by_arm = trainings(made)
    assert by_arm["base"] == by_arm["fresh, on validation"]
    assert by_arm["carried"] == by_arm["carried, on validation"]
    assert len(by_arm["base"]) == len(by_arm["carried"]) == 5
    assert len(by_arm["base"] & by_arm["carried"]) == 1  # the first fold begins with fresh weights
    assert len(keys(made)) == 9
    for trial in trials(made):
        chain = [trial]
        while chain[-1].before is not None:
            chain.append(chain[-1].before)
        assert len(chain) == (trial.fold % 5 + 1 if trial.arm.startswith("carried") else 1)
        assert trial.group == chain[-1].training


def test_whatever_chooses_the_epoch_weights_and_order_are_drawn_alike() -> None:
    made = plan("oracle-epoch")
    rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for trial in trials(made):
        rows[trial.train_key].append(made.folds[trial.fold].train)
    assert all(len(some) == 3 and len(set(some)) == 1 for some in rows.values())


def test_arms_that_differ_in_a_setting_share_folds_and_rows() -> None:
    made = plan("sweep", "sweep.grid=lr=0.1,0.2; batch=8,16", models=(NETWORK,))
    by_arm: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for trial in trials(made):
        by_arm[trial.arm].add((trial.fold_hash, trial.train_key))
    assert len(by_arm) == 5 and len(set(map(frozenset, by_arm.values()))) == 1
    assert not set.intersection(*trainings(made).values())


def test_a_level_that_is_the_models_own_is_not_trained_twice() -> None:
    made = plan("sweep", "sweep.grid=mfcc-attention.batch=8,16", models=(NETWORK,))
    by_arm = trainings(made)
    assert by_arm["batch=16"] == by_arm["base"] and not by_arm["batch=8"] & by_arm["base"]  # tiny has 16


def test_the_text_of_a_model_is_read_once_however_many_arms_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def modules_of(card: Card) -> tuple[str, ...]:
        read.append(card.name)
        return registry.modules_of(card)

    monkeypatch.setattr(plans, "modules_of", modules_of)
    levels = ",".join(f"0.{k:02}1" for k in range(30))
    made = plan("sweep", f"sweep.grid=mfcc-attention.lr={levels}", models=(NETWORK, CLASSICAL))
    assert len({trial.arm for trial in trials(made)}) == 31
    assert read == ["mfcc-attention", CLASSICAL]


# ---- settings for training clips beside arms -------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["learning-curve", "oracle-epoch", "dropped-last-batch", "carried-weights"])
def test_arms_with_folds_of_their_own_keep_them_in_noise(protocol: str) -> None:
    plain, noisy = plan(protocol), plan(protocol, "train_snr=5..20")

    def tested(made: Plan) -> dict[str, list[tuple[str, ...]]]:
        found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for trial in trials(made):
            found[trial.arm].append(made.folds[trial.fold].test)
        return found

    named = {arm: "train_snr=5..20" if arm == "base" else f"{arm} train_snr=5..20" for arm in plain.augments}
    before, after = tested(plain), tested(noisy)
    assert after == {named[arm]: rows for arm, rows in before.items()}
    assert {named[arm]: leaks for (arm, *_), leaks in plain.leaks.items()} == {
        arm: leaks for (arm, *_), leaks in noisy.leaks.items()
    }
    assert not keys(plain) & keys(noisy)


def test_an_arm_that_sets_it_itself_is_not_set_twice() -> None:
    with pytest.raises(InputError, match=r"arm 'noise=0.0175 pitch=0' sets noise of the training clips itself"):
        plan("augmentation", "augment.noise=0.5")
    made = plan("augmentation", "train_snr=5..20")
    assert "noise=0.035 pitch=2 train_snr=5..20" in made.augments and "train_snr=5..20" in made.augments


def test_a_study_brings_arms_of_its_own() -> None:
    arms = (
        BASE,
        Arm("quick", settings=(("lr", "0.1"),), model="mfcc-attention"),
        Arm("loud", augment=Augment(noise=0.1)),
    )
    made = plan(models=(NETWORK, CLASSICAL), arms=arms)
    assert {(t.model, t.arm) for t in trials(made)} == {
        (NETWORK, "base"), (NETWORK, "quick"), (NETWORK, "loud"), (CLASSICAL, "base"), (CLASSICAL, "loud"),
    }  # fmt: skip
    with pytest.raises(InputError, match=r"ablation: .* a study with arms needs another protocol"):
        plan("ablation", arms=arms)
    with pytest.raises(InputError, match="two arms are called 'base'"):
        plan(arms=(BASE, BASE))
    with pytest.raises(InputError, match=r"--set mfcc-attention\.lr: arm 'quick' sets it too"):
        plan("speaker-independent", "mfcc-attention.lr=0.2", arms=arms)
    with pytest.raises(InputError, match="no arm for model functionals-svm; there are arms for mfcc-attention"):
        plan(models=(CLASSICAL,), arms=arms[1:2])


# ---- what a model cannot have ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "model", "gone", "reason"),
    [
        ("carried-state", NETWORK, 3, "no recurrent state to carry on"),
        ("carried-state", CLASSICAL, 3, "no recurrent state to carry on"),
        ("carried-weights", CLASSICAL, 2, "no training that goes on from given weights; a network has one"),
        ("test-statistics", RECURRENT, 1, "it normalizes by no statistics of its training rows"),
        ("test-statistics", "majority", 1, "it normalizes by no statistics of its training rows"),
    ],
)
def test_arms_that_a_model_cannot_have_are_left_out_with_the_reason(
    protocol: str, model: str, gone: int, reason: str
) -> None:
    made = plan(protocol, models=(model,))
    (note,) = made.left_out
    assert f"left out for {model}: {reason}" in note and note in made.notes
    assert (f"{gone} arms (" in note) == (gone > 1)
    left = [arm for arm in find_arms(protocol) if f"'{arm}'" not in note]
    assert {trial.arm for trial in trials(made)} == set(left) and "base" in left
    assert len(find_arms(protocol)) - len(left) == gone


@pytest.mark.parametrize("model", ["majority", CLASSICAL, NETWORK, "logmel-crnn:tiny"])
def test_a_model_that_no_companion_can_change_is_asked_once(model: str) -> None:
    made = plan("padding-companions", models=(model, RECURRENT))
    both = {"any companions", "a longest companion"}
    assert {trial.arm for trial in trials(made) if trial.model == model} == {"base"}
    assert len({trial.arm for trial in trials(made) if trial.model == RECURRENT}) == 6
    companions, mask = made.left_out
    assert f"left out for {model}: it declares that neither padding" in companions
    assert all(f"'{arm}'" in companions and f"'{arm}, padding not masked'" in mask for arm in both)
    assert mask.startswith("3 arms (") and mask.endswith(f"left out for {model}: no setting mask_padding")
    assert plan("padding-companions", models=(model,)).left_out == made.left_out


def find_arms(protocol: str) -> list[str]:
    from serbench.protocols.parts.catalog import find

    found = find(protocol)
    assert found.arms != "variants"
    return [arm.name for arm in found.arms(found.options)]


def test_a_setting_that_one_model_lacks_leaves_that_model_out_and_an_unknown_one_is_told() -> None:
    made = plan("hyperparameters", models=(NETWORK, CLASSICAL))
    assert {t.arm for t in trials(made) if t.model == CLASSICAL} == {"base"}
    assert len({t.arm for t in trials(made) if t.model == NETWORK}) == 13
    (note,) = made.left_out
    assert note.startswith("12 arms (") and note.endswith(
        f"left out for {CLASSICAL}: no setting lr, batch, weight_decay"
    )
    with pytest.raises(InputError, match="mfcc-attention: unknown setting 'batchs'; did you mean 'batch'"):
        plan("sweep", "sweep.grid=lr=0.1,0.2; batchs=8,16", models=(NETWORK, CLASSICAL))
    with pytest.raises(InputError, match="functionals-svm: unknown setting 'cost'; did you mean 'costs'"):
        plan("sweep", "sweep.grid=functionals-svm.cost=1,2", models=(CLASSICAL,))


def test_points_of_a_model_that_is_not_in_the_run_are_told() -> None:
    with pytest.raises(InputError, match=r"sweep: arm 'lr=0\.1': unknown model 'mfcc-atention'; did you mean 'mfcc-at"):
        plan("sweep", "sweep.grid=mfcc-atention.lr=0.1,0.2", models=(NETWORK, CLASSICAL))
    absent = "varies settings of wavfusion, which is not among the models; add --model wavfusion"
    for models in ((NETWORK,), (CLASSICAL,)):
        with pytest.raises(InputError, match=f"lambda: {absent}"):
            plan("lambda", models=models)
    with pytest.raises(InputError, match=f"sweep: {absent}"):
        plan("sweep", "sweep.grid=wavfusion.margin=0.1,0.2", models=(NETWORK,))


def test_a_model_that_is_left_without_any_arm_is_an_error() -> None:
    arms = (Arm("quick", settings=(("lr", "0.1"),)),)
    with pytest.raises(InputError, match=r"functionals-svm: nothing to run: arm 'quick': no setting lr"):
        plan(models=(NETWORK, CLASSICAL), arms=arms)


def test_a_blind_model_is_refused_where_faces_move() -> None:
    with pytest.raises(InputError, match="functionals-svm: sees no face, so face-shift -240 ms changes nothing"):
        plan("alignment", models=("wavfusion:tiny", CLASSICAL))


def test_arms_with_folds_of_their_own_are_counted_apart() -> None:
    summary = summarize(plan("learning-curve", "learning-curve.shares=0.5", "learning-curve.draws=2"))
    assert [(line.arm, line.folds, line.test_rows) for line in summary.folds] == [
        ("base", 6, 240), ("share=0.5", 12, 480),
    ]  # fmt: skip
    assert summary.trials == summary.cells == 18
    text = plan_text(summary)
    assert "synth-a -> synth-a [share=0.5]" in text and text.count("(6 speakers)") == 1
    (line,) = summarize(plan()).folds
    assert (line.arm, line.folds, line.test_rows, line.rows) == ("", 6, 240, 240)


def test_rows_tested_in_turn_are_counted_once_and_folds_of_arms_left_out_not_at_all() -> None:
    summary = summarize(plan_of(Request("carried-weights", ("functionals-svm",), ("synth-a",))).plan)
    assert [(line.arm, line.folds, line.test_rows, line.rows) for line in summary.folds] == [
        ("base", 5, 120, 24), ("fresh, on validation", 5, 216, 216)
    ]  # fmt: skip
    assert "1 models x 10 folds x 1 seeds = 10 trials" in plan_text(summary)


def test_differences_that_arms_do_not_share_are_told_with_the_arm() -> None:
    text = plan_text(summarize(plan("carried-weights")))
    seen = [line for line in text.splitlines() if line.startswith("  synth-a -> synth-a")]
    assert [line.partition(": ")[0] for line in seen] == [
        "  synth-a -> synth-a [base; carried]", "  synth-a -> synth-a [fresh, on validation; carried, on validation]",
    ]  # fmt: skip
    # one training scores several speakers, or folds of utterances, whose deviation is not known yet
    assert sum("1 seed: a training scores several speakers" in line for line in seen) == 1
    assert sum("the deviation of folds' differences" in line for line in seen) == 1
