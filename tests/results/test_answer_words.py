"""Answers in plain words: what is said follows from the numbers, and from nothing else."""

import pytest

from serbench.results.questions.answer_lines import Answer, AnswerLine
from serbench.results.questions.answers import TESTS
from serbench.results.text.answer_words import words


def said(test: str, *lines: AnswerLine, notes: tuple[str, ...] = ()) -> str:
    return " ".join(words(Answer(test, TESTS[test].summary, "uar", lines, notes)))


def pair(what: str, estimate: float, p: float, holm: float | None = None, where: str = "emodb") -> AnswerLine:
    return AnswerLine(where, what, estimate, estimate - 0.02, estimate + 0.02, p, p if holm is None else holm, 10)


def test_what_holds_is_said_with_its_sign_and_the_rest_is_counted() -> None:
    text = said("main", pair("a − base", 0.051, 0.001, 0.002), pair("b − base", -0.03, 0.04, 0.08))
    assert text == (
        "1 of 2 comparisons holds at 5 % after correction. "
        "'a' scores 5.1 points more than 'base' (+3.1 to +7.1); corrected p 0.002."
    )
    assert "'b' scores 3.0 points less than 'base'" in said("main", pair("b − base", -0.03, 0.04))
    several = said("main", pair("a − base", 0.1, 0.001), pair("a − base", 0.1, 0.002, where="emovo"))
    assert "corrected p 0.001, emodb." in several
    assert "corrected p 0.002, emovo." in several
    many = said("main", *(pair(f"{n} − base", 0.1, 0.001) for n in range(9)))
    assert many.startswith("9 of 9 comparisons hold at 5 %")
    assert many.endswith("And 5 more.")


def test_no_evidence_is_no_evidence_of_nothing() -> None:
    text = said("main", pair("a − base", 0.01, 0.2, 0.4), pair("b − base", 0.02, 0.3, 0.4))
    assert text.startswith("None of 2 comparisons holds at 5 %: the least corrected p is 0.400 (a − base).")
    assert "does not show that nothing is there" in text
    assert said("main", pair("a − base", 0.01, 0.2)).startswith("The comparison does not hold at 5 %")


def test_a_refusal_is_said_with_its_reason() -> None:
    refused = AnswerLine("emodb", "a − base", reason="2 speakers, 3 are needed")
    assert said("main", refused) == "Nothing can be said: 2 speakers, 3 are needed."
    assert said("main", notes=("name a base",)) == "Nothing can be said: name a base."
    assert "None of" not in said("main", refused, pair("b − base", 0.1, 0.001))


def test_equal_is_said_only_where_it_is_shown() -> None:
    text = said("tost", pair("a − base", 0.001, 0.01), pair("b − base", 0.03, 0.7))
    assert text == "Shown to be equal within 1 point: a − base. Not shown to be equal within 1 point: b − base."


def test_ranks_name_the_best_and_the_worst() -> None:
    lines = [
        AnswerLine("emodb", "all are equal", p=0.03, holm=0.03, n=10, unit=""),
        AnswerLine("emodb", "mean rank of b", 1.2, n=10, unit="rank"),
        AnswerLine("emodb", "mean rank of a", 2.8, n=10, unit="rank"),
    ]
    text = said("friedman", *lines)
    assert text == "emodb: They are not all equal (p 0.030); best mean rank of b (1.20), worst mean rank of a (2.80)."
    lines[0] = AnswerLine("emodb", "all are equal", p=0.3, holm=0.3, n=10, unit="")
    assert "No difference among them is shown (p 0.300)" in said("friedman", *lines)


def step(name: str, score: float) -> AnswerLine:
    return AnswerLine("emodb, m", name, score, score - 0.05, score + 0.05, unit="%")


def drop(what: str, estimate: float, p: float) -> AnswerLine:
    return pair(what, estimate, p, where="emodb, m")


