"""Scores made by hand, and whether two boxes lie apart, for the tests of pictures and LaTeX tables."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from serbench.results.evidence.old_records import factors_of
from serbench.results.evidence.scores import Score, Value
from serbench.tests.support.records import of_names


def score(**facts: Any) -> Score:
    """A complete score of two classes."""
    defaults: dict[str, Any] = {
        **{"protocol": "speaker-independent", "model": "sigwavnet:released", "arm": "base", "train": "a", "test": "a"},
        **{"condition": "clean", "label_map": "basic4", "leaks": (), "chance": 0.5, "n_folds": 2, "n_seeds": 1},
        **{"n_failed": 0, "n_utterances": 9, "n_cells": 2, "n_done": 2, "n_runs": 1, "classes": ("happy", "sad")},
        **{"metrics": {"uar": Value(0.453, None, 0.41, 0.496)}, "confusion": np.array([[3, 1], [2, 3]])},
    }
    return Score(**of_score({**defaults, **facts}))


def of_score(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a score with those that follow from the names of model, arm and condition."""
    more = of_names(facts)
    parts = {name: more[f"condition_{name}"] for name in ("kind", "level", "unit")}
    return {"role": more["role"], "factors": more["arm_factors"], **parts, **facts}


def of_arms(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Arms with their factors."""
    return {name: factors_of(name) for name in names}


def apart(one: Any, two: Any) -> bool:
    """Whether two boxes in pixels share no more than an edge."""
    return bool(one.x1 <= two.x0 + 1 or two.x1 <= one.x0 + 1 or one.y1 <= two.y0 + 1 or two.y1 <= one.y0 + 1)
