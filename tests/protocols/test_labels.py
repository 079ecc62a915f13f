"""Label maps: every class of every corpus has one fate, and the counts are those of the literature."""

from pathlib import Path

import pandas as pd
import pytest

from serbench.benchmark.corpora.draft import draft
from serbench.benchmark.corpora.registry import cards, fates
from serbench.benchmark.corpora.registry import find as find_corpus
from serbench.errors import InputError
from serbench.protocols.parts import labels
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import design, maps_for
from serbench.tests.support.utterances import EMODB, finish, make, run

#: those that ship here; a corpus that comes later may lack a class
BUILT_IN = ("crema-d", "emodb", "emovo", "iemocap", "meld", "ravdess", "savee", "tess")
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
    labelled = labels.apply(counted("iemocap", IEMOCAP), name, fates())
    assert len(labelled.table) == n
    assert labelled.table["label"].nunique() == classes
    assert labelled.coverage["n"].sum() == 10039
    kept = labelled.coverage.query("fate != 'dropped'")
    assert kept["n"].sum() == n


def test_iemocap_has_four_classes_unless_a_map_is_named() -> None:
    table = counted("iemocap", {emotion: min(n, 60) for emotion, n in IEMOCAP.items()})
    default = design(find("speaker-independent"), table, fates=fates())
    assert default.label_map == "basic4"
    assert default.split.folds[0].classes == ("angry", "happy", "neutral", "sad")
    assert "iemocap: label map basic4 counts excited 60 as happy" in default.notes
    native = design(find("speaker-independent"), table, "native", fates=fates())
    assert native.label_map == "native"
    assert "undecided" in native.split.folds[0].classes
    both = design(find("random"), pd.concat([table, make("one", "f1 f2 m1", ("calm", "sad"), 6)]), fates=fates())
    assert both.label_map == "native,iemocap=basic4"
    assert {both.label_map_of(fold) for fold in both.split.folds} == {"native", "basic4"}
    assert maps_for(find("cross-corpus"), None, ["iemocap", "one"]) == {"iemocap": "basic4", "one": "basic4"}
    assert maps_for(find("random"), "iemocap6", ["iemocap"]) == {"iemocap": "iemocap6"}


@pytest.mark.parametrize("name", labels.names())
@pytest.mark.parametrize("corpus", cards())
def test_every_class_of_every_corpus_has_a_fate(name: str, corpus: str) -> None:
    facts = find_corpus(corpus).facts
    assert set(labels.load(name).of(facts.labels)) == set(facts.counts["emotion"])


@pytest.mark.parametrize("name", labels.names())
def test_a_map_says_who_it_is_and_maps_onto_its_own_classes(name: str) -> None:
    chosen = labels.load(name)
    assert chosen.name == name
    assert chosen.version >= 1
    assert chosen.source
    assert chosen.summary
    assert len(chosen.classes) == len(set(chosen.classes))
    assert {label for label in chosen.default.values() if label} == set(chosen.classes)
    for corpus in BUILT_IN:
        fates_of = chosen.of(find_corpus(corpus).facts.labels)
        assert set(fates_of) <= set(chosen.default), corpus
        assert {label for label in fates_of.values() if label} <= set(chosen.classes)
        odd = {(name, corpus, emotion) for emotion, label in fates_of.items() if chosen.default[emotion] != label}
        assert odd <= {("basic6", "iemocap", "disgust")}  # otherwise a class has the same fate wherever it occurs


def test_every_corpus_has_every_class_of_a_map_for_transfer() -> None:
    """A map that half of the corpora cannot fill makes a matrix of different tasks."""
    for name in ("basic4", "basic4-calm", "basic6", "arousal2", "valence2"):
        chosen = labels.load(name)
        lacks = {c: set(chosen.classes) - set(chosen.of(fates()[c]).values()) for c in BUILT_IN}
        assert {c: some for c, some in lacks.items() if some} == ({"iemocap": {"disgust"}} if name == "basic6" else {})


