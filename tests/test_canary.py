"""The canary: corpora whose labels cannot be told on new speakers, under every protocol and with every model."""

import json
from pathlib import Path

import pytest
from tiny import serbench

from serbench.baselines.registry import cards
from serbench.protocols.catalog import protocols

CHANCE = 1 / 4
NULL = ("--corpus", "synth-null-a", "--corpus", "synth-null-b")


def uars(out: Path, protocol: str, *more: str) -> dict[tuple[str, str, str], float]:
    """(train, test, condition) -> UAR on null corpora."""
    code, _, err = serbench("run", "--protocol", protocol, *more, "--out", out)
    assert code == 0, err
    lines = json.loads(serbench("show", out, "--json")[1])
    return {(line["train"], line["test"], line["condition"]): line["metrics"]["uar"]["mean"] for line in lines}


def expect(null: str, found: dict[tuple[str, str, str], float]) -> None:
    for cell, uar in found.items():
        if null == "chance":
            assert abs(uar - CHANCE) <= 0.12, (cell, uar)
        elif null == "above" and cell[2] == "clean":
            assert uar >= CHANCE + 0.3, (cell, uar)


@pytest.mark.parametrize("name", ["random", "speaker-independent"])
def test_one_null_corpus(name: str, tmp_path: Path) -> None:
    found = uars(tmp_path / "run", name, "--model", "functionals-svm", "--corpus", "synth-null-a")
    assert len(found) == 1
    expect(protocols()[name].null, found)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(protocols()))
def test_every_protocol(name: str, tmp_path: Path) -> None:
    found = uars(tmp_path / "run", name, "--model", "functionals-svm", *NULL)
    assert found
    expect(protocols()[name].null, found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "speaker-independent"])
@pytest.mark.parametrize("model", sorted(name for name, card in cards().items() if card.modalities == ("audio",)))
def test_every_model(model: str, name: str, tmp_path: Path) -> None:
    """Every model, in its profile for tests, tells nothing of new speakers; on `random` it may memorize."""
    spec = f"{model}:tiny" if "tiny" in cards()[model].profiles else model
    found = uars(tmp_path / "run", name, "--model", spec, "--corpus", "synth-null-a")
    if protocols()[name].null == "chance":
        expect("chance", found)
    else:  # how much a small network memorizes is its own affair
        assert min(found.values()) >= CHANCE - 0.12
