"""Chains of trainings: each fold begins with the weights of the one before, whatever happens on the way."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from serbench.baselines import discovery
from serbench.benchmark.planning.plan import Trial, digest
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.training.batches import bucketed, padded
from serbench.protocols.carried_weights import ARMS
from serbench.protocols.parts.protocol import utterance_of
from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.seeds import derive, stream
from serbench.tests.support.bands import Bands, Small, bands
from serbench.tests.support.tiny import kill_at, serbench, start, tiny_corpus
from serbench.tests.support.utterances import EMODB, make, run

FOLDS = 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"tiny={tiny_corpus(tmp_path_factory.mktemp('tiny'), speakers=4, takes=5)}"


# ---- folds -----------------------------------------------------------------------------------------------------------


def test_every_fold_but_the_first_begins_with_the_one_before() -> None:
    made = run("carried-weights", make("one", EMODB), folds="4")
    for arm in ("carried", "carried, on validation"):
        folds = [fold for fold in made.split.folds if fold.arm == arm]
        assert [fold.after for fold in folds] == ["", *(fold.name for fold in folds[:-1])]
    assert not any(fold.after for fold in made.split.folds if "carried" not in fold.arm)


def test_a_tenth_is_never_trained_on_and_each_other_row_is_validated_once() -> None:
    made = run("carried-weights", make("one", EMODB), folds="4")
    everything = {f"{u}#0" for u in made.labelled.table["id"]}
    by_arm = {arm: [f for f in made.split.folds if f.arm == arm] for arm in {f.arm for f in made.split.folds}}
    (tenth,) = {fold.test for fold in by_arm["base"] + by_arm["carried"]}
    assert len(tenth) == len(everything) / 10 and {fold.repeat for fold in by_arm["carried"]} == {0, 1, 2, 3}
    for arm in ("fresh, on validation", "carried, on validation"):
        assert Counter(row for fold in by_arm[arm] for row in fold.test) == Counter(everything - set(tenth))
        assert all(fold.dev == fold.test and fold.repeat == 0 for fold in by_arm[arm])
    for fold in made.split.folds:
        assert not set(tenth) & {*fold.train, *(() if fold.dev == fold.test else fold.dev)}
        assert {*tenth, *fold.train, *fold.dev} == everything


def test_rows_that_the_weights_know_are_said_to_leak() -> None:
    made = run("carried-weights", make("one", EMODB), folds="3")
    found = {(f.arm, f.name[-1]): set(leaks) for f, leaks in zip(made.split.folds, made.fold_leaks, strict=True)}
    speakers = {"speaker", "sentence"}
    for k in "123":
        assert found["base", k] == found["carried", k] == speakers
        assert found["fresh, on validation", k] == speakers | {"selection"}
        more = set() if k == "1" else {"copy", "audio"}
        assert found["carried, on validation", k] == speakers | {"selection"} | more


# ---- against a plain re-implementation -------------------------------------------------------------------------------

SMALL = digest("bands", vars(Small()))


@pytest.fixture
def _with_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry has one more model."""
    known, errors, origins = discovery.installed()
    found = ({**known, "bands": bands}, errors, {**origins, "bands": "tests"})
    monkeypatch.setattr(discovery, "installed", lambda: found)


def train(trial: Trial, module: nn.Module, features: list[Tensor], truth: Tensor) -> None:
    """The recipe of `Small` in a dozen lines: three epochs, the last one stays."""
    torch.manual_seed(derive("dropout", SMALL, trial.train_key, trial.seed))
    order = stream("order", trial.train_key, trial.seed)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.5)
    module.train()
    for _ in range(3):
        for batch in bucketed(features, 5, order.spawn(1)[0]):
            optimizer.zero_grad()
            functional.cross_entropy(module(*padded([features[i] for i in batch])), truth[batch]).backward()
            optimizer.step()


def asked(module: nn.Module, features: list[Tensor]) -> Iterator[np.ndarray]:
    """Log-probabilities of clips of equal length, five at a time."""
    module.eval()
    with torch.inference_mode():
        for start in range(0, len(features), 5):
            yield from functional.log_softmax(module(*padded(features[start : start + 5])), 1).numpy()


