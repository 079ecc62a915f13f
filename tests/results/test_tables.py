import doctest
from csv import DictReader
from io import StringIO

import pytest

from serbench.results.evidence import corpora
from serbench.results.evidence.corpora import UNKNOWN
from serbench.results.evidence.scores import Score, Value, order
from serbench.results.statistics.score_intervals import METHOD
from serbench.results.text import tables, words
from serbench.results.text.forms import render
from serbench.results.text.forms.markdown import pipes
from serbench.results.text.forms.terminal import aligned
from serbench.results.text.grids import Grid
from serbench.results.text.tables import LEAK_WORDS, document
from serbench.tests.support.made_scores import of_score

pytestmark = pytest.mark.usefixtures("four_metrics")


def terminal(scores, notes=(), width=100, corpora=UNKNOWN):
    return render(document(scores, notes, corpora), None, width)


def markdown(scores, notes=(), corpora=UNKNOWN):
    return render(document(scores, notes, corpora), "markdown")


def csv(scores, corpora=UNKNOWN):
    return render(document(scores, (), corpora), "csv")


def score(model="functionals-svm", test="emodb", uar=None, **facts):
    uar = uar or Value(0.8312, 0.012, 0.778, 0.8649, 0.0444, 0.061)
    metrics = {"uar": uar, "wa": Value(0.84), "macro_f1": Value(0.826), "weighted_f1": Value(0.838)}
    defaults = {
        **{"protocol": "speaker-independent", "model": model, "arm": "base", "train": test, "test": test},
        **{"condition": "clean", "label_map": "basic4", "leaks": (), "chance": 0.25, "n_folds": 5, "n_seeds": 3},
        **{"n_failed": 0, "n_utterances": 339, "n_speakers": 10, "n_cells": 15, "n_done": 15, "metrics": metrics},
        **{
            "classes": ("angry", "happy", "neutral", "sad"),
            "interval_method": METHOD["algorithms"],
            "devices": ("cpu, fp32",),
        },
    }
    return Score(**of_score({**defaults, **facts}))


def majority(**facts):
    return score(
        "majority", uar=Value(0.25, None, 0.25, 0.25, 0.0, 0.0), **{"n_seeds": 1, "n_cells": 5, "n_done": 5, **facts}
    )


NOTHING = {name: Value() for name in ("uar", "wa", "macro_f1", "weighted_f1")}


def test_doctests_hold():
    assert all(doctest.testmod(module).failed == 0 for module in (corpora, tables, words))


PLAIN = """\
speaker-independent · label map basic4 · 1 to 3 seeds
Leaks: none found in the folds.
NOT COMPLETE: 33 of 40 cells are done, 2 failed, 5 pending.
In %: UAR with its 95 % interval, of the algorithm, over test speakers and trainings; of the trained
models, over test speakers. sd: of UAR over seeds, folds and speakers.
MIXED devices or precisions: cpu, fp32 (majority, functionals-svm); cuda (H200), tf32
(mfcc-attention).

                                      sd over                         macro  weighted    folds
model              UAR                  seeds  folds  speakers    WA     F1        F1  × seeds
──────────────────────────────────────────────────────────────────────────────────────────────
emodb: 4 classes, chance 25.0, 339 test utterances of 10 speakers
  majority         25.0 [25.0, 25.0]        –    0.0       0.0  84.0   82.6      83.8    5 × 1
  functionals-svm  83.1 [77.8, 86.5]      1.2    4.4       6.1  84.0   82.6      83.8    5 × 3
  mfcc-attention   90.0                     –      –         –  84.0   82.6      83.8    5 × 3
    13 of 15 cells (2 failed)
savee: 4 classes, chance 25.0, 120 test utterances of 4 speakers
  mfcc-attention   –                        –      –         –     –      –         –    5 × 1
    0 of 5 cells (5 pending)

· failed: ValueError: loss is not finite (2 cells) (mfcc-attention; emodb)
· no test rows of sad in 1 of 5 folds (functionals-svm; emodb)
· no interval: 2 test speakers, 3 are needed for an interval (mfcc-attention; emodb)
· no dev set: the last epoch is taken (emodb)

· calm is dropped by basic4
"""


def plain():
    found = [
        majority(notes=("no dev set: the last epoch is taken",)),
        score(missing={"sad": 1}, notes=("no dev set: the last epoch is taken",)),
        score(
            "mfcc-attention",
            uar=Value(0.9),
            n_done=13,
            n_failed=2,
            errors=("ValueError: loss is not finite (2 cells)",),
            notes=("no dev set:  the last\nepoch is taken",),
            interval_method=None,
            interval_reason="2 test speakers, 3 are needed for an interval",
            devices=("cuda (H200), tf32",),
        ),
        score(
            "mfcc-attention", "savee", metrics=NOTHING, n_utterances=120, n_speakers=4, n_seeds=1, n_cells=5, n_done=0,
            n_pending=5, interval_method=METHOD["trained models"], devices=(),
        ),
    ]  # fmt: skip
    return sorted(found, key=order)


