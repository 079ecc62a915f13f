"""A stranger's protocol: installed, listed, checked, run; or in a file; and what a faulty one is told."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import serbench.protocols as built_in
from serbench.benchmark.checks.protocol_check import outcomes
from serbench.errors import InputError
from serbench.protocols.parts import catalog
from serbench.tests.support.scratch import EXAMPLES, inside, install, put
from serbench.tests.support.tiny import serbench, tiny_corpus

FILE = EXAMPLES / "protocol" / "new_sentences.py"


@pytest.fixture(autouse=True)
def _no_module_stays() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("serbench_file_"):
            del sys.modules[name]


def test_one_that_is_installed_is_listed_checked_and_run(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(FILE.parent, site)
    put(site, "odd", "import no_such_module", ["odd = odd:PROTOCOL"], catalog.GROUP)
    run = ("run", "--protocol", "new-sentences", "--corpus", f"mine={tiny_corpus(tmp_path / 'corpus')}")
    said = inside(
        [site],
        ["protocols", "list"],
        ["protocols", "list", "--json"],
        ["protocols", "check", "new-sentences"],
        [*run, "--model", "majority", "--out", tmp_path / "run"],
        ["protocols", "show", "odd"],
        folder=tmp_path,
    )
    assert [code for code, _ in said] == [0, 0, 0, 0, 2]
    assert "new-sentences (my-serbench-protocols 1.0)\n  every sentence is tested" in said[0][1]
    assert "Not used: odd: its plugin does not load: ModuleNotFoundError" in said[0][1]
    facts = {line["protocol"]: line["provider"] for line in json.loads(said[1][1].partition("\n")[2])}
    assert (facts["new-sentences"], facts["noise"]) == ("my-serbench-protocols 1.0", "serbench")
    assert said[2][1].endswith("new-sentences: holds everything that a protocol must")
    assert "LEAK" in said[3][1] and "4 folds" in said[3][1]
    assert "protocol 'odd': its plugin does not load" in said[4][1]


def test_a_faulty_one_hides_no_other_in_the_list(tmp_path: Path) -> None:
    """One that loads and fails when it is asked for its conditions, and one that is of another type throughout."""
    text = FILE.read_text()
    mute = text.replace("    null=", "    conditions=lambda options: 1 / 0,\n    null=").replace(
        "new-sentences", "mute"
    )
    odd = text.replace('"new-sentences"', '"odd"').replace("summary=", "options=3, summary=")
    assert mute != text and odd != text
    put(tmp_path / "site", "mute", mute, ["mute = mute:PROTOCOL"], catalog.GROUP)
    put(tmp_path / "site", "odd", odd, ["odd = odd:PROTOCOL"], catalog.GROUP)
    listed, as_json, checked, odd_checked = inside(
        [tmp_path / "site"],
        ["protocols", "list"],
        ["protocols", "list", "--json"],
        ["protocols", "check", "mute"],
        ["protocols", "check", "odd"],
        folder=tmp_path,
    )
    assert (listed[0], as_json[0]) == (0, 0) and "Traceback" not in listed[1] + as_json[1]
    assert "Not used: mute: cannot say what it is: ZeroDivisionError: division by zero; see" in listed[1]
    assert "Not used: odd: cannot say what it is: TypeError" in listed[1]
    assert "speaker-independent\n" in listed[1] and '"protocol": "speaker-independent"' in as_json[1]
    assert checked[0] == 1 and "ZeroDivisionError: division by zero" in checked[1]
    assert odd_checked[0] == 1 and "options: an instance of a frozen dataclass with defaults" in odd_checked[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
    ],
)
def test_a_faulty_file_among_those_that_ship_is_named_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    (tmp_path / "half_written.py").write_text(text)
    monkeypatch.setattr(built_in, "__path__", [*built_in.__path__, str(tmp_path)])
    catalog._installed.cache_clear()
    try:
        code, out, err = serbench("protocols", "list")
        assert code == 0 and "speaker-independent\n" in out
        assert f"Not used: half-written: protocols/half_written.py does not load: {words}" in err
        assert err.count("\n") == 1
        code, _, err = serbench("protocols", "show", "half-written")
        assert code == 2 and "protocol 'half-written': protocols/half_written.py does not load" in err
    finally:
        catalog._installed.cache_clear()
        sys.modules.pop("serbench.protocols.half_written", None)


def test_one_in_a_file_is_shown_checked_and_run_in_several_processes(tmp_path: Path) -> None:
    corpus = f"mine={tiny_corpus(tmp_path / 'corpus')}"
    code, out, _ = serbench("protocols", "check", FILE)
    assert code == 0 and "fails" not in out
    code, out, _ = serbench("protocols", "show", FILE, "--corpus", corpus, "--export", tmp_path / "folds.csv")
    assert code == 0 and out.startswith("new-sentences, version 1:") and (tmp_path / "folds.csv").is_file()
    asked = ("run", "--protocol", FILE, "--corpus", corpus, "--model", "functionals-svm", "--out", tmp_path / "run")
    code, _, err = serbench(*asked, "--jobs", "2")
    assert code == 0, err
    code, _, err = serbench(*asked)
    assert code == 0 and len(list((tmp_path / "run" / "records").iterdir())) == 4
    (record,) = json.loads(serbench("show", tmp_path / "run", "--json")[1])
    assert record["protocol"] == "new-sentences" and record["leaks"] == ["speaker"]


def test_a_change_of_its_text_is_another_protocol(tmp_path: Path) -> None:
    path = tmp_path / "changed_later.py"
    path.write_text(FILE.read_text())
    corpus = f"mine={tiny_corpus(tmp_path / 'corpus')}"
    asked = ("plan", "--protocol", path, "--model", "majority", "--corpus", corpus, "--json")
    first = json.loads(serbench(*asked)[1])
    path.write_text(FILE.read_text().replace("FOLDS = 4", "FOLDS = 3"))
    second = json.loads(serbench(*asked)[1])
    assert first != second and first["protocol"] == second["protocol"] == "new-sentences"


def faulty(folder: Path, *changes: tuple[str, str], name: str = "faulty.py") -> Path:
    text = FILE.read_text().replace('"new-sentences"', '"faulty"')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_text(text)
    return folder / name


KEPT = 'frozenset({"sentence", "audio", "copy"})'
SENTENCES = 'sorted(part["sentence"].unique())'
ROWS = '(tuple(sorted(map(row_id, part["id"][rows]))) for rows'


@pytest.mark.parametrize(
    ("old", "new", "check", "words"),
    [
        (KEPT, 'frozenset({"sentence", "audio"})', "declares", "neither promised nor permitted: copy"),
        (KEPT, 'frozenset({"speaker", "sentence", "audio", "copy"})', "declares", "promised and permitted: speaker"),
        ("version=1", "version=0", "declares", "version 0: give 1 or more"),
        ("train, (), test)", "test, (), test)", "folds", "audio crosses the fold"),
        (ROWS, ROWS.replace("[rows]))", "[rows]), reverse=True)"), "parts", "rows that are not sorted"),
        ("str(i + 1), corpus", '"x", corpus', "named", "several folds are called"),
        (SENTENCES, SENTENCES.replace("()", "(), key=lambda _: np.random.rand()"), "pure", "asked twice, it makes"),
        ("    null=", "    conditions=lambda options: (),\n    null=", "conditions", "the first condition is missing"),
        ("    return Split", "    raise RuntimeError('oh')\n    return Split", "folds", "RuntimeError: oh"),
    ],
)  # fmt: skip
def test_a_faulty_one_is_told_what_is_wrong(tmp_path: Path, old: str, new: str, check: str, words: str) -> None:
    path = faulty(tmp_path, (old, new), ("import pandas as pd\n", "import numpy as np\nimport pandas as pd\n"))
    problems = {outcome.check: outcome.problem for outcome in outcomes(catalog.from_file(path)) if outcome.problem}
    assert words in problems.get(check, ""), problems


def test_a_faulty_one_ends_with_1(tmp_path: Path) -> None:
    code, out, _ = serbench("protocols", "check", faulty(tmp_path, ("version=1", "version=0")))
    assert code == 1 and out.startswith("fails  declares    version 0: give 1 or more\nholds  folds ")
    assert out.endswith("faulty: 1 check fails\n")


def test_files_that_are_no_protocols_are_refused(tmp_path: Path) -> None:
    for text, words in (("x = 1", "holds no protocol"), ("def f(:", "does not load: SyntaxError")):
        (tmp_path / "x.py").write_text(text)
        with pytest.raises(InputError, match=words):
            catalog.find(str(tmp_path / "x.py"))
    with pytest.raises(InputError, match="No such file"):
        catalog.find(str(tmp_path / "y.py"))
    with pytest.raises(InputError, match=r"two protocols are called 'noise': serbench and .*z\.py; rename one"):
        catalog.find(str(faulty(tmp_path, ('"faulty"', '"noise"'), name="z.py")))
