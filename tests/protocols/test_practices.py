"""Practices of scoring: orders of batches, companions, carried states, statistics of test, epochs chosen on test."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score
from sklearn.svm import SVC
from torch import Tensor, nn

from serbench.baselines.registry import ModelChoice, choose
from serbench.benchmark.prepared.corpus import open_corpus
from serbench.benchmark.training.batches import FeatureRows, arranged, batch_of
from serbench.benchmark.training.data import Data
from serbench.benchmark.training.scoring import predict
from serbench.benchmark.training.trainer import LabelledRows, Streams, TrainedModel, Trainer
from serbench.errors import InputError
from serbench.protocols.parts.protocol import CLEAN, HONEST, Practice, utterance_of
from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.tests.support.tiny import serbench, tiny_corpus
from serbench.tests.support.utterances import EMODB, make, run

Order = Literal["length", "class", "class-reversed", "shuffled", "longest"]
ORDERS: tuple[Order, ...] = get_args(get_type_hints(Practice)["order"])

# ---- the order of batches --------------------------------------------------------------------------------------------

CLIPS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), min_size=1, max_size=40)


def rows_of(clips: Sequence[tuple[int, int]]) -> FeatureRows:
    """Clips of given lengths and classes; every frame of clip i is i."""
    features = [torch.full((length, 1), float(i)) for i, (length, _) in enumerate(clips)]
    return FeatureRows(features, torch.tensor([label for _, label in clips]), 4)


@given(CLIPS, st.integers(1, 9), st.sampled_from(ORDERS), st.integers(0, 99))
def test_every_order_has_every_row_once(clips: list[tuple[int, int]], batch: int, how: Order, seed: int) -> None:
    rows = rows_of(clips)
    order = arranged(rows, batch, how, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(clips)))
    assert order == arranged(rows, batch, how, np.random.default_rng(seed))
    lengths, labels = [clips[i][0] for i in order], [clips[i][1] for i in order]
    if how == "length" or (how == "longest" and batch == 1):
        assert lengths == sorted(lengths)
    elif how == "class":
        assert list(zip(labels, order, strict=True)) == sorted(zip(labels, order, strict=True))
    elif how == "class-reversed":
        assert labels == sorted(labels, reverse=True)
        assert all(i < j for i, j, a, b in zip(order, order[1:], labels, labels[1:], strict=False) if a == b)
    elif how == "longest":
        n = math.ceil(len(clips) / batch)
        floor = sorted(lengths)[-n]  # every batch has one of the n longest, so that all others are padded to it
        batches = [lengths[start : start + batch] for start in range(0, len(lengths), batch)]
        assert len(batches) == n and all(max(some) >= floor and some[0] == max(some) for some in batches)


def test_shuffled_is_shuffled_by_the_generator() -> None:
    rows = rows_of([(k, 0) for k in range(1, 41)])
    one, two = (arranged(rows, 8, "shuffled", np.random.default_rng(seed)) for seed in (0, 1))
    assert one != two and sum(i == k for k, i in enumerate(one)) < 8


class Named(nn.Module):
    """Clips (B, T, 1) -> their number and their length as scores, which tell one clip from another."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        number = x[:, 0, 0]
        return torch.stack([number, lengths.float()], dim=1)


@given(CLIPS, st.integers(1, 9), st.sampled_from(ORDERS))
def test_predictions_come_in_the_order_of_the_rows(clips: list[tuple[int, int]], batch: int, how: Order) -> None:
    rows = rows_of(clips)
    order = arranged(rows, batch, how, np.random.default_rng(0))
    scores = predict(Named(), rows, batch, nullcontext(), order)
    gaps = torch.tensor([float(i - length) for i, (length, _) in enumerate(clips)])
    torch.testing.assert_close(scores[:, 0] - scores[:, 1], gaps)


# ---- networks on clips of several lengths ----------------------------------------------------------------------------

CLASSES = ("angry", "happy", "neutral", "sad")


