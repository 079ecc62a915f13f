"""Facts about corpora and the identity of their releases: complete, consistent, small."""

import csv
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from serbench.benchmark.checks.corpus_check import released_ids
from serbench.benchmark.checks.corpus_contract import of_facts
from serbench.benchmark.corpora.registry import broken, cards, find
from serbench.benchmark.corpora.releases import HEX, release
from serbench.errors import InputError

RELEASED = {"emodb": 535, "ravdess": 1440, "savee": 480, "tess": 2800, "crema-d": 7442}


def test_every_corpus_has_an_adapter_and_facts() -> None:
    expected = {"emodb", "ravdess", "emovo", "savee", "tess", "crema-d", "iemocap", "meld"}
    assert expected <= set(cards())
    assert broken() == {}
    assert all(card.adapter.name == card.facts.name == name for name, card in cards().items())


def test_published_totals() -> None:
    iemocap, meld = find("iemocap").facts.counts["emotion"], find("meld").facts
    assert sum(iemocap[c] for c in ("angry", "sad", "neutral", "happy", "excited")) == 5531
    assert sum(iemocap[c] for c in ("angry", "sad", "neutral", "happy", "excited", "frustrated")) == 7380
    assert meld.counts["official_split"] == {"train": 9989, "dev": 1109, "test": 2610}
    assert find("emodb").facts.other_releases == {"816": "EMO-DB 2.0"}


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="unknown corpus 'emodp'; did you mean 'emodb'"):
        find("emodp")


@pytest.mark.parametrize("corpus", cards())
def test_facts_keep_the_contract(corpus: str) -> None:
    assert of_facts(find(corpus)) == []


@pytest.mark.parametrize("corpus", cards())
def test_release_lists(corpus: str) -> None:
    listed = release(corpus)
    assert len(listed) == RELEASED.get(corpus, 0)
    assert len({file.path for file in listed}) == len(listed)
    assert all(len(file.sha256) == HEX and int(file.sha256, 16) >= 0 and file.bytes > 1000 for file in listed)


@pytest.mark.parametrize("corpus", sorted(RELEASED))
def test_identical_files_of_the_release_are_known(corpus: str) -> None:
    ids = released_ids(corpus)
    assert len(ids) == RELEASED[corpus]
    count = Counter(file.sha256 for file in ids.values())
    twice = {id for id, file in ids.items() if count[file.sha256] > 1}
    known = find(corpus).facts
    assert {id for group in known.identical for id in group} == twice
    for group in known.identical:
        assert len({ids[id].sha256 for id in group}) == 1
    assert {*known.silent, *known.several_channels} <= ids.keys()


def test_shipped_data_is_small() -> None:
    folder = files("serbench.benchmark.corpora") / "data"
    assert sum(len(path.read_bytes()) for path in folder.iterdir()) < 400_000


@pytest.mark.parametrize("corpus", sorted(RELEASED))
def test_release_lists_are_the_published_ones(corpus: str, corpora_folder: Path) -> None:
    with (corpora_folder / "listings" / f"{corpus}.tsv").open() as file:
        lines = {(r["path"], int(r["bytes"]), r["sha256"][:HEX]) for r in csv.DictReader(file, delimiter="\t")}
    assert {(file.path, file.bytes, file.sha256) for file in release(corpus)} == lines
