"""Studies: every file that ships loads, is valid and plans; what is wrong is said; quick forms run and are answered."""

import json
import time
import tomllib
from pathlib import Path

import pytest

from serbench.baselines.registry import choose
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.planning import study as study_module
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.planning.study import Changes, arm_of, ask, check_names, check_study, forms_of
from serbench.benchmark.planning.study_commands import commands
from serbench.benchmark.planning.study_needs import missing_here
from serbench.benchmark.prepared import corpus as prepared
from serbench.errors import InputError
from serbench.protocols.parts import studies
from serbench.protocols.parts.protocol import Arm
from serbench.protocols.parts.studies import StudyArm, find, load, names, read
from serbench.tests.support.tiny import serbench, tiny_corpus
from serbench.tests.support.utterances import without_audio

IDS = {f"{paper}-E{n}" for paper, last in (("SW", 14), ("CG", 6), ("MA", 12), ("WF", 13)) for n in range(1, last + 1)}
IDS |= {f"X{n}" for n in range(1, 17)}
#: quick forms that must run in two minutes on two cores
QUICK = (
    "X1", "X2", "X7", "X11", "X12", "X14", "SW-E1", "SW-E2", "SW-E3", "SW-E5", "SW-E6", "MA-E1", "MA-E2", "MA-E3",
    "CG-E1", "WF-E1", "WF-E2", "WF-E3", "WF-E4",
)  # fmt: skip
SMALL = """
name = "mine"
question = "Is a support vector machine better than the largest class?"
source = "ours"
kind = "next check"
protocol = "speaker-independent"
models = ["functionals-svm", "majority"]
corpora = ["synth-a"]
metric = "uar"
test = "main"
"""
ARMS = """
[[arms]]
name = "base"
[[arms]]
name = "stiff"
settings = { costs = [0.1, 0.3] }
train_snr = "10..20"
augment = { noise = 0.1, copies = 2 }
"""


def small(tmp_path: Path, *lines: str, text: str = SMALL) -> Path:
    """The file of a small study with more lines."""
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([text, *lines]))
    return path


def test_every_question_has_its_file() -> None:
    assert set(names()) == IDS
    assert len(names()) == len(IDS)
    assert list(names())[-3:] == ["X14", "X15", "X16"]  # by number, not by letter


@pytest.mark.parametrize("name", names())
def test_every_study_that_ships_is_valid(name: str) -> None:
    study = load(name)
    assert study.name == name
    check_study(study)
    assert find(name.lower()) is study
    assert (study.quick is not None) == (name in QUICK)
    assert not (study.missing and study.quick)
    for text in (study.question, study.source, *study.notes, *study.missing):
        assert not text.endswith((".", " "))
        assert "/work" not in text