@pytest.mark.usefixtures("_with_bands")
def test_a_chain_is_training_after_training_from_the_weights_before(corpus: str, tmp_path: Path) -> None:
    options = ("--set", f"carried-weights.folds={FOLDS}")
    code, _, err = serbench(
        "run", "--protocol", "carried-weights", "--corpus", corpus, "--model", "bands", *options, "--jobs", "1",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    frames = open_evidence([store.open_run(tmp_path / "run")])
    ready = plan_of(Request("carried-weights", ("bands",), (corpus,), settings=(f"carried-weights.folds={FOLDS}",)))
    plan, corpora = ready.plan, ready.corpora
    clips = {f"{u}#0": torch.from_numpy(corpora["tiny"].waveform(u)) for u in corpora["tiny"].table["id"]}
    answers: dict[tuple[str, str], np.ndarray] = {}
    state: dict[str, Tensor] = {}
    for trial in [cell.trial for cell in plan.cells if cell.trial.arm == "carried"]:
        fold = plan.folds[trial.fold]
        torch.manual_seed(derive("weights", SMALL, trial.train_key, trial.seed))
        module = Bands(2)
        if state:
            module.load_state_dict(state)
        truth = torch.tensor([fold.classes.index(plan.labels[utterance_of(row)]) for row in fold.train])
        train(trial, module, [clips[row] for row in fold.train], truth)
        state = {name: value.clone() for name, value in module.state_dict().items()}
        found = asked(module, [clips[row] for row in fold.test])
        answers |= {(fold.name, row): scores for row, scores in zip(fold.test, found, strict=True)}
    assert len(answers) == FOLDS * 4
    stored = frames.scored.merge(frames.records.query("arm == 'carried'")[["key", "fold"]], on="key")
    assert len(stored) == len(answers)
    for line in stored.itertuples():
        assert np.array_equal(line.log_probability, answers[line.fold, line.row])
    fresh = frames.scored.merge(frames.records.query("arm == 'base'")[["key", "fold"]], on="key")
    both = stored.merge(fresh, on=["fold", "row"], suffixes=("", "_fresh"))
    first = both["fold"] == both["fold"].min()
    same = [np.array_equal(a, b) for a, b in zip(both["log_probability"], both["log_probability_fresh"], strict=True)]
    assert all(np.array(same)[first]) and not any(np.array(same)[~first])


# ---- whatever happens on the way -------------------------------------------------------------------------------------

NETWORK = "mfcc-attention:tiny"


def arguments(corpus: str, out: Path, *more: str) -> tuple[str | Path, ...]:
    sets = ("--set", f"carried-weights.folds={FOLDS}", "--set", "mfcc-attention.epochs=2")
    asked = ("run", "--protocol", "carried-weights", "--corpus", corpus, "--model", NETWORK, *sets, "--out", out)
    return (*asked, *(more or ("--jobs", "1")))


@pytest.fixture(scope="module")
def finished(corpus: str, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chains (seeds) that were left alone."""
    out = tmp_path_factory.mktemp("runs") / "alone"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        code, _, err = serbench(*arguments(corpus, out, "--seeds", "2", "--jobs", "1"))
    assert code == 0, err
    return out


def predictions(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "predictions").iterdir()}


def test_what_is_stored_of_a_chain(finished: Path) -> None:
    records = open_evidence([store.open_run(finished)]).records
    assert Counter(records["arm"]) == dict.fromkeys(ARMS, 2 * FOLDS)
    assert records["training"].nunique() == 2 * (FOLDS + FOLDS - 1)
    looks = records["arm"].str.endswith("on validation")
    assert (records.loc[~looks, "test_evaluations"] == 1).all()
    assert (records.loc[looks, "test_evaluations"] == records.loc[looks, "epochs"] + 1).all()
    assert not list((finished / "weights").glob("*"))
    lines = {line["arm"]: line["leaks"] for line in json.loads(serbench("show", finished, "--json")[1])}
    assert lines["carried, on validation"] == ["audio", "copy", "selection", "speaker"]
    assert lines["carried"] == lines["base"] == ["speaker"]


def test_killed_in_the_middle_and_gone_on_with_in_two_processes(finished: Path, corpus: str, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    kill_at(start(*arguments(corpus, out, "--seeds", "2", "--jobs", "1")), out, 7)
    left = len(list((out / "records").glob("*.json")))
    assert 7 <= left < 8 * FOLDS
    assert serbench(*arguments(corpus, out, "--seeds", "2", "--jobs", "2"))[0] == 0
    assert predictions(out) == predictions(finished)
    assert not list((out / "weights").glob("*"))


@pytest.fixture(scope="module")
def kept(corpus: str, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and all weights stay."""
    out = tmp_path_factory.mktemp("runs") / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        assert serbench(*arguments(corpus, out, "--seeds", "2", "--jobs", "1", "--keep-weights"))[0] == 0
    return out


@pytest.mark.parametrize("weights", ["gone", "kept", "damaged"])
def test_the_end_of_a_chain_needs_its_beginning_again(
    finished: Path, kept: Path, corpus: str, tmp_path: Path, weights: str
) -> None:
    """The last fold alone is missing: those before are trained again where their weights are gone, and not scored."""
    out = tmp_path / "run"
    shutil.copytree(finished if weights == "gone" else kept, out)
    more = () if weights == "gone" else ("--keep-weights",)
    records = open_evidence([store.open_run(out)]).records
    last = records[records["arm"].eq("carried") & records["fold"].eq(f"tiny/fold-{FOLDS}")]
    for record in last.itertuples():
        (out / "records" / f"{record.key}.json").unlink()
        (out / "predictions" / f"{record.key}.parquet").unlink()
        (out / "weights" / f"{record.training}.safetensors").unlink(missing_ok=True)
    if weights == "damaged":
        for path in (out / "weights").glob("*.safetensors"):
            path.write_bytes(path.read_bytes()[:100])
    before = {path.name: path.stat().st_mtime_ns for path in (out / "weights").glob("*.safetensors")}
    assert serbench(*arguments(corpus, out, "--seeds", "2", "--jobs", "1", *more))[0] == 0
    assert predictions(out) == predictions(finished)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "weights").glob("*.safetensors")}
    again = sum(before[name] != after[name] for name in before)
    assert again == {"gone": 0, "kept": 0, "damaged": 2 * (FOLDS - 1)}[weights]  # of two seeds
    assert len(after) == (0 if weights == "gone" else 2 * (2 * FOLDS - 1))
    times = store.open_run(out).scored()[0]
    assert {times[key] for key in last["key"]} == {2}
    assert {n for key, n in times.items() if key not in set(last["key"])} == {1}


def test_a_chain_that_breaks_fails_from_there_on(corpus: str, tmp_path: Path) -> None:
    code, _, err = serbench(*arguments(corpus, tmp_path / "run"), "--set", "mfcc-attention.lr=1e30")
    assert code == 1 and "12 cells failed" in err
    records = open_evidence([store.open_run(tmp_path / "run")]).records
    assert records["error"].str.contains("FloatingPointError").all()
