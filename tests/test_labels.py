"""Label maps: every class of every corpus has one fate, and the counts are those of the literature."""

import pandas as pd
import pytest
from utterances import finish, make, run

from serbench.benchmark.corpora import facts
from serbench.errors import InputError
from serbench.protocols import labels
from serbench.protocols.catalog import find
from serbench.protocols.design import design, maps_for

IEMOCAP = {
    "angry": 1103, "happy": 595, "excited": 1041, "neutral": 1708, "sad": 1084, "frustrated": 1849, "surprise": 107,
    "fear": 40, "disgust": 2, "other": 3, "undecided": 2507,
}  # fmt: skip


def counted(corpus: str, counts: dict[str, int]) -> pd.DataFrame:
    """A table of a corpus with so many utterances per class, two speakers in each of five sessions."""
    emotions = [emotion for emotion, n in counts.items() for _ in range(n)]
    table = pd.DataFrame({"emotion": emotions, "corpus": corpus})
    table["id"] = [f"{corpus}/{i:05d}" for i in range(len(table))]
    table["session"] = [f"Ses0{1 + i % 5}" for i in range(len(table))]
    table["dialogue"] = table["session"] + "_impro01"
    table["speaker"] = [f"{corpus}/{session}{'FM'[i // 5 % 2]}" for i, session in enumerate(table["session"])]
    return finish(table)


@pytest.mark.parametrize(("name", "n", "classes"), [("basic4", 5531, 4), ("iemocap6", 7380, 6), ("native", 10039, 11)])
def test_iemocap_counts(name: str, n: int, classes: int) -> None:
    labelled = labels.apply(counted("iemocap", IEMOCAP), name)
    assert len(labelled.table) == n
    assert labelled.table["label"].nunique() == classes
    assert labelled.coverage["n"].sum() == 10039
    kept = labelled.coverage.query("fate != 'dropped'")
    assert kept["n"].sum() == n


def test_iemocap_has_four_classes_unless_a_map_is_named() -> None:
    table = counted("iemocap", {emotion: min(n, 60) for emotion, n in IEMOCAP.items()})
    default = design(find("speaker-independent"), table)
    assert default.label_map == "basic4"
    assert default.split.folds[0].classes == ("angry", "happy", "neutral", "sad")
    assert "iemocap: label map basic4 counts excited 60 as happy" in default.notes
    native = design(find("speaker-independent"), table, "native")
    assert native.label_map == "native"
    assert "undecided" in native.split.folds[0].classes
    both = design(find("random"), pd.concat([table, make("one", "f1 f2 m1", ("calm", "sad"), 6)]))
    assert both.label_map == "native,iemocap=basic4"
    assert {both.label_map_of(fold) for fold in both.split.folds} == {"native", "basic4"}
    assert maps_for(find("cross-corpus"), None, ["iemocap", "one"]) == {"iemocap": "basic4", "one": "basic4"}
    assert maps_for(find("random"), "iemocap6", ["iemocap"]) == {"iemocap": "iemocap6"}


@pytest.mark.parametrize("name", labels.names())
@pytest.mark.parametrize("corpus", facts.names())
def test_every_class_of_every_corpus_has_a_fate(name: str, corpus: str) -> None:
    assert set(labels.load(name).corpora[corpus]) == set(facts.facts(corpus).counts["emotion"])


@pytest.mark.parametrize("name", labels.names())
def test_a_map_says_who_it_is_and_maps_onto_its_own_classes(name: str) -> None:
    chosen = labels.load(name)
    assert chosen.name == name
    assert chosen.version >= 1
    assert chosen.source
    assert chosen.summary
    assert set(chosen.corpora) == set(facts.names())
    classes = {label for label in chosen.default.values() if label}
    for corpus, fates in [*chosen.corpora.items(), ("default", chosen.default)]:
        assert set(fates) <= set(chosen.default), corpus
        assert {label for label in fates.values() if label} <= classes
        # a class has the same fate wherever it occurs
        assert all(chosen.default[emotion] == label for emotion, label in fates.items()), corpus