@pytest.fixture
def no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corpora without their audio: a plan does not need it."""
    opened = without_audio()
    monkeypatch.setattr(prepared, "open_corpus", lambda spec, rate_hz: opened[spec])


@pytest.mark.parametrize("name", QUICK)
def test_every_quick_form_plans(name: str, no_audio: None) -> None:
    """And what its tests compare is in the plan."""
    asked = ask(load(name), quick=True)
    assert all(request.synthetic for request in asked.requests)
    plans = [plan_of(request).plan.frame() for request in asked.requests]
    assert all(len(plan) >= 12 for plan in plans)
    known = {value for plan in plans for column in ("arm", "model", "condition") for value in plan[column]}
    for one in asked.form.tests:
        assert {*one.levels, *([one.base] if one.base else [])} <= known


@pytest.mark.parametrize("name", sorted(IDS - {"X16"}))
def test_what_the_tests_of_a_full_form_compare_is_there(name: str) -> None:
    check_names(ask(load(name)))


def test_a_test_that_compares_what_is_not_run_is_refused_before_any_training(tmp_path: Path) -> None:
    for line, word, near in (
        ('base = "nobody"', "'nobody'", "majority"),
        ('levels = ["functional-svm"]', "'functional-svm'", "did you mean 'functionals-svm'?"),
    ):
        path = small(tmp_path, line)
        for command in ("plan", "run"):
            code, _, err = serbench(command, path)
            assert code == 2 and f"main: unknown arm, model or condition {word}" in err and near in err
    code, _, err = serbench("plan", "X14", "--quick", "--model", "functionals-svm")
    assert code == 2 and "unknown arm, model or condition" in err and "padding not masked" in err


#: what the folders of corpora have beside sound
OFFERED = {"meld": {"audio", "text", "face"}, "iemocap": {"audio", "text"}, "synth-null-a": {"audio", "text", "face"}}


@pytest.mark.parametrize("name", sorted(IDS))
def test_corpora_have_what_the_models_of_a_full_form_take(name: str) -> None:
    from serbench.benchmark.prepared.modalities import needs

    form = load(name).full
    for spec in form.models:
        for corpus in form.corpora:
            lacking = needs(choose(spec)).keys() - OFFERED.get(corpus, {"audio"})
            assert not lacking, (spec, corpus, lacking)


@pytest.mark.parametrize("name", ["SW-E1", "MA-E6", "CG-E2", "CG-E6", "X13", "WF-E5"])
def test_full_forms_plan(name: str, no_audio: None) -> None:
    """On a built-in corpus in the place of real ones, whose audio is not at hand."""
    specs = tuple(spec.replace("wavfusion", "wavfusion:tiny") for spec in load(name).full.models)
    asked = ask(load(name), changes=Changes(models=specs, corpora=("synth-a",), seeds=1))
    for request in asked.requests:
        plan = plan_of(request).plan
        assert set(plan.frame()["model"]) == set(specs)
        assert len(plan.cells) >= len(specs)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["modells = []"], "unknown key 'modells'; did you mean 'models'?"),
        (['[quick]\nmodel = ["x"]'], "quick: unknown key 'model'; did you mean 'models'?"),
        (['[[arms]]\nname = "a"\nvariant = ["x"]'], "arm 1: unknown key 'variant'; did you mean 'variants'?"),
        (['[[arms]]\nvariants = ["x"]'], "arm 1: name: missing"),
        (['[[arms]]\nname = "a"\n[[arms]]\nname = "a"'], "two arms are called 'a'"),
        (['[[also]]\ntest = "main"\nlevel = ["a"]'], "also 1: unknown key 'level'; did you mean 'levels'?"),
        (["seeds = 0"], "seeds: a whole number of at least 1, not 0"),
        (["seeds = true"], "seeds: a whole number"),
        (['settings = "lr=1"'], "settings: 'lr=1' is no list of texts"),
        (["arms = [1]"], "arms: tables"),
        (["quick = 3"], "quick: a table"),
        (["notes = [[]]"], "notes: [] ; it needs a text".replace(" ;", ";")),
        (['name = "mine"'], "not TOML"),
    ],
)
def test_what_is_no_study_is_said(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=r".") as error:
        find(str(small(tmp_path, *lines)))
    assert message in str(error.value)
    assert "mine.toml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "key", ["name", "question", "source", "kind", "models", "corpora", "protocol", "metric", "test"]
)
def test_nothing_may_be_missing(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in SMALL.splitlines() if not line.startswith(f"{key} "))
    with pytest.raises(InputError, match=key):
        find(str(small(tmp_path, text=text)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "next check"', 'kind = "next cheque"', "did you mean 'next check'?"),
        ('name = "mine"', 'name = "mine/yours"', "letters and digits"),
        ('"speaker-independent"', '"speaker-independant"', "did you mean 'speaker-independent'?"),
        ('"functionals-svm"', '"functional-svm"', "did you mean 'functionals-svm'?"),
        ('"synth-a"', '"synth-aa"', "did you mean 'synth-a'?"),
        ('metric = "uar"', 'metric = "uarr"', "did you mean 'uar'?"),
        ('test = "main"', 'test = "mian"', "did you mean 'main'?"),
        ('test = "main"', 'test = "main"\nsettings = ["functionals-svm.cost=1"]', "did you mean 'costs'?"),
        ('test = "main"', 'test = "main"\nsettings = ["label_map=basic5"]', "label map 'basic5'"),
        ('test = "main"', 'test = "main"\n[[arms]]\nname = "a"\naugment = { nois = 1 }', "augment.nois"),
        ('test = "main"', 'test = "main"\n[[arms]]\nname = "a"\ntrain_noise = "white"', "changes no training clip"),
        ('test = "main"', 'test = "main"\n[[arms]]\nname = "a"\nvariants = ["x"]', "variant"),
    ],
)
def test_unknown_names_are_said_before_anything_runs(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = small(tmp_path, text=SMALL.replace(old, new))
    code, out, err = serbench("run", path, "--out", tmp_path / "run")
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not out
    assert not (tmp_path / "run").exists()


def test_arms_are_read_as_they_are_written(tmp_path: Path) -> None:
    study = find(str(small(tmp_path, ARMS)))
    training = (("train_snr", "10..20"), ("augment.noise", "0.1"), ("augment.copies", "2"))
    assert study.full.arms == (StudyArm("base"), StudyArm("stiff", (("costs", "0.1,0.3"),), (), "", training))
    base, stiff = map(arm_of, study.full.arms)
    assert base == Arm()
    assert (stiff.augment.snr, stiff.augment.noise, stiff.augment.copies) == ((10.0, 20.0), 0.1, 2)


def test_a_quick_form_replaces_what_it_says_and_keeps_the_rest(tmp_path: Path) -> None:
    text = (
        'base = "majority"\n[[also]]\ntest = "wilcoxon"\n[quick]\nmodels = ["majority"]\nlevels = ["functionals-svm"]'
    )
    study = find(str(small(tmp_path, text)))
    assert study.quick is not None
    assert study.quick.models == ("majority",)
    assert study.quick.corpora == study.full.corpora
    assert [(t.test, t.base, t.levels) for t in study.quick.tests] == [
        ("main", "majority", ("functionals-svm",)), ("wilcoxon", "", ()),
    ]  # fmt: skip
    assert study.full.tests[0].levels == ()
    with pytest.raises(InputError, match="has no quick form"):
        ask(find(str(small(tmp_path))), quick=True)


def test_every_protocol_of_a_list_gets_its_own_options() -> None:
    noise, rooms = ask(load("SW-E5"), quick=True).requests
    assert (noise.protocol, rooms.protocol) == ("noise", "reverberation")
    assert "noise.snr=20,10,0" in noise.settings and "noise.snr=20,10,0" not in rooms.settings
    assert "reverberation.rt60=0.6" in rooms.settings and "reverberation.rt60=0.6" not in noise.settings
    assert "sigwavnet.levels=4" in noise.settings and "sigwavnet.levels=4" in rooms.settings


def test_a_study_of_a_file_is_shown_by_its_file_and_refused_where_it_cannot_be_answered(tmp_path: Path) -> None:
    path = small(tmp_path)
    code, out, _ = serbench("studies", "show", path)
    assert code == 0 and f"serbench run {path}" in " ".join(out.split())
    code, _, err = serbench("studies", "show", small(tmp_path, 'base = "nobody"'))
    assert code == 2 and "main: unknown arm, model or condition 'nobody'" in err


def test_a_user_may_change_models_corpora_seeds_and_settings() -> None:
    changes = Changes(("majority",), ("synth-b",), 4, ("carried-weights.folds=2", "label_map=native"))
    asked = ask(load("X11"), quick=True, changes=changes)
    (request,) = asked.requests
    assert (request.models, request.corpora, request.seeds) == (("majority",), ("synth-b",), 4)
    assert request.settings == ("carried-weights.folds=2", "label_map=native")
    assert asked.left_out == ("cnn-3-gru.epochs=4",)


def test_the_tests_of_a_study_name_the_profiles_that_the_user_takes() -> None:
    models = ("wavfusion:tiny+audio-text", "wavfusion:tiny+audio")
    main, degradation = ask(load("WF-E9"), changes=Changes(models)).form.tests
    assert (main.base, degradation.base) == ("wavfusion:tiny+audio", "")
    assert ask(load("WF-E9"), changes=Changes(models[:1])).form.tests == load("WF-E9").full.tests  # not another one
    depths = tuple(f"cnn-{n}-gru:paper" for n in (3, 5, 11, 18))
    assert {one.levels for one in ask(load("CG-E1"), changes=Changes(depths)).form.tests} >= {depths}


def test_arms_of_a_study_are_combined_with_those_of_its_protocol(no_audio: None, tmp_path: Path) -> None:
    text = SMALL.replace("speaker-independent", "padding-companions")
    text = text.replace('"functionals-svm", "majority"', '"cnn-3-gru:tiny"')
    arms = "".join(f"[[arms]]\nname = 'batch={n}'\nsettings = {{ batch = {n} }}\n" for n in (4, 8))
    (request,) = ask(find(str(small(tmp_path, arms, text=text)))).requests
    own = ("", "any companions, ", "a longest companion, ")
    assert set(plan_of(request).plan.frame()["arm"]) == {
        f"{companions}{mask}batch={n}" for companions in own for mask in ("", "padding not masked, ") for n in (4, 8)
    }


def test_companions_are_asked_with_and_without_mask(no_audio: None) -> None:
    (request,) = ask(load("X14"), quick=True).requests
    frame = plan_of(request).plan.frame()
    companions = {"any companions", "a longest companion"}
    unmasked = {"padding not masked", *(f"{arm}, padding not masked" for arm in companions)}
    assert set(frame["model"]) == {"cnn-3-gru:tiny", "sigwavnet:tiny"}
    assert all(set(part["arm"]) == {"base", *companions, *unmasked} for _, part in frame.groupby("model"))


def test_arms_with_variants_stay_arms_of_one_model(no_audio: None) -> None:
    frame = plan_of(ask(load("X7"), quick=True).requests[0]).plan.frame()
    assert set(frame["model"]) == {"cnn-5-gru:tiny"}
    assert len(set(frame["settings"])) == len(set(frame["arm"])) == 4


@pytest.mark.parametrize(
    ("protocol", "arm", "message"),
    [
        ("ablation", 'name = "a"', "its arms are variants; a study with arms needs another protocol"),
        ("alignment", 'name = "a"\naugment = { face_shift = 9 }', "both set the training clips"),
        ("hyperparameters", 'name = "a"\nmodel = "wavfusion"\nsettings = { lr = 1 }', "both set lr"),
    ],
)
def test_arms_that_do_not_combine_are_refused(tmp_path: Path, protocol: str, arm: str, message: str) -> None:
    text = SMALL.replace("speaker-independent", protocol).replace('"functionals-svm", "majority"', '"wavfusion:tiny"')
    with pytest.raises(InputError, match=message):
        check_study(find(str(small(tmp_path, f"[[arms]]\n{arm}", text=text))))


@pytest.mark.parametrize("command", [("studies", "show", "X7"), ("studies", "show", "X7", "--json"), ("plan", "X7")])
def test_every_request_of_a_study_is_checked_once(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Request] = []

    def check(request: Request) -> object:
        checked.append(request)
        return real(request)

    real = study_module.check
    monkeypatch.setattr(study_module, "check", check)
    assert serbench(*command, *(["--quick"] if command[0] == "plan" else []))[0] == 0
    forms = forms_of(load("X7"))
    assert checked == [request for form in forms.values() for request in form.requests]


def test_commands_say_what_each_arm_is() -> None:
    found = commands(ask(load("X7"), quick=True), quick=True)
    assert found[0] == "serbench run X7 --quick"
    assert found[-1] == ("serbench run --protocol speaker-independent --model cnn-5-gru:tiny+no-gru --corpus synth-a")
    noisy = commands(ask(load("SW-E5"), quick=True), quick=True)[3]
    assert noisy.endswith("--set sigwavnet.threshold=off --set train_snr=5..20")


@pytest.mark.parametrize("name", sorted(name for name in IDS if load(name).missing))
def test_what_serbench_lacks_ends_a_run_with_that_sentence(name: str) -> None:
    code, out, err = serbench("run", name)
    assert code == 2
    assert not out
    assert err == f"Error: study {name} cannot be run: {load(name).missing[0]}\n"


@pytest.mark.parametrize("name", ["WF-E1", "CG-E1"])
def test_what_this_machine_lacks_ends_a_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    code, _, err = serbench("run", name, "--out", tmp_path / "run")
    assert code == 2
    assert f"study {name} cannot be run here: " in err and "not found" in err
    lacks = [line.removeprefix("corpus ") for line in missing_here(ask(load(name)))]
    assert lacks and all(line in err for line in lacks)
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["X2", "--protocol", "noise"], "X2 and --protocol noise: a study has its protocol"),
        (["--protocol", "noise", "--quick"], "--quick: is the short form of a study"),
        ([], "what is to be run?"),
        (["X22"], "unknown study 'X22'; did you mean 'X2'?"),
        (["no-such.toml"], "there is no such file"),
        (["SW-E8", "--quick"], "SW-E8: has no quick form"),
        (["X2", "--seeds", "0"], "--seeds 0: at least one seed"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_wrong_usage(command: str, arguments: list[str], message: str) -> None:
    code, _, err = serbench(command, *arguments)
    assert code == 2
    assert message in err


def test_list_and_show(monkeypatch: pytest.MonkeyPatch, no_audio: None, tmp_path: Path) -> None:
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path))
    code, out, _ = serbench("studies", "list", "--json")
    assert code == 0
    lines = {line["name"]: line for line in json.loads(out)}
    assert set(lines) == IDS
    assert lines["X2"]["runs"] == "quick form runs here"
    assert lines["X2"]["missing_here"] == ["corpus emodb", "corpus ravdess", "corpus emovo"]
    assert lines["X2"]["quick_missing_here"] == []
    assert lines["SW-E11"]["missing_here"][0] == load("SW-E11").missing[0]
    code, out, _ = serbench("studies", "list")
    assert all(f"\n{name}" in f"\n{out}" for name in IDS)
    assert "missing here: corpora emodb, ravdess, emovo" in out
    code, out, _ = serbench("studies", "show", "X2")
    assert code == 0
    assert load("X2").question.split(":")[0] in " ".join(out.split())
    assert "not made here: corpora emodb, ravdess, emovo" in out
    assert "66 trainings, 74 cells" in " ".join(out.split())
    code, out, _ = serbench("studies", "show", "x2", "--json")
    forms = json.loads(out)["forms"]
    assert forms["full"]["plans"] is None
    assert forms["quick"]["plans"][0]["cells"] == 74
    code, out, _ = serbench("plan", "X2", "--quick", "--json")
    assert json.loads(out)["cells"] == 74
    code, out, _ = serbench("plan", "SW-E5", "--quick", "--json")
    assert [plan["protocol"] for plan in json.loads(out)] == ["noise", "reverberation"]


def test_real_audio_is_not_decoded_to_show_a_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "emodb").mkdir()
    for name in ("ravdess", "emovo"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("SERBENCH_CORPORA", str(tmp_path))
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(prepared, "build", None)
    monkeypatch.setattr(synthetic, "table", None)
    study = studies.read(small(tmp_path, text=SMALL.replace("synth-a", "emodb")).read_text(), "here")
    code, out, _ = serbench("studies", "show", tmp_path / "mine.toml")
    assert code == 0
    assert "emodb not prepared yet" in out
    assert study.full.corpora == ("emodb",)


def test_a_study_runs_goes_on_and_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its file to the answer; the same command finds the same folder while cells are missing."""
    table = tiny_corpus(tmp_path / "tones")
    monkeypatch.chdir(tmp_path)
    path = small(tmp_path, 'base = "majority"', "[[also]]\ntest = 'binomial'")
    given = ["run", path, "--corpus", f"tones={table}", "--seeds", "2"]
    code, out, _ = serbench(*given)
    assert code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("mine-")
    answer = " ".join(out[out.index("mine: Is a support vector machine better than the largest class?") :].split())
    assert "functionals-svm − majority" in answer
    assert "scores 50.0 points more than 'majority'" in answer or "all 6 speakers differ by the same" in answer
    assert "No answer by binomial: binomial: no arm here has its test rows by class" in answer
    assert "synthetic" not in answer
    records = sorted((folder / "records").iterdir())
    kept = {record: record.stat().st_mtime_ns for record in records[1:]}
    records[0].unlink()
    code, again, err = serbench(*given)
    assert code == 0
    assert "Going on with" in err
    assert again == out
    assert {record: record.stat().st_mtime_ns for record in kept} == kept
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_trainings_of_several_protocols_are_done_once(tmp_path: Path) -> None:
    """Noise and rooms hear the same models: weights stay until both have."""
    table = tiny_corpus(tmp_path / "tones", speakers=3, takes=4)
    text = SMALL.replace('"speaker-independent"', '["noise", "reverberation"]').replace(', "majority"', "")
    settings = "settings = ['noise.kinds=white', 'noise.snr=0', 'reverberation.rt60=0.3']"
    path = small(tmp_path, settings, text=text)
    code, out, err = serbench("run", path, "--corpus", f"tones={table}", "--out", tmp_path / "run")
    assert code == 0, err
    records = [json.loads(file.read_text()) for file in (tmp_path / "run" / "records").iterdir()]
    assert {record["condition"] for record in records} == {"clean", "white 0 dB", "room 0.3 s"}
    assert {record["protocol"] for record in records} == {"noise", "reverberation"}
    # one training a fold, though two protocols use it: its time is the same in the records of both
    assert len({(record["training"], record["seconds_fit"]) for record in records}) == 3
    assert not list((tmp_path / "run" / "weights").iterdir())
    assert "noise · label map" in out
    assert "reverberation · label map" in out


