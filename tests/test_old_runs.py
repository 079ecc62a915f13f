"""A run folder of version 0.1.0 is read as it was then: its numbers are those that 0.1.0 printed of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from serbench.benchmark.cli import main
from serbench.errors import InputError
from serbench.protocols.parts.catalog import protocols
from serbench.protocols.parts.factors import factors, full
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.old_records import condition_parts, factors_of, order_of
from serbench.results.evidence.record import FORMAT, Record
from serbench.results.evidence.results import results_of
from serbench.results.evidence.scores import scores
from serbench.results.evidence.store import open_run
from serbench.tests.support.edited import rewrite

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


@pytest.mark.usefixtures("four_metrics")
@pytest.mark.parametrize("command", COMMANDS)
def test_an_old_run_gives_the_numbers_it_gave(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    found = printed(command, folder, capsys)
    kept = dict(leaves(json.loads((GOLDEN / f"run-0.1.0.{command}.json").read_text())))
    assert found.keys() == kept.keys()
    # other releases of numpy and scipy sum in another order
    near = {k: pytest.approx(v, rel=1e-9, abs=1e-12) if isinstance(v, float) else v for k, v in kept.items()}
    assert found == near


def test_the_same_command_trains_anew_beside_an_old_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (folder / "records").iterdir()}
    (evidence,) = [open_evidence([open_run(folder)])]
    assert {cell.record.format for cell in evidence.cells} == {1} and len(before) == len(evidence.cells)
    with pytest.raises(SystemExit) as stop:
        main([*evidence.commands[0].facts["command"][:-1], str(folder)])
    text = capsys.readouterr()
    assert not stop.value.code, text.err
    assert f"{len(before)} cells made by serbench 0.1.0 are stored too and not shown" in text.out
    said = f"{folder}: is of format 1, now of {FORMAT}, which older versions cannot read\n"
    assert text.err.count(said) == 1
    with pytest.raises(SystemExit):
        main([*evidence.commands[0].facts["command"][:-1], str(folder)])
    assert said not in capsys.readouterr().err
    again = open_evidence([open_run(folder)])
    assert {cell.record.format for cell in again.cells} == {FORMAT} and len(again.cells) == len(before)
    assert {name: (folder / "records" / name).read_bytes() for name in before} == before
    old = copytree(GOLDEN / "run-0.1.0", tmp_path / "old")
    both = open_evidence([open_run(folder), open_run(old)])  # the old cells, which are current in their own folder
    for result in results_of(both.records):
        assert len({cell.format for cell in result.cells.values()}) == 1
    assert {line.tag for line in scores(both.records, both.predictions, both.plan)} == {"1", "2"}


def test_what_is_newer_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    path = next((folder / "records").iterdir())
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "format": 99, "mood": 1}))
    with pytest.raises(InputError, match=rf"{path.name}: a record of format 99, this serbench reads up to {FORMAT}"):
        open_evidence([open_run(folder)])
    rewrite(path, {**facts, "format": FORMAT})
    with pytest.raises(InputError, match=f"{path.name}: not a record of format {FORMAT}: arm_factors, .*missing"):
        open_evidence([open_run(folder)])
    newer = Record.from_json(facts, "a").to_json() | {"format": FORMAT, "target": "dimensions"}
    rewrite(path, newer)
    with pytest.raises(InputError, match=f"{path.name}: target 'dimensions': this serbench scores classes"):
        open_evidence([open_run(folder)])
    path.write_text(json.dumps({**facts, "mood": 1}))
    with pytest.raises(InputError, match=f"{path.name}: not a record of format 1: mood missing or unknown"):
        open_evidence([open_run(folder)])


def test_conditions_of_old_records_are_taken_apart_as_new_ones_are_stored() -> None:
    every = [protocol for protocol in protocols().values() if protocol.name != "sweep"]
    swept = full(factors("lr=1e-4,0.1; batch=16", "a sweep"), "a sweep")
    for condition in (condition for protocol in every for condition in protocol.conditions(protocol.options)):
        assert condition_parts(condition.name) == (condition.kind, condition.level, condition.unit)
    for arms in [swept, *(p.arms(p.options) for p in every if p.arms != "variants")]:
        for arm in arms:
            assert factors_of(arm.name) == dict(arm.factors)
            by_class = arm.practice.order if "by class" in arm.name else "length"
            assert order_of(arm.name) == by_class


def test_a_missing_fold_moves_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are computed anew, so that a test of them can fail."""
    folder = copytree(GOLDEN / "run-0.1.0", tmp_path / "run")
    record = next(p for p in sorted((folder / "records").iterdir()) if '"functionals-svm"' in p.read_text())
    record.unlink()
    found = printed("show", folder, capsys)
    assert found["/1/n_utterances"] == 200
    assert found["/1/metrics/uar/mean"] != pytest.approx(0.7833333333)
