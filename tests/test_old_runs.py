"""A run folder of version 0.1.0 is read as it was then: its numbers are those that 0.1.0 printed of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from serbench.benchmark.cli import main

GOLDEN = Path(__file__).parent / "golden"
#: command -> what stands after the folder in its command line
COMMANDS = {"show": ("--json",), "compare": ("majority", "functionals-svm", "--json")}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, word and empty list of a JSON document, with where it stands."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inside:
        yield place, value
    for key, item in inside:
        yield from leaves(item, f"{place}/{key}")


def printed(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    with pytest.raises(SystemExit) as stop:
        main([command, str(folder), *COMMANDS[command]])
    assert not stop.value.code
    return dict(leaves(json.loads(capsys.readouterr().out)))


@pytest.mark.parametrize("command", COMMANDS)
def test_an_old_run_gives_the_numbers_it_gave(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    found = printed(command, folder, capsys)
    kept = dict(leaves(json.loads((GOLDEN / f"run-0.1.0.{command}.json").read_text())))
    assert found.keys() == kept.keys()
    # other releases of numpy and scipy sum in another order
    near = {k: pytest.approx(v, rel=1e-9, abs=1e-12) if isinstance(v, float) else v for k, v in kept.items()}
    assert found == near


def test_a_missing_fold_moves_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are computed anew, so that a test of them can fail."""
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    record = next(p for p in sorted((folder / "records").iterdir()) if '"functionals-svm"' in p.read_text())
    record.unlink()
    found = printed("show", folder, capsys)
    assert found["/1/n_utterances"] == 200
    assert found["/1/metrics/uar/mean"] != pytest.approx(0.7833333333)