@pytest.mark.parametrize(
    ("name", "shorter"),
    [("MA-E1", ["--set", "mfcc-attention.epochs=2"]), ("X12", ["--model", "functionals-svm"])],
)
def test_a_quick_study_runs(name: str, shorter: list[str], tmp_path: Path) -> None:
    """Two of them, made shorter as any user may; the slow suite has all of them as they are."""
    run_quick(name, tmp_path, *shorter, "--jobs", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_every_quick_study_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.perf_counter()
    run_quick(name, tmp_path)
    with capsys.disabled():
        print(f"{name}: {time.perf_counter() - started:.0f} s")


def run_quick(name: str, folder: Path, *others: str) -> None:
    code, out, err = serbench("run", name, "--quick", "--out", folder / "run", *others)
    assert code == 0, err
    answer = " ".join(out[out.index(f"\n{name}: ") :].split())  # however lines are broken
    assert "In words:" in answer
    assert "No answer by" not in answer
    assert "Nothing can be said" not in answer
    assert "no finding" in answer


def test_files_are_plain(tmp_path: Path) -> None:
    """Every key of every file is known; texts hold no trace of how the file came to be."""
    folder = Path(studies.__file__).parents[1] / "studies"
    for path in folder.glob("*.toml"):
        facts = tomllib.loads(path.read_text())
        assert facts["name"] == path.stem
        assert read(path.read_text(), str(path)).name == path.stem