class Bench:
    """A trainer over some utterances of a built-in corpus, every third of them a test row."""

    def __init__(self, n: int = 36) -> None:
        corpus = open_corpus("synth-a")
        table = corpus.table[corpus.table["emotion"].isin(CLASSES)].sample(n, random_state=3).sort_values("id")
        self.trainer = Trainer(Data({"synth-a": corpus}), corpus.rate_hz, torch.device("cpu"), "fp32")
        rows = tuple(f"{u}#0" for u in table["id"])
        truth = np.array([CLASSES.index(emotion) for emotion in table["emotion"]])
        test = np.arange(n) % 3 == 0
        self.train, self.test = (LabelledRows(tuple(np.array(rows)[some]), truth[some]) for some in (~test, test))
        self.dev = LabelledRows((), truth[:0])

    def learn(self, chosen: ModelChoice, carried: bool = False) -> TrainedModel:
        return self.trainer.learn(chosen, CLASSES, self.train, self.dev, Streams("s", "r", 0), carried)

    def ask(self, chosen: ModelChoice, learned: TrainedModel, practice: Practice = HONEST) -> Any:
        guess, scores = self.trainer.predict(chosen, learned.model, self.test, CLEAN, 4, practice)
        return guess if scores is None else scores


@pytest.fixture(scope="module")
def bench(shared_home: Path) -> Bench:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        return Bench()


COMPANIONS = tuple(Practice(order=order) for order in ("shuffled", "longest", "class"))


def few(spec: str, **settings: str) -> ModelChoice:
    return choose(spec, {"epochs": "2", "batch": "4", **settings})


@pytest.mark.parametrize("spec", ["mfcc-attention:tiny", "cnn-3-gru:tiny", "logmel-crnn:tiny", "sigwavnet:tiny"])
def test_companions_change_nothing_where_padding_is_masked(bench: Bench, spec: str) -> None:
    chosen = few(spec)
    learned = bench.learn(chosen)
    alone = bench.ask(chosen, learned)
    for practice in COMPANIONS:
        assert np.allclose(bench.ask(chosen, learned, practice), alone, atol=2e-5)


def test_companions_change_predictions_of_released_code(bench: Bench) -> None:
    chosen = few("cnn-3-gru:released", lr="0.01", epochs="5")
    learned = bench.learn(chosen)
    alone = bench.ask(chosen, learned)
    changed = [np.abs(bench.ask(chosen, learned, practice) - alone).max() for practice in COMPANIONS[:2]]
    assert min(changed) > 1e-3


STATES = tuple(Practice(order=order, state="carried") for order in ("class", "class-reversed", "shuffled"))


def test_carried_states_make_the_order_of_test_rows_matter(bench: Bench) -> None:
    chosen = few("cnn-5-gru:tiny")
    learned = bench.learn(chosen, carried=True)
    carried = [bench.ask(chosen, learned, practice) for practice in STATES]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(carried, (*carried[1:], carried[0]), strict=True))
    assert all(np.array_equal(bench.ask(chosen, learned, p), found) for p, found in zip(STATES, carried, strict=True))
    zero, by_class = bench.ask(chosen, learned), bench.ask(chosen, learned, Practice(order="class"))
    assert np.allclose(zero, by_class, atol=2e-5) and np.abs(zero - carried[0]).max() > 1e-4


def test_carried_states_are_those_of_the_batch_before(bench: Bench) -> None:
    """Against batches by hand: rows class by class, the network told to carry."""
    chosen = few("cnn-5-gru:tiny")
    learned = bench.learn(chosen, carried=True)
    rows = bench.trainer._rows(chosen, learned.model, bench.test, 4)
    order = sorted(range(len(rows)), key=lambda i: (bench.test.truth[i], i))
    by_hand = np.zeros((len(rows), 4), np.float32)
    learned.model.eval().carry(True)
    with torch.inference_mode():
        for start in range(0, len(order), 4):
            some = order[start : start + 4]
            by_hand[some] = learned.model(*batch_of([rows.features[i] for i in some])).log_softmax(1).numpy()
    learned.model.carry(False)
    assert np.array_equal(bench.ask(chosen, learned, STATES[0]), by_hand)


def test_training_on_carried_states_is_another_training(bench: Bench) -> None:
    chosen = few("cnn-5-gru:tiny")
    one, two, again = bench.learn(chosen), bench.learn(chosen, carried=True), bench.learn(chosen, carried=True)
    assert one.fit.history[-1]["loss"] != two.fit.history[-1]["loss"] == again.fit.history[-1]["loss"]
    assert all(torch.equal(a, b) for a, b in zip(two.model.parameters(), again.model.parameters(), strict=True))
    with pytest.raises(InputError, match="has no recurrent state to carry"):
        bench.learn(few("mfcc-attention:tiny"), carried=True)


# ---- statistics of test ----------------------------------------------------------------------------------------------

BY_TEST = Practice(statistics="test")


