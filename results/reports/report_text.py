"""The report as one Markdown file."""

from ..text.forms.markdown import harmless, pipes
from ..text.grids import Grid
from . import answer_views, pair_views, views
from .page import TITLES, Content
from .pictures import Picture


def markdown(content: Content, scores_text: str) -> str:
    """The report as one Markdown file: tables, figures by their files, reasons for what is not there."""
    state = content.overview["progress"]
    done = f"{state['done']} of {state['cells']} cells are done, {state['failed']} failed, {state['pending']} pending"
    parts = [
        f"# {harmless(content.title)}",
        f"{done}. Written {content.overview['written']}.",
        "## Scores",
        scores_text.strip(),
    ]
    for section, title in TITLES.items():
        drawn = [picture for picture in content.pictures if picture.section == section]
        answers = answer_views.markdown(content.answers, section)
        answers += pair_views.markdown(content.pairs) if section == "pairs" else []
        if drawn or answers or section in content.reasons:
            parts += [f"## {title}", *map(_image, drawn), *answers, *filter(None, [content.reasons.get(section)])]
    parts += ["## Tied groups", *(f"- {s.title}: {_groups(s)}" for s in content.sections)]
    parts += [f"## {TITLES['claims']}", *_claims(content), f"## {TITLES['failed']}", *_failures(content)]
    parts += [f"## {TITLES['repeat']}", *(f"    {c['command'] or c['protocol']}" for c in content.repeat["commands"])]
    facts = tuple((name, value, str(n)) for name, value, n in content.repeat["environments"])
    parts.append(pipes(Grid("", ("what", "value", "cells"), facts, left=2)))
    return "\n\n".join(parts) + "\n"


def _image(picture: Picture) -> str:
    return f"![{harmless(picture.alt)}](figures/{picture.name}.png)"


def _groups(section: views.Section) -> str:
    named = [f"{harmless(s.label)} {letters}" for s, letters in section.lines if letters]
    return f"{', '.join(named)}. {section.remark}" if named else section.remark


def _claims(content: Content) -> list[str]:
    rows = tuple(
        (c.what, c.metric, c.published, c.replayed, c.honest, c.verdict, c.reason, c.source)
        for c in content.claims.rows
    )
    header = ("what", "metric", "published", "replayed", "new speakers", "verdict", "why", "source")
    words = [f"- *{word}*: {text}" for word, text in content.claims.meaning]
    reason = [content.claims.reason] if content.claims.reason else []
    return [*reason, *([pipes(Grid("", header, rows, left=2)), *words] if rows else [])]


def _failures(content: Content) -> list[str]:
    names = ("protocol", "model", "train", "test", "fold", "seed", "condition", "reason")
    rows = tuple(tuple(str(f[name]) for name in names) for f in content.failures)
    return [pipes(Grid("", names, rows, left=len(names)))] if rows else ["No cell has failed."]
