"""A stranger's metric: installed, it stands in every table; a broken one breaks nothing; a clash names both."""

import json
from pathlib import Path

import numpy as np
import pytest

from serbench.results.statistics.metrics import GROUP, METRICS
from serbench.tests.support.scratch import EXAMPLES, inside, install, put

CLASSES, ROWS = ("happy", "sad"), 40


def predictions(path: Path) -> Path:
    """Half of the happy clips are found, and all of the sad ones."""
    rng = np.random.default_rng(0)
    lines = ["id,speaker,truth,guess"]
    for i in range(ROWS):
        truth = CLASSES[i % 2]
        guess = truth if truth == "sad" or (i // 2) % 2 else "sad"
        lines.append(f"u{i},s{rng.integers(6)},{truth},{guess}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_one_that_is_installed_is_scored_and_listed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(EXAMPLES / "metric", site)
    put(site, "odd", "import no_such_module", ["odd = odd:METRIC"], GROUP)
    file = predictions(tmp_path / "guesses.csv")
    said = inside([site], ["score", file, "--json"], ["score", file], ["doctor", "--json"], folder=tmp_path)
    assert [code for code, _ in said[:2]] == [0, 0]
    assert json.loads(said[0][1])["files"][0]["metrics"]["worst_recall"]["value"] == pytest.approx(0.5)
    assert "worst recall" in said[1][1] and "50.0" in said[1][1]
    facts = {fact["name"]: fact for fact in json.loads(said[2][1])["checks"]}
    listed = f"{len(METRICS) + 1}, of them from plugins: worst_recall (my-serbench-metrics 1.0)"
    assert facts["metrics"]["value"] == listed
    assert facts["odd"]["value"].startswith("cannot be used: its plugin does not load: ModuleNotFoundError")


def test_a_clash_names_both(tmp_path: Path) -> None:
    site = tmp_path / "site"
    text = (EXAMPLES / "metric" / "worst_recall.py").read_text().replace('"worst_recall"', '"uar"')
    put(site, "twin", text, ["uar = twin:WORST_RECALL"], GROUP)
    ((code, said),) = inside([site], ["score", predictions(tmp_path / "guesses.csv")], folder=tmp_path)
    assert code == 2 and "two metrics are called 'uar': serbench and twin 0.1; uninstall or rename one" in said