def test_terminal_text():
    assert terminal(plain(), ["calm is dropped by basic4"]) == PLAIN


def test_a_heading_spans_the_counts_where_scores_are_of_other_utterances():
    two = [score(), score(n_utterances=34, n_speakers=9)]
    assert words.sized(two, "clips") == "34 to 339 clips of 9 to 10 speakers"
    assert words.sized([score(n_speakers=0), majority(n_utterances=0)], "clips") == "339 clips of unknown speakers"
    assert words.sized([score(n_utterances=0)], "clips") == ""


NOISE = """\
noise · label map basic4 · 1 to 3 seeds
LEAK, permitted by this protocol: speakers are shared between train and test.
LEAK, permitted by this protocol: the same sentences are in train and test.
In %: UAR with its 95 % interval, of the algorithm, over test speakers and trainings. sd: of UAR
over seeds, folds and speakers.
Device: cpu, fp32.

                                      sd over                         macro  weighted    folds
model              UAR                  seeds  folds  speakers    WA     F1        F1  × seeds
──────────────────────────────────────────────────────────────────────────────────────────────
emodb, clean: 4 classes, chance 25.0, 339 test utterances of 10 speakers
  majority         25.0 [25.0, 25.0]        –    0.0       0.0  84.0   82.6      83.8    5 × 1
  functionals-svm  83.1 [77.8, 86.5]      1.2    4.4       6.1  84.0   82.6      83.8    5 × 3

UAR by condition, emodb, chance 25.0; * not all cells
condition    majority           functionals-svm
──────────────────────────────────────────────────
clean        25.0 [25.0, 25.0]  83.1 [77.8, 86.5]
white 10 dB  25.0 [25.0, 25.0]  83.1 [77.8, 86.5]
white -5 dB  25.0 [25.0, 25.0]  83.1 [77.8, 86.5]*
"""


def noise():
    facts = {"protocol": "noise", "leaks": ("speaker", "sentence")}
    conditions = ("white -5 dB", "white 10 dB", "clean")
    found = [m(condition=c, **facts) for c in conditions for m in (majority, score)]
    found[1] = score(condition="white -5 dB", n_done=14, **facts)
    return sorted(found, key=order)


def test_noise_has_a_row_per_condition_and_a_column_per_model():
    text = terminal(noise())
    assert text.replace("NOT COMPLETE: 59 of 60 cells are done, 0 failed, 0 pending.\n", "") == NOISE


def test_conditions_are_cut_into_as_many_columns_as_fit():
    facts = {"protocol": "noise"}
    found = [score(f"model-{k}", condition=c, **facts) for k in range(7) for c in ("clean", "white 10 dB")]
    text = terminal(sorted(found, key=order), width=80)
    assert text.count("UAR by condition") == 3  # 3 + 3 + 1 models
    after = text[text.index("UAR by condition") :]
    assert max(map(len, after.splitlines())) <= 80 and after.count("model-") == 7


CROSS = """\
UAR by corpus trained on (down) and tested on (across), chance 25.0
                    emodb              emovo
────────────────────────────────────────────────────────
majority
  trained on emodb  25.0 [25.0, 25.0]  25.0 [25.0, 25.0]
  trained on emovo  –                  25.0 [25.0, 25.0]
functionals-svm
  trained on emodb  83.1 [77.8, 86.5]  83.1 [77.8, 86.5]
  trained on emovo  –                  83.1 [77.8, 86.5]
"""


def cross(**facts):
    pairs = [("emodb", "emodb"), ("emodb", "emovo"), ("emovo", "emovo")]
    found = [m(protocol="cross-corpus", train=a, test=b, **facts) for a, b in pairs for m in (majority, score)]
    return sorted(found, key=order)


def test_cross_corpus_has_a_matrix_of_train_and_test():
    text = terminal(cross())
    assert "\nemodb → emovo: 4 classes, chance 25.0" in text
    assert text[text.index("UAR by corpus") :] == CROSS


def test_one_corpus_left_out_has_no_matrix():
    found = [score(protocol="leave-one-corpus-out", train=f"not-{c}", test=c) for c in ("a", "b")]
    assert "by corpus" not in terminal(found)


MARKDOWN = """\
### speaker-independent, label map basic4, 1 to 3 seeds

- LEAK, permitted by this protocol: copies of test utterances may be in train.
- In %: UAR with its 95 % interval, of the algorithm, over test speakers and trainings. sd: of UAR over seeds, folds and speakers.
- Device: cpu, fp32.

| model | train → test | condition | UAR | sd over seeds | folds | speakers | WA | macro F1 | weighted F1 | folds × seeds | utterances | chance | cells |
| --- | --- | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
| majority | emodb | clean | 25.0 [25.0, 25.0] | – | 0.0 | 0.0 | 84.0 | 82.6 | 83.8 | 5 × 1 | 339 | 25.0 | 5 |
| functionals-svm [x\\|y] (2) | emodb | clean | 83.1 [77.8, 86.5] | 1.2 | 4.4 | 6.1 | 84.0 | 82.6 | 83.8 | 5 × 3 | 339 | 25.0 | 15 |

- a note of the run
"""  # noqa: E501


