"""The page: one HTML file that needs no network, from pictures, tables and packed clips.

Everything that comes from data is escaped: by the template, or as JSON that no tag can end. The page forbids itself
(content security policy) to load anything but audio files.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..evidence.members import Member
from ..statistics.metrics import beside
from ..text.boards import under
from ..text.pair_text import papers
from ..text.tables import LEAK_WORDS
from ..text.words import headline, percent, where, with_interval
from .answer_views import View
from .claim_views import Claims
from .clips import Clips
from .condition_views import ConditionRow
from .pair_views import Pairs
from .pictures import Picture
from .stability_views import StabilityRow
from .style import COLORS, GRID, INK, PAPER, SOFT
from .views import TIED_RULE, Section, bar

TITLES = {
    "overview": "Overview",
    "leaderboard": "Leaderboard",
    "ladder": "Leak ladder",
    "matrix": "Train × test",
    "confusions": "Confusion matrices",
    "noise": "Conditions",
    "sweeps": "Sweeps",
    "order": "Order",
    "pairs": "Pairs of models",
    "over-corpora": "Over corpora",
    "speakers": "Spread over speakers",
    "groups": "Groups",
    "probabilities": "Probabilities",
    "claims": "Published claims",
    "training": "Training curves",
    "failed": "Failed cells",
    "repeat": "Repeat it",
}


#: sections that are left out of the page where nothing is in them
_DRAWN = (
    "ladder", "matrix", "noise", "sweeps", "order", "over-corpora", "speakers", "groups", "probabilities", "training",
)  # fmt: skip
NO_PAIRS = "No pairs: it needs two models on clean audio under one protocol."


@dataclass(frozen=True)
class Content:
    """What a page shows. ``svgs``: name of a picture -> its file; ``reasons``: section -> why it has no picture."""

    title: str
    overview: Mapping[str, Any]
    sections: Sequence[Section]
    pictures: Sequence[Picture]
    svgs: Mapping[str, Path]
    reasons: Mapping[str, str]
    members: Sequence[Member]
    clips: Clips
    claims: Claims
    conditions: Sequence[ConditionRow]
    stability: Sequence[StabilityRow]
    answers: Sequence[View]
    pairs: Pairs
    failures: Sequence[Mapping[str, Any]]
    repeat: Mapping[str, Any]

    @property
    def empty(self) -> dict[str, str]:
        """Sections with nothing in them -> why."""
        there = {p.section for p in self.pictures} | {v.section for v in self.answers if v.rows or v.remark}
        there |= {"noise"} if self.conditions or self.stability else set()
        there |= {"pairs"} if self.pairs.tables or self.pairs.reason else set()
        hidden = {name: self.reasons.get(name, "") for name in (*_DRAWN, "pairs") if name not in there}
        return hidden if self.pairs.reason or "pairs" not in hidden else {**hidden, "pairs": NO_PAIRS}


def html(content: Content) -> str:
    """The whole page."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    engine.filters["percent"] = percent
    inline = {p.name: Markup(themed(content.svgs[p.name].read_text(), f"f{k}")) for k, p in enumerate(content.pictures)}
    return engine.from_string(_text("page.html")).render(
        content=content,
        titles={name: title for name, title in TITLES.items() if name not in content.empty},
        every_title=TITLES,
        papers=papers(),
        css=Markup(_text("page.css")),
        js=Markup(_text("page.js")),
        inline=inline,
        data=Markup(embedded(_data(content))),
        with_interval=with_interval,
        bar=bar,
        beside=beside(),
        tied_rule=TIED_RULE,
        where=where,
        under=under,
        leak_words=LEAK_WORDS,
    )


def _text(name: str) -> str:
    return (files("serbench.results.reports") / "page" / name).read_text("utf-8")


def embedded(data: Any) -> str:
    """JSON for a script element: no text in it can end the element.

    >>> embedded(["</script>"])
    '["\\\\u003c/script\\\\u003e"]'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def themed(svg: str, prefix: str) -> str:
    """An SVG file to stand inside a page: names of its own, colors of the theme, no size in points."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    width = re.search(r'<svg[^>]*? width="([\d.]+)pt"', svg, re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[\d.]+pt"', r"\1", svg, count=1, flags=re.DOTALL)
    size = f"width:{float(width[1]) / 72 * 1.35:.2f}in" if width else ""
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+pt"', rf'\1 style="{size}"', svg, count=1, flags=re.DOTALL)
    names = {INK: "ink", SOFT: "soft", GRID: "grid", PAPER: "paper", **{c: f"c{k}" for k, c in enumerate(COLORS)}}
    for color, name in names.items():
        svg = svg.replace(color, f"var(--{name})")
    return re.sub(r"\n\s*", "\n", svg)


def _data(content: Content) -> dict[str, Any]:
    """What the script works on: a line per score with its matrix and packed clips."""
    scores = []
    for member, clips in zip(content.members, content.clips.of, strict=True):
        s = member.score
        scores.append(
            {
                "protocol": s.protocol, "model": s.label, "test": s.test, "where": where(s), "condition": s.condition,
                "under": under(s), "leaks": [LEAK_WORDS.get(leak, leak) for leak in s.leaks],
                "classes": list(s.classes), "counts": [] if s.confusion is None else s.confusion.tolist(),
                "uar": headline(s), "chance": percent(s.chance), "n": s.n_utterances,
                "speakers": s.n_speakers, "runs": s.n_runs, "part": [s.n_done, s.n_cells], "clips": clips,
            }
        )  # fmt: skip
    return {"scores": scores, "rows": content.clips.rows, "sets": content.clips.sets}