def test_an_svm_is_standardized_by_the_test_rows(bench: Bench) -> None:
    chosen = choose("functionals-svm", {"costs": "3"})
    learned = bench.learn(chosen)
    train, test = (bench.trainer._stacked(chosen, learned.model, part, CLEAN) for part in (bench.train, bench.test))

    def scaled(rows: np.ndarray, by: np.ndarray) -> np.ndarray:
        return (rows - by.mean(0, dtype=np.float64)) / by.std(0, dtype=np.float64)

    machine = SVC(C=3, kernel="rbf", gamma="scale", class_weight="balanced").fit(
        scaled(train, train), bench.train.truth
    )
    honest, transductive = machine.predict(scaled(test, train)), machine.predict(scaled(test, test))
    assert np.array_equal(bench.ask(chosen, learned), honest)
    assert np.array_equal(bench.ask(chosen, learned, BY_TEST), transductive)
    assert np.array_equal(bench.ask(chosen, learned), honest)  # the model itself stays as it was
    moved = test + 50 * train.std(0)
    assert len(set(machine.predict(scaled(moved, train)))) == 1  # far away: it matters
    learned.model.adapt(moved)
    assert np.array_equal(learned.model.predict(moved)[0], transductive)


def test_a_network_is_normalized_by_the_test_rows(bench: Bench) -> None:
    chosen = few("mfcc-attention:tiny")
    learned = bench.learn(chosen)
    before = {name: value.clone() for name, value in learned.model.state_dict().items()}
    honest, transductive = bench.ask(chosen, learned), bench.ask(chosen, learned, BY_TEST)
    assert all(torch.equal(value, before[name]) for name, value in learned.model.state_dict().items())
    x = torch.stack(list(bench.trainer._rows(chosen, learned.model, bench.test, 4).features))  # (n, 108, 20)
    frames = x.reshape(-1, x.shape[-1]).double().numpy()
    learned.model.mean.copy_(torch.from_numpy(frames.mean(0)))
    learned.model.deviation.copy_(torch.from_numpy(frames.std(0)))
    assert np.allclose(bench.ask(chosen, learned), transductive, atol=1e-5)
    assert np.abs(honest - transductive).max() > 1e-4


def test_a_model_without_statistics_is_refused_by_name(bench: Bench) -> None:
    chosen = choose("majority")
    with pytest.raises(InputError, match="majority: normalizes by no statistics of its training rows"):
        bench.ask(chosen, bench.learn(chosen), BY_TEST)


