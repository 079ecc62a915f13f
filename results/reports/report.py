"""Run folders to a report folder: Markdown, CSV, LaTeX, figures, and one HTML page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evidence.corpora import corpora_of
from ..evidence.evidence import Evidence, open_evidence
from ..evidence.files import write_bytes
from ..evidence.members import members
from ..evidence.scores import scores
from ..evidence.store import find_run
from ..papers.comparisons import Changed, unchanged
from ..questions.ladder import ladders
from ..statistics.metrics import METRICS
from ..text import stability_table, tables
from ..text.boards import boards
from ..text.forms import render
from ..text.forms.latex import table, whole
from ..text.forms.markdown import pipes
from ..text.grids import Grid
from . import answer_views, aside, claim_views, views
from .clips import pack
from .condition_views import condition_rows
from .page import TITLES, Content, html
from .pictures import Picture, draw_all, pictures
from .stability_views import stability_rows

DRAWN_FIRST = 40  # confusion matrices that are drawn as files; the page has them all


@dataclass(frozen=True)
class Report:
    """What was written: the folder, its page, and a line for whatever a reader should know of it."""

    folder: Path
    page: Path
    notes: tuple[str, ...]


def report(runs: Sequence[str], out: Path | None = None, changed: Changed = unchanged) -> Report:
    """Write the report of one or several runs (as `store.find_run` takes them), finished or not.

    ``changed`` tells what a run changed of recipe and rules, for claims. Default folder: ``report`` in the run's own,
    or ``reports/<time>`` for several runs. Raises InputError for what is no run folder, StoreError for damaged files.
    """
    opened = list({run.folder.resolve(): run for run in map(find_run, runs)}.values())
    folder = out or (
        opened[0].folder / "report" if len(opened) == 1 else Path("reports") / time.strftime("%Y%m%d-%H%M%S")
    )
    evidence = open_evidence(opened)
    found = scores(evidence.records, evidence.predictions, evidence.plan)
    clean = [s for s in found if s.condition == "clean" and s.n_done]
    matrices = aside.start(clean[:DRAWN_FIRST], folder / "figures")
    known = members(found, evidence)
    corpora = corpora_of(evidence.runs)
    order = tuple(dict.fromkeys(evidence.plan["arm"]))
    steps = ladders(evidence.records, evidence.predictions, METRICS["uar"], evidence.siblings, order)
    wanted, reasons = pictures(found, known, evidence, corpora, steps)
    answers = answer_views.views(evidence, bool(steps))
    drawn = draw_all(wanted, folder / "figures")
    claims = claim_views.claims(evidence, changed)
    clips = pack(known, evidence)
    content = Content(
        title=_title(evidence),
        overview=_overview(evidence),
        sections=views.sections(found, known),
        pictures=wanted,
        svgs=drawn,
        reasons=reasons,
        members=known,
        clips=clips,
        claims=claims,
        conditions=condition_rows(known),
        stability=stability_rows(evidence),
        answers=answers,
        failures=views.failures(evidence),
        repeat={"commands": views.commands(evidence), "environments": views.environments(evidence)},
    )
    table_of_scores = tables.document(found, evidence.notes, corpora)
    same = stability_table.document(evidence.records, evidence.predictions)
    scores_text = render(table_of_scores, "markdown") + "\n" + render(same, "markdown")
    parts = [table(grid) for grid in boards([s for s in found if s.n_done])]
    texts = {
        "report.html": html(content),
        "report.md": markdown(content, scores_text),
        "scores.csv": render(table_of_scores, "csv"),
        "speakers.csv": views.speakers_csv(known),
        "claims.csv": claim_views.csv(claims.rows),
        "answers.csv": answer_views.csv(answers),
        "tables.tex": whole(parts),
        **{f"tables/table-{k}.tex": part for k, part in enumerate(parts, start=1)},
    }
    for name, text in texts.items():
        write_bytes(folder / name, text.encode())
    matrices.finish()
    return Report(folder, folder / "report.html", tuple(_notes(content, len(clean))))


def _notes(content: Content, n_clean: int) -> list[str]:
    notes = []
    state = content.overview["progress"]
    if state["pending"] or state["failed"]:
        facts = f"{state['failed']} failed, {state['pending']} pending"
        notes.append(f"not complete: {state['done']} of {state['cells']} cells are done, {facts}")
    if n_clean > DRAWN_FIRST:
        notes.append(f"{DRAWN_FIRST} of {n_clean} confusion matrices are drawn as files; the page has them all")
    if left := sum(clips is None for clips in content.clips.of):
        notes.append(f"the clips of {left} scores are left out of the page to keep it small")
    return notes


def _title(evidence: Evidence) -> str:
    protocols = list(dict.fromkeys([*evidence.records["protocol"], *evidence.plan["protocol"]]))
    corpora = list(dict.fromkeys([*evidence.records["test"], *evidence.plan["test"]]))
    return f"serbench report: {', '.join(protocols) or 'nothing planned'}; {', '.join(corpora) or 'no corpus'}"


def _overview(evidence: Evidence) -> dict[str, object]:
    leaks = {leak for those in evidence.records["leaks"] for leak in those}
    return {
        "progress": views.progress(evidence),
        "predictions": f"{len(evidence.predictions):,}",
        "models": list(dict.fromkeys(evidence.records["model"])),
        "written": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "leaks": [tables.LEAK_WORDS.get(leak, leak) for leak in sorted(leaks)],
        "corpora": views.corpora(evidence),
        "notes": list(evidence.notes),
        "coverage": views.coverage(evidence),
    }


def markdown(content: Content, scores_text: str) -> str:
    """The report as one Markdown file: tables, figures by their files, reasons for what is not there."""
    state = content.overview["progress"]
    done = f"{state['done']} of {state['cells']} cells are done, {state['failed']} failed, {state['pending']} pending"
    parts = [f"# {content.title}", f"{done}. Written {content.overview['written']}.", "## Scores", scores_text.strip()]
    for section, title in TITLES.items():
        mine = [picture for picture in content.pictures if picture.section == section]
        said = answer_views.markdown(content.answers, section)
        if mine or said or section in content.reasons:
            parts += [f"## {title}", *map(_image, mine), *said, *filter(None, [content.reasons.get(section)])]
    parts += ["## Tied groups", *(f"- {s.title}: {_groups(s)}" for s in content.sections)]
    parts += [f"## {TITLES['claims']}", *_claims(content), f"## {TITLES['failed']}", *_failures(content)]
    parts += [f"## {TITLES['repeat']}", *(f"    {c['command']}" for c in content.repeat["commands"])]
    facts = tuple((name, value, str(n)) for name, value, n in content.repeat["environments"])
    parts.append(pipes(Grid("", ("what", "value", "cells"), facts, left=2)))
    return "\n\n".join(parts) + "\n"


def _image(picture: Picture) -> str:
    return f"![{picture.alt}](figures/{picture.name}.png)"


def _groups(section: views.Section) -> str:
    named = [f"{s.label} {letters}" for s, letters in section.lines if letters]
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
