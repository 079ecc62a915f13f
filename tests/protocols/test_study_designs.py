"""The full form of every study, on built-in corpora and with models that guess: each of its tests has an answer."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serbench.benchmark.commands.study_answer import study_text
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.study import Changes, ask
from serbench.benchmark.prepared import corpus as prepared
from serbench.benchmark.running import cells as running
from serbench.benchmark.running.cells import RunContext
from serbench.benchmark.running.execute import pending
from serbench.benchmark.running.run_folder import store_plan
from serbench.benchmark.training.fit import Fit
from serbench.benchmark.training.trainer import TrainedModel
from serbench.protocols.parts.studies import load, names
from serbench.results.evidence import files
from serbench.results.evidence.store import create
from serbench.tests.support.utterances import without_audio


class Guesses:
    """In the place of a trainer: scores drawn around the truth, by a generator of their own."""

    def __init__(self) -> None:
        self.draws = np.random.default_rng(0)

    def learn(self, *_: Any) -> TrainedModel:
        return TrainedModel(None, Fit(1, 1, 1), {})

    def predict(
        self, chosen: Any, model: Any, test: Any, condition: Any, n_classes: int, practice: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        scores = self.draws.standard_normal((len(test.rows), n_classes))
        scores[np.arange(len(test.rows)), test.truth] += 1
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores.argmax(axis=1), scores


def at_hand(spec: str) -> str:
    """The model in a form whose weights need not be brought."""
    name, plus, variants = spec.partition("+")
    return name.partition(":")[0] + ":tiny" + plus + variants if name.startswith(("wavfusion", "wav2vec2")) else spec


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if not load(name).missing])
def test_every_test_of_a_full_form_has_an_answer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = without_audio()
    monkeypatch.setattr(prepared, "open_corpus", lambda spec, rate_hz: opened[spec])
    monkeypatch.setattr(running, "state_of", lambda model: {})
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)  # thousands of cells, of which none is kept
    form = load(name).full
    corpora = tuple(synthetic.NAMES[: min(len(form.corpora), 2)])
    asked = ask(load(name), changes=Changes(tuple(map(at_hand, form.models)), corpora, min(form.seeds, 2)))
    run = create(tmp_path / "run", "test")
    for request in asked.requests:
        ready = plan_of(request)
        plan = ready.plan
        store_plan(run, ready, [])
        context = RunContext(run, Guesses(), {"device": "cpu"}, "cpu", "fp32", False, Counter())  # type: ignore[arg-type]
        for cells in pending(run, plan):
            running.run_training(context, plan, cells, lambda cell, failed: None)
    said = " ".join(study_text(asked, run, 120).split())
    assert "No answer by" not in said and "Nothing can be said" not in said