def test_a_ladder_is_told_from_its_first_step_to_its_last() -> None:
    lines = [
        step("rows", 0.9), step("speakers", 0.5), drop("speakers − rows", -0.4, 0.001),
        step("corpus", 0.4), drop("corpus − speakers", -0.1, 0.2),
        drop("rows: with − without a sibling in training", 0.3, 0.004),
    ]  # fmt: skip
    text = said("protocol-effect", *lines)
    assert text.startswith("emodb, m: 90.0 [85.0, 95.0] % in 'rows', 40.0 [35.0, 45.0] % in 'corpus'.")
    assert "'speakers' scores 40.0 points less than 'rows'" in text
    assert "With a sibling in training, 'rows' scores 30.0 points more than without one" in text
    against = [
        step("base", 0.5), step("a", 0.7), drop("a − base", 0.2, 0.3), step("b", 0.4), drop("b − base", -0.1, 0.3),
        step("c", 0.5), drop("c − base", 0.0, 0.9),
    ]  # fmt: skip
    assert said("protocol-effect", *against).startswith(
        "emodb, m: 50.0 [45.0, 55.0] % in 'base', 70.0 [65.0, 75.0] % in 'a', 40.0 [35.0, 45.0] % in 'b'."
    )


def test_errors_are_held_against_those_without_a_state() -> None:
    def share(arm: str, value: float) -> AnswerLine:
        return AnswerLine(
            "emodb", f"{arm}: errors that name the class before", value, 0.5, 0.8, 0.001, 0.001, 90, unit="%"
        )

    text = said("binomial", share("carried, by class", 0.75), share("zero, by class", 0.62))
    assert "75.0 [50.0, 80.0] % in 'carried, by class', 62.0 [50.0, 80.0] % in 'zero, by class'" in text
    assert "Without a state to hand on it is 62.0 % already" in text
    assert "Without" not in said("binomial", share("carried, by class", 0.75))


@pytest.mark.parametrize(
    ("test", "lines", "text"),
    [
        ("unchanged", (step("a as clean", 0.9), step("b as clean", 0.8)), "Highest: a as clean: 90.0 [85.0, 95.0] %."),
        ("unchanged", (step("a as clean", 1.0), step("b as clean", 1.0)), "All 2 are the same: 100.0 [95.0, 105.0] %."),
        ("snr-curve", (AnswerLine("x", "SNR50", 4.0, unit="dB"),), "SNR50: 4.0 dB."),
        (
            "page",
            (AnswerLine("x", "a < b", 0.8, p=0.01, holm=0.01, unit=""),),
            "Scores follow the order: a < b; p 0.010.",
        ),
        ("fold-trend", (AnswerLine("m", "v − t", 0.05, p=0.01, holm=0.01),), "v − t changes by +5.0 points"),
        (
            "factors",
            (AnswerLine("x", "lr: all levels are equal", p=0.001, holm=0.001), pair("lr = 1 − 0.1", 0.1, 0.001)),
            "The effect holds at 5 %. lr = 1 − 0.1: +10.0 [+8.0, +12.0] points; corrected p 0.001.",
        ),
        (
            "trend",
            (pair("along lr 0.1 … 10", 0.1, 0.001),),
            "The score (along lr 0.1 … 10) changes by +10.0 points from the first level to the last; p 0.001.",
        ),
        (
            "order",
            (
                AnswerLine("emodb", "b", 0.7, n=9, unit="%"),
                AnswerLine("emodb", "a", 0.6, n=9, unit="%"),
                pair("b − a", 0.1, 0.001),
            ),
            "emodb, best first: b 70.0 %, a 60.0 %. The comparison holds at 5 %. 'b' scores 10.0 points more than 'a'",
        ),
        ("interaction", (pair("a − base, white against clean", 0.1, 0.001),), "than 'base, white against clean'"),
    ],
)
def test_every_kind_of_answer(test: str, lines: tuple[AnswerLine, ...], text: str) -> None:
    assert text in said(test, *lines)


def test_spread_is_one_sentence_for_each_model() -> None:
    lines = [
        AnswerLine("emodb", "m: mean", 0.5, n=3, units="seeds", unit="%"),
        AnswerLine("emodb", "m: deviation over seeds", 0.02, n=3, units="seeds"),
        AnswerLine("emodb", "m: deviation over speakers", 0.1, n=9, units="speakers"),
    ]
    assert said("spread", *lines) == "m (emodb): 50.0 %; deviations 2.0 points over seeds, 10.0 points over speakers."