def test_markdown_text():
    found = [majority(leaks=("copy",)), score(arm="x|y", tag="2", leaks=("copy",))]
    assert markdown(found, ["a note of the run"]) == MARKDOWN
    assert "**UAR by condition, emodb, chance 25.0; * not all cells**\n\n| condition |" in markdown(noise())
    assert "| trained on emodb | 83.1 [77.8, 86.5] |" in markdown(cross())


def test_csv_has_every_number_unknown_is_empty_and_quotes_what_needs_it():
    lines = list(DictReader(StringIO(csv([majority(notes=('a "note", really',)), score(leaks=("copy", "speaker"))]))))
    assert [line["model"] for line in lines] == ["majority", "functionals-svm"]
    assert (lines[0]["uar_sd"], lines[0]["uar_low"], lines[1]["uar_high"]) == ("", "0.250000", "0.864900")
    assert (lines[0]["notes"], lines[1]["leaks"], lines[1]["n_cells"]) == ('a "note", really', "copy speaker", "15")
    assert csv([]).count("\n") == 1 and csv([]).startswith("protocol,model,arm,train,test,condition,label_map,leaks")


def test_nothing_yet_is_said():
    assert terminal([]) == "No cell is finished or planned yet.\n"


def test_every_protocol_label_map_and_set_of_leaks_is_a_block_of_its_own():
    found = sorted([score(), score(label_map="basic6"), score(leaks=("audio",)), score(protocol="random")], key=order)
    assert terminal(found).count("· label map") == 4


@pytest.mark.parametrize("leak", list(LEAK_WORDS))
def test_every_permitted_leak_is_spelled_out(leak):
    for text in (terminal([score(leaks=(leak,))]), markdown([score(leaks=(leak,))])):
        assert LEAK_WORDS[leak] in text and "Leaks: none" not in text


def test_unknown_speakers_and_unknown_chance_are_said():
    text = terminal([score(metrics=NOTHING, classes=(), chance=None, n_utterances=0, n_done=0, n_pending=15)])
    assert "emodb: nothing done yet\n" in text and "0 of 15 cells (15 pending)" in text
    assert "of unknown speakers" in terminal([score(n_speakers=0)])


def test_many_notes_are_cut_and_counted_but_failures_come_first():
    found = [score(notes=tuple(f"note {k}" for k in range(30)), errors=("OSError: gone",), n_failed=1, n_done=14)]
    text = terminal(found)
    assert "· failed: OSError: gone\n" in text and "· note 10\n" in text and "· note 11\n" not in text
    assert "19 more notes" in text


def test_chance_that_differs_is_printed_in_every_cell_of_the_matrix():
    found = cross()
    found = [*found[:-1], score(protocol="cross-corpus", train="emovo", test="emovo", chance=0.5)]
    text = terminal(found)
    matrix = text[text.index("UAR by corpus") :].splitlines()
    assert matrix[0] == "UAR by corpus trained on (down) and tested on (across), chance in parentheses"
    assert matrix[-2].endswith("83.1 [77.8, 86.5] (25.0)  83.1 [77.8, 86.5] (25.0)")
    assert matrix[-1].endswith("–                         83.1 [77.8, 86.5] (50.0)")


def test_wide_characters_stay_aligned():
    grid = Grid("", ("語", "n"), (("ab", "1"), ("情感", "22")), left=1)
    assert aligned(grid) == ["語     n", "────────", "ab     1", "情感  22"]
    assert pipes(Grid("t", ("a\nb", "n"), (("x|y", "1"),))) == "**t**\n\n| a b | n |\n| --- | --: |\n| x\\|y | 1 |"


def test_a_heading_among_rows_runs_across_text_and_has_every_cell_in_markdown():
    grid = Grid("", ("a", "n"), (("a long heading",), ("b", "1")))
    assert aligned(grid) == ["a  n", "────", "a long heading", "b  1"]
    assert pipes(grid).splitlines()[2:] == ["| a long heading |  |", "| b | 1 |"]


def test_arms_with_other_leaks_share_a_block_in_the_order_of_the_plan() -> None:
    """One ladder is one table; which arm has which leak is said above it."""
    base = score(protocol="leak-ladder", arm="new speakers", place=1)
    leaky = score(protocol="leak-ladder", arm="copies", leaks=("copy", "speaker"), place=0)
    far = score(protocol="leak-ladder", arm="a new corpus", train="emovo", place=2)
    text = terminal(sorted([far, base, leaky], key=order))
    said = " ".join(text.split())
    assert text.count("leak-ladder · label map basic4") == 1
    assert "copies of test utterances may be in train (arms: copies)" in said
    assert "Leaks: none found in the folds of new speakers, a new corpus." in said
    assert text.index("[copies]") < text.index("[new speakers]") < text.index("[a new corpus]")