# by hand, from the counts that the corpora's authors publish
COUNTS = {
    ("basic4-calm", "ravdess"): {"angry": 192, "happy": 192, "neutral": 96 + 192, "sad": 192},
    ("basic4-calm", "emodb"): {"angry": 127, "happy": 71, "neutral": 79, "sad": 62},
    ("basic6", "emodb"): {"angry": 127, "disgust": 46, "fear": 69, "happy": 71, "neutral": 79, "sad": 62},
    ("basic6", "crema-d"): {**dict.fromkeys(("angry", "disgust", "fear", "happy", "sad"), 1271), "neutral": 1087},
    ("basic6", "iemocap"): {"angry": 1103, "fear": 40, "happy": 595 + 1041, "neutral": 1708, "sad": 1084},
    ("arousal2", "emodb"): {"high": 127 + 69 + 71, "low": 81 + 79 + 62},
    ("arousal2", "ravdess"): {"high": 4 * 192, "low": 192 + 96 + 192},
    ("arousal2", "emovo"): {"high": 4 * 84, "low": 2 * 84},
    ("arousal2", "savee"): {"high": 4 * 60, "low": 120 + 60},
    ("arousal2", "tess"): {"high": 4 * 400, "low": 2 * 400},
    ("arousal2", "crema-d"): {"high": 3 * 1271, "low": 1087 + 1271},
    ("arousal2", "iemocap"): {"high": 1103 + 1041 + 40 + 595 + 107, "low": 1708 + 1084},
    ("arousal2", "meld"): {"high": 1607 + 358 + 2308 + 1636, "low": 6436 + 1002},
    ("valence2", "emodb"): {"negative": 127 + 81 + 46 + 69 + 62, "positive": 71},
    ("valence2", "ravdess"): {"negative": 4 * 192, "positive": 192},
    ("valence2", "iemocap"): {"negative": 1103 + 2 + 40 + 1849 + 1084, "positive": 1041 + 595},
    ("valence2", "meld"): {"negative": 1607 + 361 + 358 + 1002, "positive": 2308},
}


@pytest.mark.parametrize(("name", "corpus"), COUNTS)
def test_counts_of_complete_corpora(name: str, corpus: str) -> None:
    complete = find_corpus(corpus).facts
    labelled = labels.apply(counted(corpus, complete.counts["emotion"]), name, fates())
    assert dict(labelled.table["label"].value_counts()) == COUNTS[name, corpus]
    lines = labelled.coverage.groupby("fate")["n"].sum()
    assert lines.sum() == complete.utterances
    assert lines.drop("dropped", errors="ignore").sum() == sum(COUNTS[name, corpus].values())


def test_two_maps_that_differ_in_calm_differ_only_there() -> None:
    one, two = labels.load("basic4"), labels.load("basic4-calm")
    for corpus in [*BUILT_IN, "mine"]:
        own = fates().get(corpus)
        odd = {emotion for emotion, label in one.of(own).items() if two.of(own)[emotion] != label}
        assert odd == ({"calm"} if corpus in ("ravdess", "mine") else set())


def test_native_is_the_identity() -> None:
    native = labels.load("native")
    for own in [*(fates()[corpus] for corpus in BUILT_IN), None]:
        assert all(emotion == label for emotion, label in native.of(own).items())


def test_basic4_gives_every_corpus_four_classes() -> None:
    for corpus in BUILT_IN:
        labelled = labels.apply(counted(corpus, find_corpus(corpus).facts.counts["emotion"]), "basic4", fates())
        assert set(labelled.table["label"]) == {"angry", "happy", "neutral", "sad"}
    calm = labels.apply(counted("ravdess", find_corpus("ravdess").facts.counts["emotion"]), "basic4", fates())
    assert len(calm.table) == 3 * 192 + 96
    assert calm.notes == (
        "ravdess: label map basic4 drops 768 of 1440 utterances: calm 192, disgust 192, fear 192, surprise 192",
    )


def test_coverage_names_classes_that_a_partial_corpus_lacks() -> None:
    coverage = labels.apply(counted("emodb", {"angry": 5, "fear": 1}), "basic4", fates()).coverage
    assert list(coverage.columns) == ["label_map", "corpus", "emotion", "n", "fate", "label"]
    lines = {line.emotion: (line.n, line.fate, line.label) for line in coverage.itertuples()}
    assert lines["angry"] == (5, "kept", "angry")
    assert lines["fear"] == (1, "dropped", None)
    assert lines["sad"] == (0, "kept", "sad")
    assert set(lines) == set(find_corpus("emodb").facts.counts["emotion"])
    mine = labels.apply(counted("mine", {"angry": 5, "excited": 1}), "basic4", fates()).coverage
    assert [tuple(line)[2:] for line in mine.itertuples()] == [
        ("mine", "angry", 5, "kept", "angry"),
        ("mine", "excited", 1, "merged", "happy"),
    ]


def test_notes_name_what_is_merged_by_class() -> None:
    table = counted("ravdess", {"angry": 2, "calm": 3, "fear": 1, "neutral": 4, "disgust": 5})
    assert labels.apply(table, "arousal2", fates()).notes == (
        "ravdess: label map arousal2 counts angry 2, fear 1 as high; calm 3, neutral 4 as low",
        "ravdess: label map arousal2 drops 5 of 15 utterances: disgust 5",
    )