def test_native_is_the_identity() -> None:
    for fates in [*labels.load("native").corpora.values(), labels.load("native").default]:
        assert all(emotion == label for emotion, label in fates.items())


def test_basic4_gives_every_corpus_four_classes() -> None:
    for corpus in facts.names():
        labelled = labels.apply(counted(corpus, facts.facts(corpus).counts["emotion"]), "basic4")
        assert set(labelled.table["label"]) == {"angry", "happy", "neutral", "sad"}
    calm = labels.apply(counted("ravdess", facts.facts("ravdess").counts["emotion"]), "basic4")
    assert len(calm.table) == 3 * 192 + 96
    assert calm.notes == (
        "ravdess: label map basic4 drops 768 of 1440 utterances: calm 192, disgust 192, fear 192, surprise 192",
    )


def test_coverage_names_classes_that_a_partial_corpus_lacks() -> None:
    coverage = labels.apply(counted("emodb", {"angry": 5, "fear": 1}), "basic4").coverage
    lines = {line.emotion: (line.n, line.fate, line.label) for line in coverage.itertuples()}
    assert lines["angry"] == (5, "kept", "angry")
    assert lines["fear"][:2] == (1, "dropped")
    assert lines["sad"] == (0, "kept", "sad")
    assert set(lines) == set(facts.facts("emodb").counts["emotion"])
    mine = labels.apply(counted("mine", {"angry": 5, "excited": 1}), "basic4").coverage
    assert [tuple(line)[1:] for line in mine.itertuples()] == [
        ("mine", "angry", 5, "kept", "angry"),
        ("mine", "excited", 1, "merged", "happy"),
    ]


def test_the_table_keeps_its_order_and_its_columns() -> None:
    table = counted("iemocap", {"sad": 3, "undecided": 2, "excited": 3})
    labelled = labels.apply(table, "basic4").table
    assert list(labelled["id"]) == [i for i, e in zip(table["id"], table["emotion"], strict=True) if e != "undecided"]
    assert list(labelled.columns) == [*table.columns, "label"]
    assert "label" not in table
    mixed = pd.concat([table, make("a", "f1", ("sad",))]).sample(frac=1, random_state=0)
    labelled = labels.apply(mixed, "native").table
    assert list(labelled["id"]) == list(mixed["id"])
    assert list(labelled["label"]) == list(mixed["emotion"])


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="unknown label map 'basic5'; did you mean 'basic4'"):
        labels.load("basic5")
    with pytest.raises(InputError, match=r"mine: unknown emotion 'angri'; did you mean 'angry'.*4 utterances"):
        run("random", make("mine", "f1", ("sad", "angri")))
    with pytest.raises(InputError, match="emodb: unknown emotion 'calm'"):
        labels.apply(counted("emodb", {"sad": 2, "calm": 2}), "basic4")
    with pytest.raises(InputError, match=r"mine: label map basic4 drops every class it has \(calm, fear\)"):
        labels.apply(counted("mine", {"calm": 2, "fear": 2}), "basic4")
    table = counted("mine", {"sad": 3})
    table.loc[1, "emotion"] = None
    with pytest.raises(InputError, match="mine: no emotion for mine/00001"):
        labels.apply(table, "native")


HEAD = 'name = "x"\nversion = 1\nsummary = "s"\nsource = "s"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "corpora = {}\n", "here: default missing or unknown"),
        (HEAD + "colour = 1\ncorpora = {}\n[default]\n", "here: colour missing or unknown"),
        (HEAD + '[default]\nkept = ["sad"]\ndropped = ["sad"]\n[corpora]\n', "here, default: sad is named twice"),
        (HEAD + '[default]\n[corpora.one]\nkeep = ["sad"]\n', "unknown key of here, one 'keep'; did you mean 'kept'"),
        ("name = x", "here: not TOML"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labels.read(text, "here")
