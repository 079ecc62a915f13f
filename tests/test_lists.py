"""The lists and pages in results/measured are those that the commands print."""

import re
from pathlib import Path

import pytest

from serbench.tests.support.tiny import serbench

TEXT = (Path(__file__).parents[1] / "results" / "measured" / "lists.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^    serbench ((?:protocols|studies) [^\n]*)\n\n```\n(.*?)\n```$", TEXT, flags=re.M | re.S)


def test_the_document_shows_both_lists_and_three_pages() -> None:
    assert [command for command, _ in SHOWN if command.endswith("list")] == ["protocols list", "studies list"]
    assert sum(" show " in command for command, _ in SHOWN) == 3


def test_what_is_shown_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path))  # that of other tests may hold corpora
    monkeypatch.setenv("COLUMNS", "100")
    for command, shown in SHOWN:
        code, out, err = serbench(*command.split())
        assert code == 0, err
        assert out.rstrip() == shown, f"put what `serbench {command}` prints now into results/measured/lists.md"