def test_the_table_keeps_its_order_and_its_columns() -> None:
    table = counted("iemocap", {"sad": 3, "undecided": 2, "excited": 3})
    labelled = labels.apply(table, "basic4", fates()).table
    assert list(labelled["id"]) == [i for i, e in zip(table["id"], table["emotion"], strict=True) if e != "undecided"]
    assert list(labelled.columns) == [*table.columns, "label"]
    assert "label" not in table
    mixed = pd.concat([table, make("a", "f1", ("sad",))]).sample(frac=1, random_state=0)
    labelled = labels.apply(mixed, "native", fates()).table
    assert list(labelled["id"]) == list(mixed["id"])
    assert list(labelled["label"]) == list(mixed["emotion"])


def test_unknown_names() -> None:
    with pytest.raises(InputError, match="unknown label map 'basc4'; did you mean 'basic4'"):
        labels.load("basc4")
    with pytest.raises(
        InputError,
        match=r"unknown emotion of label map basic4 'angri'; did you mean 'angry'.*4 utt.*in all angri 4, 愤怒 4; a",
    ):
        run("random", make("mine", "f1", ("sad", "angri", "愤怒")), label_map="basic4")
    with pytest.raises(InputError, match="emodb: unknown emotion of label map basic4 'calm'"):
        labels.apply(counted("emodb", {"sad": 2, "calm": 2}), "basic4", fates())
    with pytest.raises(InputError, match=r"mine: label map basic4 drops every class it has \(calm, fear\)"):
        labels.apply(counted("mine", {"calm": 2, "fear": 2}), "basic4", fates())
    table = counted("mine", {"sad": 3})
    table.loc[1, "emotion"] = None
    with pytest.raises(InputError, match="mine: no emotion for mine/00001"):
        labels.apply(table, "native", fates())


HEAD = 'name = "x"\nversion = 1\nsummary = "s"\nsource = "s"\nclasses = ["sad"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "here: default missing or unknown"),
        (HEAD + "colour = 1\n[default]\n", "here: colour missing or unknown"),
        (HEAD + '[default]\nkept = ["sad"]\ndropped = ["sad"]\n', "here, default: sad is named twice"),
        (HEAD + '[default]\nkeep = ["sad"]\n', "unknown key of here, default 'keep'; did you mean 'kept'"),
        (
            HEAD + '[default]\nmerged = { gloomy = "sda" }\n',
            "class of here, default 'sda'; did you mean 'sad'",
        ),
        ("name = x", "here: not TOML"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labels.read(text, "here")


def test_any_classes_of_a_corpus_of_ones_own_run_and_its_words_are_read() -> None:
    odd = ("contempt", "amused", "愤怒", "1", "nan")
    assert set(labels.apply(counted("mine", dict.fromkeys(odd, 2)), "native", fates()).table["label"]) == {*odd}
    words = {"Anger": 3, "joy": 2, "sadness": 1, "excited": 1}
    read = labels.apply(counted("mine", words), "basic4", fates())
    assert dict(read.table["label"].value_counts()) == {"angry": 3, "happy": 3, "sad": 1}


def test_a_map_of_ones_own_is_a_file_with_a_name_of_its_content(tmp_path: Path) -> None:
    counts = {"contempt": 12, "愤怒": 11, "Anger": 10, "sad": 9}
    file = tmp_path / "my.toml"
    file.write_text(draft("mine", counts), encoding="utf-8")
    own = labels.load(str(file))
    assert own.name.startswith("mine-") and own.classes == ("angry", "contempt", "sad", "愤怒")
    read = labels.apply(counted("mine", counts), own, fates())
    assert (
        set(read.table["label"]) == {"angry", "contempt", "sad", "愤怒"}
        and not (read.coverage["fate"] == "dropped").any()
    )
    text = file.read_text(encoding="utf-8").replace('"愤怒",  #', "#").replace("dropped = []", 'dropped = ["愤怒"]')
    file.write_text("# another remark\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert labels.load(str(file)) == own  # remarks are no content
    file.write_text(text, encoding="utf-8")
    again = labels.load(str(file))
    assert again.name != own.name and len(labels.apply(counted("mine", counts), again, fates()).table) == 31
    made = run("cross-corpus", make("mine", "a b c", ("Anger", "sad")), make("emodb", EMODB), label_map=str(file))
    assert made.label_map == again.name
    assert {fold.classes for fold in made.split.folds} == {("angry", "sad")}
    with pytest.raises(InputError, match=r"label map .*none\.toml: cannot be read"):
        labels.load(str(tmp_path / "none.toml"))
