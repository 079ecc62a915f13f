"""A run of what lies in a file that is not installed: in several processes, resumed, shown, and asked again."""

import json
import shutil
from pathlib import Path

from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.store import open_run
from serbench.tests.support.scratch import PLUGIN, inside
from serbench.tests.support.tiny import tiny_corpus


def test_a_model_in_a_file_runs_in_processes_is_resumed_shown_and_asked(tmp_path: Path) -> None:
    shutil.copy(PLUGIN / "pooled_mlp.py", tmp_path / "mine.py")
    table = tiny_corpus(tmp_path / "tiny", speakers=3)
    run = (
        "run", "--protocol", "speaker-independent", "--corpus", f"tiny={table}", "--model", "mine.py:pooled-mlp",
        "--set", "pooled-mlp.epochs=1", "--jobs", "2", "--out", "run", "--keep-weights",
    )  # fmt: skip
    first, shown = inside([], run, ("show", "run", "--json"), folder=tmp_path)
    assert first[0] == 0, first[1]
    (score,) = json.loads(shown[1])
    assert (score["model"], score["n_failed"]) == ("pooled-mlp", 0)
    records = open_evidence([open_run(tmp_path / "run")]).records
    assert set(records["provider"]) == {"mine.py"} and (records["status"] == "done").all()
    min((tmp_path / "run" / "records").iterdir()).unlink()
    clip = next((tmp_path / "tiny").glob("*.wav"))
    asked = ("predict", "run", "mine.py:pooled-mlp", clip, "--json")
    again, repeated, guess = inside([], run, run, asked, folder=tmp_path)
    n = len(records)
    assert again[0] == 0 and f"{n} cells, {n - 1} of them done already" in again[1]
    assert repeated[0] == 0 and f"{n} cells, {n} of them done already" in repeated[1]
    assert guess[0] == 0 and '"class"' in guess[1], guess[1]


def test_a_file_that_changes_is_another_model(tmp_path: Path) -> None:
    file = tmp_path / "own_mlp.py"
    text = (PLUGIN / "pooled_mlp.py").read_text().replace("pooled_mlp(settings", "own_mlp(settings")
    request = Request("speaker-independent", (f"{file}:own-mlp",), ("synth-a",))
    keys = []
    for each in (text, text, text.replace("257, 64", "257, 32").replace("Linear(64", "Linear(32")):
        file.write_text(each)
        keys.append({cell.key for cell in plan_of(request).plan.cells})
    assert keys[0] == keys[1] and not keys[0] & keys[2]
