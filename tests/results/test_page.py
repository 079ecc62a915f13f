import json
import re
import shutil
import zlib
from base64 import b64decode
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from serbench.results.reports import page
from serbench.results.reports.clips import UNKNOWN, address
from serbench.results.reports.report import report
from serbench.tests.support import chromium
from serbench.tests.support.report_runs import CLASSES, EVIL, SEEDS, complete

needs_chromium = pytest.mark.skipif(chromium.PATH is None, reason="no Chromium here (Debian's package chromium)")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    run = complete(folder / "run", audio=folder / "audio files")
    return report([str(run.folder)], folder / "out")


@pytest.fixture(scope="module")
def text(made):
    return made.page.read_text()


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def unpack(packed: str) -> bytes:
    return zlib.decompress(b64decode(packed))


def test_nothing_from_outside_is_loaded_and_no_name_becomes_a_tag(text):
    assert EVIL not in text and "&lt;b&gt; note" in text
    assert len(re.findall(r"<script", text)) == 2  # the data and the one script
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text) and "@import" not in text
    assert "default-src 'none'" in text


def test_json_cannot_end_its_element():
    hostile = {"a": "</script><!-- \u2028 &amp;", "b": [1, None]}
    inside = page.embedded(hostile)
    assert not set("<>&\u2028") & set(inside) and json.loads(inside) == hostile


def test_every_section_is_there_or_says_why_not(text):
    left = {"ladder", "matrix", "noise", "sweeps", "over-corpora", "groups", "training"}
    for id, title in page.TITLES.items():
        assert (f'<section id="{id}">' in text and f'href="#{id}"' in text) == (id not in left)
        assert id not in left or f"<dt>{title}</dt>" in text
    assert "No sweep: no protocol here compares arms." in text
    assert "No cell has failed." in text
    assert text.count('role="img"') >= 3


def test_packed_clips_are_the_predictions(made, text):
    data = data_of(text)
    names = [s["model"] for s in data["scores"]]
    assert names == ["majority", "strong", "weak"]
    rows = json.loads(unpack(data["rows"]))
    for score in data["scores"]:
        clips = score["clips"]
        which = np.frombuffer(unpack(data["sets"][clips["set"]]), "<u4")
        content = np.frombuffer(unpack(clips["data"]), np.uint8)
        n, runs = len(which), clips["runs"]
        truth, choice = content[:n], content[n : n + runs * n].reshape(runs, n)
        assert (n, runs) == (72, SEEDS) and UNKNOWN not in choice
        counts = np.zeros((3, 3), int)
        np.add.at(counts, (np.tile(truth, runs), choice.ravel()), 1)
        assert counts.tolist() == score["counts"]
        assert all(rows[k][0].split("/")[-1].startswith(CLASSES[t]) for k, t in zip(which, truth, strict=True))
        assert clips["scored"] == (score["model"] != "majority")
        shares = content[n + runs * n :].reshape(n, -1)
        assert shares.shape[1] == 3 * clips["scored"] and (
            not clips["scored"] or (abs(shares.sum(1) - 100.0) <= 2).all()
        )


def test_only_real_files_get_a_player(tmp_path):
    odd = tmp_path / 'a "b" <c> #1?.wav'
    odd.write_bytes(b"x")
    assert address(str(odd)) == odd.as_uri() and not set('"<>#? ') & set(address(str(odd)))
    assert address(str(tmp_path)) == address("/nowhere/x.wav") == address(None) == address(float("nan")) == ""


def test_an_inline_figure_has_its_own_names_and_the_colors_of_the_theme():
    svg = '<?xml?><svg width="72pt" height="36pt"><!-- c --><g id="a" style="fill: #1b1b1d"/><use href="#a"/></svg>'
    assert page.themed(svg, "f1") == (
        '<svg style="width:1.35in"><g id="f1-a" style="fill: var(--ink)"/><use href="#f1-a"/></svg>'
    )


@needs_chromium
def test_the_page_works_in_a_browser_from_disk(made, tmp_path):
    """Sorting, filters, clips and players; a script in the test page drives them, the page itself stays as it is."""
    work = """
      <script>window.addEventListener("load", async () => {
        const out = {}, wait = () => new Promise((next) => setTimeout(next, 300));
        out.theme = document.documentElement.dataset.theme;
        document.getElementById("theme").click();
        out.other = document.documentElement.dataset.theme;
        const lines = () => [...document.querySelectorAll("#leaderboard .board tbody tr")];
        const names = () => lines().map((r) => r.cells[0].textContent);
        out.before = names();
        document.querySelectorAll("#leaderboard th button")[2].click();
        document.querySelectorAll("#leaderboard th button")[2].click();
        out.sorted = names();
        document.querySelector('[data-cell="1.0.0"]').click();
        await wait();
        out.clips = document.querySelectorAll("#clips tbody tr").length;
        out.players = [...document.querySelectorAll("#clips audio")].map((a) => a.src.startsWith("file:")).length;
        out.evil = [...document.querySelectorAll("#clips td")].some((c) => c.textContent.includes("<script>"));
        out.title = document.querySelector("#clips h3").textContent;
        const audio = document.querySelector("#clips audio");
        out.seconds = await new Promise((next) => {
          audio.addEventListener("loadedmetadata", () => next(audio.duration));
          audio.addEventListener("error", () => next(-1));
          audio.preload = "metadata"; audio.load();
        });
        const model = document.querySelector("select[name=model]");
        model.value = "weak"; model.dispatchEvent(new Event("input", { bubbles: true }));
        out.filtered = [...document.querySelectorAll("#leaderboard tbody tr")].filter((r) => !r.hidden).length;
        out.matrices = document.querySelectorAll(".cm").length;
        out.broken = window.broken ?? 0;
        const told = Object.assign(document.createElement("pre"), { id: "told", textContent: JSON.stringify(out) });
        document.body.append(told);
      });</script></body>"""
    driven = made.folder / "driven.html"
    driven.write_text(made.page.read_text().replace("</body>", work))
    dom, console = chromium.opened(driven, tmp_path / "profile", until='<pre id="told">')
    told = json.loads(unescape(re.search(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)[1]))
    clips = told.pop("clips")
    assert clips > 8 and told.pop("players") == clips
    assert {told.pop("theme"), told.pop("other")} == {"light", "dark"}
    assert told == {
        "before": ["strong", "weak", "majority"], "sorted": ["majority", "weak", "strong"], "evil": True,
        "title": "angry predicted as angry: strong, c", "seconds": 0.1, "filtered": 1, "matrices": 1, "broken": 0,
    }  # fmt: skip
    assert console == []


@needs_chromium
def test_a_link_to_a_cell_opens_its_clips(made, tmp_path):
    dom, console = chromium.opened(made.page, tmp_path / "profile", "#clips=2.1.1")
    assert "happy predicted as happy: weak, c" in dom and console == []
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)


def test_the_script_and_the_style_are_package_data():
    folder = Path(page.__file__).parent / "page"
    assert {p.name for p in folder.iterdir()} >= {"page.html", "page.css", "page.js"}
