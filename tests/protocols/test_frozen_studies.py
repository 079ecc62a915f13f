"""Plans of studies that are frozen before a run: what they hold, who may change them, and what the answer says."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import serbench as api
from serbench.benchmark.commands.study_answer import refusal
from serbench.benchmark.planning import frozen
from serbench.benchmark.planning.frozen import FrozenPlan, differences, plan_of, read
from serbench.benchmark.planning.seeds_needed import OVER_TRAININGS, FoldLayout, seeds_needed
from serbench.benchmark.planning.study import Changes, ask
from serbench.errors import InputError
from serbench.protocols.parts.studies import find, load, names
from serbench.results.questions.answer_lines import Answer, AnswerLine, corrected_together
from serbench.results.questions.answers import TESTS
from serbench.results.statistics.two_models import holm
from serbench.tests.support.tiny import serbench, tiny_corpus

STUDY = """
name = "mine"
question = "Is a “support vector machine” better than the largest class?"
source = "ours"
kind = "next check"
protocol = "speaker-independent"
models = ["functionals-svm", "majority"]
corpora = ["tones"]
metric = "uar"
test = "main"
base = "majority"
margin = 2

[[also]]
test = "tost"

[[also]]
test = "wilcoxon"
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a study; its corpus is prepared, so that the study can name it."""
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    table = tiny_corpus(tmp_path / "tones")
    for clip in ("s0_happy_0.wav", "s0_happy_1.wav", "s3_happy_2.wav"):  # said to be sad, so that speakers differ
        table.write_text(re.sub(rf"({clip},\w+,\w+),happy", r"\1,sad", table.read_text()))
    api.prepare("tones", table)
    path = tmp_path / "mine.toml"
    path.write_text(STUDY)
    return path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def answer_of(*words: str | Path) -> dict[str, object]:
    code, out, err = serbench("run", *words, "--json")
    assert code == 0, err
    found: dict[str, object] = json.loads(out)["study"]
    return found


def test_a_run_follows_its_frozen_plan_or_its_answer_says_how_not(study: Path, tmp_path: Path) -> None:
    code, out, _ = serbench("studies", "freeze", study, "--seeds", "2")
    plan = read(tmp_path / "mine-frozen.toml")
    assert code == 0 and plan.intact and plan.sha256 in out
    assert plan.content["seeds"] == 2 and plan.content["margin"] == 2.0
    assert list(plan.content["fingerprints"]) == ["tones"] == plan.content["corpora"]
    assert plan.content["primary"]["test"] == "main"
    assert [test["test"] for test in plan.content["secondary"]] == ["tost", "wilcoxon"]

    code, out, err = serbench("run", study, "--frozen", "mine-frozen.toml", "--out", "run")
    assert code == 0, err
    out = " ".join(out.split())
    assert f"It follows the plan frozen on {plan.date[:16].replace('T', ' ')} ({plan.sha256[:12]})." in out
    assert "PRIMARY TEST main:" in out and "SECONDARY TEST wilcoxon:" in out
    assert "Not shown to be equal within 2 points" in out
    assert "3 tests were looked at (p values): 1 primary and 2 secondary" in out

    # the same without naming the plan: it lies in the run folder
    told = answer_of(study, "--seeds", "2", "--out", "run")
    assert told["tests_looked_at"] == 3
    assert told["frozen"] == {"date": plan.date, "sha256": plan.sha256, "differences": []}
    tests = told["tests"]
    assert isinstance(tests, list)
    assert [(one["role"], one["answer"]["family"]) for one in tests] == [
        ("primary", 1), ("secondary", 2), ("secondary", 2),
    ]  # fmt: skip

    # other seeds in the same folder, and another primary test
    edit(study, 'test = "main"', 'test = "wilcoxon"')
    _, out, _ = serbench("run", study, "--frozen", "mine-frozen.toml", "--seeds", "3", "--out", "run")
    out = " ".join(out.split())
    assert "It does not follow the plan" in out
    assert "seeds 3 instead of 2" in out and "primary test wilcoxon instead of main" in out


def test_a_plan_frozen_after_the_run_is_not_followed(study: Path) -> None:
    _, out, _ = serbench("run", study, "--out", "run")
    assert "No plan was frozen before the run" in out
    plan = api.freeze(str(study), out="late.toml")
    later = {**plan.content, "date": "2999-01-01T00:00:00+00:00"}
    Path("late.toml").write_text(FrozenPlan(later, frozen.digest(later)).text())
    results = api.run(str(study), frozen="late.toml", out="run")
    assert results.answers is not None and results.answers.conformity is not None
    assert results.answers.conformity.differences == ("12 cells finished before it was frozen",)


def test_cells_beside_the_plan_are_counted(study: Path) -> None:
    api.freeze(str(study), out="plan.toml")
    assert serbench("run", study, "--out", "run", "--seeds", "2")[0] == 0
    told = answer_of(study, "--frozen", "plan.toml", "--out", "run")
    assert isinstance(told["frozen"], dict)
    assert "12 cells of the run folder that the plan does not have" in told["frozen"]["differences"]


def test_a_file_that_was_edited_is_named_in_the_answer(study: Path) -> None:
    assert serbench("studies", "freeze", study, "--out", "plan.toml")[0] == 0
    edit(Path("plan.toml"), "margin = 2.0", "margin = 5.0")
    edit(Path("plan.toml"), '"tones" = "', '"tones" = "0')
    _, out, _ = serbench("run", study, "--frozen", "plan.toml", "--out", "run")
    out = " ".join(out.split())
    assert "the file was changed after its hash; margin 2.0 instead of 5.0; tones with another content" in out


def test_another_look_of_the_file_changes_nothing(study: Path) -> None:
    plan = api.freeze(str(study), out="plan.toml")
    lines = [line for line in Path("plan.toml").read_text().splitlines() if line.startswith("models")]
    edit(Path("plan.toml"), lines[0], "# a comment\nmodels = [ 'functionals-svm' , 'majority', ]")
    assert read(Path("plan.toml")) == plan and plan.intact


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 2", "frozen by serbench 0.1.0, in format 2; this one reads 1"),
        ('study = "mine"', 'study = "yours"', "is the frozen plan of study yours, not of mine"),
        ("seeds = 1", "", "no frozen plan: seeds is missing; `serbench studies freeze STUDY` writes one"),
        ("seeds = 1", 'seeds = "1"', "no frozen plan: seeds is '1'"),
        ("arms = []", "arms = [1]", "no frozen plan"),
        ('date = "', 'date = "x', "no frozen plan: Invalid isoformat"),
        ('"test" = "main"', '"test" = 3', "a name that is no text"),
        ("format = 1", "format = ", "no frozen plan: not TOML"),
    ],
)
def test_what_is_no_plan_of_the_study_is_refused(study: Path, old: str, new: str, message: str) -> None:
    api.freeze(str(study), out="plan.toml")
    edit(Path("plan.toml"), old, new)
    code, out, err = serbench("run", study, "--frozen", "plan.toml", "--out", "run")
    assert code == 2 and not out
    assert message in err and "plan.toml" in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("run").exists()


def test_wrong_usage(study: Path) -> None:
    api.freeze(str(study), out="plan.toml")
    before = Path("plan.toml").read_bytes()
    for words, message in (
        (("studies", "freeze", study, "--out", "plan.toml"), "plan.toml: is there already"),
        (("studies", "freeze", study, "--out", "no/plan.toml"), "cannot be written"),
        (("studies", "freeze", "SW-E11", "--out", "other.toml"), "cannot be run"),
        (("run", study, "--frozen", "none.toml"), "none.toml: cannot be read"),
        (("run", "--protocol", "noise", "--frozen", "plan.toml"), "is the plan of a study; name the study"),
    ):
        code, _, err = serbench(*words)
        assert code == 2 and message in err
    assert Path("plan.toml").read_bytes() == before and not Path("other.toml").exists()


@pytest.mark.parametrize("name", [name for name in names() if not load(name).missing])
def test_every_study_can_be_frozen_and_read_again(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "fingerprints", lambda specs: {})
    for quick in (False, True) if load(name).quick else (False,):
        request = ask(load(name), quick)
        plan = frozen.freeze(request, quick)
        assert dict(tomllib.loads(plan.text())) == plan.stored()
        assert not differences(plan.content, request)
        other = ask(load(name), quick, Changes(seeds=request.form.seeds + 1))
        assert differences(plan.content, other) == [f"seeds {other.form.seeds} instead of {request.form.seeds}"]


def test_every_kind_of_difference_has_its_words() -> None:
    request = ask(load("SW-E2"))
    plan = plan_of(request)
    form = request.form
    arms = (replace(form.arms[0], settings=(("lr", "1"),)), *form.arms[2:])
    tests = (replace(form.tests[0], base=form.arms[1].name), *form.tests[2:])
    now = replace(request, form=replace(form, arms=arms, tests=tests, corpora=(*form.corpora[::-1], "emovo")))
    assert differences(plan, now) == [
        "corpora with emovo",
        f"arms without {form.arms[1].name}, otherwise in {form.arms[0].name}",
        "secondary tests without main",
        "base or levels of the primary test main",
    ]
    turned = replace(request, form=replace(form, models=form.models, corpora=form.corpora[::-1]))
    assert differences(plan, turned) == ["corpora in another order"]


def test_secondary_tests_are_one_family() -> None:
    p = [0.01, None, 0.04, 0.03]
    first = Answer("main", "", "uar", tuple(AnswerLine("", "", p=x, holm=x) for x in p[:2]))
    second = Answer("tost", "", "uar", tuple(AnswerLine("", "", p=x) for x in p[2:]))
    together = corrected_together([first, second])
    assert [line.holm for each in together for line in each.lines] == holm(p)
    assert {each.family for each in together} == {3}


def test_primary_tests_of_full_forms_are_not_refused_for_their_seeds() -> None:
    """Whatever the folds: with three seeds the luck of training can be measured."""
    assert TESTS.keys() >= OVER_TRAININGS
    few = FoldLayout(1, 24, True, False)
    for name in names():
        study = load(name)
        if not study.missing:
            needed = seeds_needed(study.full.tests[0].test, [few])
            assert needed is not None and study.full.seeds >= needed, name


@pytest.mark.parametrize(
    ("test", "layout", "needed"),
    [
        ("main", FoldLayout(1, 24, True, False), 3),
        ("main", FoldLayout(6, 24, True, False), 1),
        ("main", FoldLayout(4, 4, True, False), 1),
        ("main", FoldLayout(4, 24, True, True), 1),
        ("trend", FoldLayout(4, 24, True, True), 3),
        ("main", FoldLayout(2, 2, True, False), None),
        ("main", FoldLayout(1, 24, False, False), None),
        ("spread", FoldLayout(1, 2, True, False), 1),
    ],
)
def test_seeds_that_a_test_needs(test: str, layout: FoldLayout, needed: int | None) -> None:
    assert seeds_needed(test, [layout]) == needed


@pytest.fixture
def of_few_folds(study: Path) -> Path:
    """A study whose trainings score several speakers each."""
    edit(study, 'test = "main"\nbase = "majority"', 'test = "order"')
    edit(study, 'protocol = "speaker-independent"', 'protocol = "random"\nsettings = ["random.folds=3"]')
    return study


def test_plan_says_how_many_seeds_the_primary_test_needs(of_few_folds: Path) -> None:
    for seeds, text in (
        (1, "seeds for test order: 3 needed, 1 planned, with fewer it is refused of the algorithms"),
        (3, "seeds for test order: 3 needed, 3 planned"),
    ):
        words = ("plan", of_few_folds, "--seeds", str(seeds))
        code, out, err = serbench(*words)
        assert code == 0, err
        assert text in out.splitlines()
        _, out, _ = serbench(*words, "--json")
        plan = json.loads(out)
        assert (plan["test"], plan["seeds_needed"]) == ("order", 3)


def test_too_few_seeds_are_said_in_words() -> None:
    refused = AnswerLine("", "a − b", 0.031, reason="1 training scores several speakers")
    answer = Answer("trend", "", "uar", (AnswerLine("", "a", 0.4), refused))
    assert list(refusal(answer)) == [
        "trend is refused: 1 training scores several speakers.",
        "Measured of these trained models, without a test: a − b: +3.1.",
    ]
    tested = AnswerLine("", "c − b", 0.1, p=0.2)
    assert not list(refusal(replace(answer, lines=(refused, tested))))


@pytest.mark.parametrize("value", ["0", "-1", "100", "true", '"1"', "nan"])
def test_a_margin_is_in_points(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(STUDY.replace("margin = 2", f"margin = {value}"))
    with pytest.raises(InputError, match="margin: points between 0 and 100"):
        find(str(path))
