"""Share of answers that stay the same: counted by hand, its interval, refusals, and the table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.old_records import condition_parts
from serbench.results.evidence.results import condition_order
from serbench.results.evidence.store import Run, create
from serbench.results.questions.stability import share_unchanged, stability
from serbench.results.text import stability_table
from serbench.results.text.forms import render
from serbench.tests.support.records import BASE

CLASSES = ["happy", "sad"]


def pairs(changed: list[list[bool]], seeds: int = 1) -> pd.DataFrame:
    """A speaker per list; every answer is happy to the clean audio, and sad where it changed."""
    lines = [
        (seed, 0, f"f{k}", f"s{k}", f"{k}-{n}", "sad", "happy", "sad" if change else "happy")
        for seed in range(seeds)
        for k, some in enumerate(changed)
        for n, change in enumerate(some)
    ]
    return pd.DataFrame(lines, columns=["seed", "repeat", "fold", "speaker", "row", "truth", "clean", "guess"])


def test_share_is_counted_and_the_interval_is_over_speakers() -> None:
    rng = np.random.default_rng(0)
    changed = [list(rng.random(rng.integers(5, 30)) < p) for p in np.linspace(0, 0.5, 8)]
    share, interval = share_unchanged(pairs(changed), CLASSES)
    same, n = np.array([[len(some) - sum(some), len(some)] for some in changed]).T
    assert share == pytest.approx(same.sum() / n.sum())
    deviations = same - share * n  # of a ratio of sums, linearized over speakers
    weight = n / n.sum()
    matrix = np.diag(weight) - np.outer(weight, weight)  # a speaker's change where speakers differ alike
    square = matrix.T @ matrix
    trace, df = np.trace(square), np.trace(square) ** 2 / np.trace(square @ square)
    variance = float(((deviations / n.sum()) ** 2).sum() / trace * (weight**2).sum())
    clips, q = share * (1 - share) / variance, stats.t.ppf(0.975, df)
    ends = [proportion_confint_of(share, clips, sign * q) for sign in (-1, 1)]
    assert (interval.low, interval.high) == pytest.approx(ends, rel=1e-3)


def proportion_confint_of(share: float, n: float, q: float) -> float:
    """The end of Wilson's interval: the share that is q standard errors of its own away."""
    ends = np.roots([n + q**2, -(2 * n * share + q**2), n * share**2])
    return float(max(ends) if q > 0 else min(ends))


def test_seeds_are_averaged_and_speakers_keep_their_clips_together() -> None:
    one = pairs([[True] * 4, [False] * 4, *([[False] * 4] * 4)])
    share, interval = share_unchanged(one, CLASSES)
    assert share == pytest.approx(20 / 24)
    assert interval.low is not None and interval.low < 0.6  # a single speaker's answers changed all
    two = pd.concat([one, one.assign(seed=1, guess="happy")])
    assert share_unchanged(two, CLASSES)[0] == pytest.approx((20 / 24 + 1) / 2)


def test_what_has_no_interval_says_why() -> None:
    share, interval = share_unchanged(pairs([[False] * 3] * 7), CLASSES)
    assert (share, interval.reason) == (1.0, None)
    assert interval.low is not None and interval.low < 0.9 and interval.high == 1  # none of 21 is not none ever
    nameless = pairs([[True, False], [False, False], [True, True]]).assign(speaker=None)
    share, interval = share_unchanged(nameless, CLASSES)
    assert share == pytest.approx(0.5) and interval.reason == "the speaker of 6 answers is unknown"
    share, interval = share_unchanged(pairs([[True, False], [False]]), CLASSES)
    assert share == pytest.approx(2 / 3) and "3 are needed" in str(interval.reason)
    assert share_unchanged(pairs([[]]), CLASSES)[1].reason == "no answers to compare yet"


def cells(run: Run, condition: str, changed: int, folds: int = 2, **facts: object) -> None:
    """Three speakers of a fold with four clips each; the first ``changed`` answers of every fold are other ones."""
    for fold in range(folds):
        rows = [(f"c/f{fold}-{speaker}-{k}", f"f{fold}-{speaker}") for speaker in range(3) for k in range(4)]
        guess = ["sad" if i < changed else "happy" for i in range(len(rows))]
        record = replace(
            BASE, key=f"{len(list((run.folder / 'records').glob('*'))):032x}", protocol="perturb", fold=f"f{fold}",
            condition=condition, n_test=len(rows), model="m", **facts,
        )  # fmt: skip
        about = {"row": [f"{u}#0" for u, _ in rows], "utterance": [u for u, _ in rows], "speaker": [s for _, s in rows]}
        answers = {"truth": ["happy"] * len(rows), "guess": guess, "log_probability": [[-0.1, -2.4]] * len(rows)}
        run.append(record, pd.DataFrame({**about, **answers}))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "run", "0")


def test_every_condition_is_paired_with_the_clean_answers(run: Run) -> None:
    cells(run, "clean", 2)
    cells(run, "gain 3 dB", 5)
    cells(run, "inverted", 2)
    frames = open_evidence([run])
    found = {s.setup.condition: s for s in stability(frames.records, frames.predictions)}
    assert found.keys() == {"gain 3 dB", "inverted"}
    assert (found["gain 3 dB"].share, found["gain 3 dB"].n) == (pytest.approx(18 / 24), 24)
    assert found["inverted"].share == 1
    again = stability(frames.records, frames.predictions.sample(frac=1, random_state=0))
    assert {s.setup.condition: s for s in again} == found


def test_a_run_that_goes_on_and_one_of_two_versions(run: Run) -> None:
    cells(run, "clean", 2)
    cells(run, "shift 10 ms", 3, folds=1)
    frames = open_evidence([run])
    (one,) = stability(frames.records, frames.predictions)
    assert (one.n, one.n_clean, one.share) == (12, 24, pytest.approx(11 / 12))
    assert stability_table.said(one).endswith("*")
    cells(run, "clean", 2, model_version=2)
    frames = open_evidence([run])
    (one,) = stability(frames.records, frames.predictions)
    assert one.share is None and "several versions" in str(one.interval.reason)


def test_the_table_is_that_of_perturb_alone(run: Run) -> None:
    cells(run, "clean", 0)
    for condition, changed in (("shift 20 ms", 6), ("shift 10 ms", 3), ("gain -3 dB", 1), ("inverted", 0)):
        cells(run, condition, changed)
    frames = open_evidence([run])
    text = render(stability_table.document(frames.records, frames.predictions))
    lines = text.splitlines()
    assert [line.split("  ")[0] for line in lines[3:7]] == ["gain -3 dB", "inverted", "shift 10 ms", "shift 20 ms"]
    assert "24 answers" in lines[0] and lines[4].split()[2] == "[78.4,"  # none of 24 is not none ever
    assert lines[3].split()[-3] == "91.7" and lines[4].split()[1] == "100.0"
    assert "| shift 10 ms | 75.0" in render(stability_table.document(frames.records, frames.predictions), "markdown")
    other = frames.records.assign(protocol="noise")
    assert render(stability_table.document(other, frames.predictions)) == ""


def test_mild_conditions_come_before_strong_ones() -> None:
    names = ["clipping 20 %", "clipping 1 %", "clean", "opus 6 kbit/s", "opus 24 kbit/s", "room 1 s", "room 0.2 s"]
    assert sorted(names, key=lambda name: condition_order(*condition_parts(name))) == [
        "clean", "clipping 1 %", "clipping 20 %", "opus 24 kbit/s", "opus 6 kbit/s", "room 0.2 s", "room 1 s",
    ]  # fmt: skip