def test_the_policy_is_said_with_its_scores(tmp_path: Path) -> None:
    corpus = tiny_corpus(tmp_path / "corpus", speakers=4, takes=5)
    code, _, err = serbench(
        "run", "--protocol", "test-statistics", "--corpus", f"mine={corpus}", "--model", "functionals-svm",
        "--model", "majority", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    assert "arm 'statistics of test' left out for majority: it normalizes by no statistics" in err
    lines = json.loads(serbench("show", tmp_path / "run", "--json")[1])
    assert {(line["model"], line["arm"]): line["leaks"] for line in lines} == {
        ("functionals-svm", "base"): [], ("functionals-svm", "statistics of test"): ["statistics"],
        ("majority", "base"): [],
    }  # fmt: skip


# ---- epochs chosen on test -------------------------------------------------------------------------------------------


NETWORK = "mfcc-attention:tiny"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory, shared_home: Path) -> Path:
    """A run on labels that are hard to tell, with so much patience that every arm trains for all epochs."""
    folder = tmp_path_factory.mktemp("oracle")
    corpus = tiny_corpus(folder / "corpus", speakers=4, takes=6, classes=("happy", "sad", "angry"))
    table = pd.read_csv(corpus)
    table["emotion"] = np.random.default_rng(1).permutation(table["emotion"])
    table.to_csv(corpus, index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        code, _, err = serbench(
            "run", "--protocol", "oracle-epoch", "--corpus", f"mine={corpus}", "--model", NETWORK,
            "--model", "functionals-svm", "--set", "mfcc-attention.epochs=6", "--set", "mfcc-attention.patience=6",
            "--jobs", "1", "--out", folder / "run",
        )  # fmt: skip
    assert code == 0, err
    return folder / "run"


def test_only_the_oracle_looks_at_test_and_that_is_counted(oracle: Path) -> None:
    everything = open_evidence([store.open_run(oracle)]).records
    records = everything[everything["model"] == NETWORK]
    assert Counter(records["arm"]) == {"base": 4, "last epoch": 4, "best epoch on test": 4}
    for record in records.itertuples():
        looks = record.arm == "best epoch on test"
        assert record.leaks == (["selection"] if looks else [])
        assert record.epochs == 6 and record.test_evaluations == (7 if looks else 1)
        assert record.n_dev == {"base": record.n_dev, "last epoch": 0, "best epoch on test": record.n_test}[record.arm]
        assert record.epoch == 6 or record.arm != "last epoch"
    lines = json.loads(serbench("show", oracle, "--json")[1])
    for model in (NETWORK, "functionals-svm"):
        assert {line["arm"]: line["leaks"] for line in lines if line["model"] == model} == {
            "base": [], "last epoch": [], "best epoch on test": ["selection"],
        }  # fmt: skip
    classical = everything[everything["model"] == "functionals-svm"]  # it scores each of its three costs on dev
    assert dict(zip(classical["arm"], classical["test_evaluations"], strict=True)) == {
        "base": 1, "last epoch": 1, "best epoch on test": 4,
    }  # fmt: skip


def test_the_three_choose_from_the_same_epochs_and_the_oracle_never_loses(oracle: Path) -> None:
    frames = open_evidence([store.open_run(oracle)])
    records = frames.records[frames.records["model"] == NETWORK].set_index(["fold", "arm"])
    differ = 0
    for fold in set(frames.records["fold"]):
        story = {
            arm: json.loads((oracle / "trainings" / f"{records.loc[fold, arm]['training']}.json").read_text())
            for arm in ("base", "last epoch", "best epoch on test")
        }
        curves = {arm: [(e["loss"], e["norm"]) for e in s["fitted"]["history"]] for arm, s in story.items()}
        assert curves["base"] == curves["last epoch"] == curves["best epoch on test"]
        scores = {arm: fold_uar(frames.predictions, records.loc[fold, arm]["key"]) for arm in curves}
        seen = [e["dev_uar"] for e in story["best epoch on test"]["fitted"]["history"]]
        assert scores["best epoch on test"] == pytest.approx(max(seen))
        assert scores["last epoch"] == pytest.approx(seen[-1])
        assert scores["base"] == pytest.approx(seen[int(records.loc[fold, "base"]["epoch"]) - 1])
        differ += scores["best epoch on test"] > scores["base"]
    assert differ > 0


def fold_uar(predictions: pd.DataFrame, key: str) -> float:
    mine = predictions[predictions["key"] == key]
    return float(recall_score(mine["truth"], mine["guess"], labels=sorted(set(mine["truth"])), average="macro"))


# ---- batches that are dropped ----------------------------------------------------------------------------------------


def test_rows_of_the_last_incomplete_batch_are_dropped_class_by_class() -> None:
    made = run("dropped-last-batch", make("emodb", EMODB), batch="6")
    folds = {arm: [f for f in made.split.folds if f.arm == arm] for arm in ("base", "last batch dropped")}
    assert len(folds["base"]) == len(folds["last batch dropped"]) == 10
    for whole, part in zip(folds["base"], folds["last batch dropped"], strict=True):
        assert (part.train, part.dev, part.name) == (whole.train, whole.dev, whole.name)
        assert len(whole.test) == 16 and len(part.test) == 12 and set(part.test) < set(whole.test)
        assert {utterance_of(row).split("-")[1] for row in set(whole.test) - set(part.test)} == {
            "sad"
        }  # the last class
        assert f"fold '{whole.name}': not scored where the last batch is dropped: sad 4" in made.notes
    even = run("dropped-last-batch", make("emodb", EMODB), batch="8")
    assert all(len(fold.test) == 16 for fold in even.split.folds) and not even.notes
    with pytest.raises(InputError, match="16 test rows fill no batch of 32; set option batch lower"):
        run("dropped-last-batch", make("emodb", EMODB))
    with pytest.raises(InputError, match=r"dropped-last-batch\.batch=1: at least 2"):
        run("dropped-last-batch", make("emodb", EMODB), batch="1")


def test_practices_say_what_reaches_a_prediction() -> None:
    assert HONEST.leaks == () and BY_TEST.leaks == ("statistics",)
    assert [practice.leaks for practice in STATES] == [("order",), ("order",), ()]
    assert all(Practice(order=order).leaks == () for order in ORDERS)
    assert Practice("class", "carried", "test").leaks == ("order", "statistics")
