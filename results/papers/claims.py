"""Claims: numbers that somebody published, with where they stand and the protocol under which they were obtained.

They are data: ``published/papers.toml`` has the papers with their sources and tasks, ``published/<paper>.csv`` one
line per claim, ``published/confusions.toml`` the matrices, and ``published/derived.csv`` what was computed from
published figures and is no claim. A number that a paper repeats in several tables is one claim with several places.
"""

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ...errors import InputError, unknown
from ..statistics.metrics import PER_CLASS, find
from .publication import Claim, ClaimTask, DerivedValue, Matrix, Paper, Publication, Source

STATUSES = ("authors", "withdrawn preprint", "secondary source", "unverified")
COLUMNS = (
    "tables", "task", "metric", "class", "value", "source", "variant", "settings", "not_comparable", "remark",
)  # fmt: skip
DERIVED_COLUMNS = ("paper", "task", "setting", "quantity", "value", "how")


def names() -> tuple[str, ...]:
    """The papers by name."""
    return tuple(_papers())


@cache
def published(name: str) -> Publication:
    """What a paper published. Raises InputError for an unknown paper, and where the data contradict themselves."""
    if name not in _papers():
        raise unknown("paper", name, _papers())
    paper = _papers()[name]
    claims = tuple(_claim(paper, line, where) for where, line in _lines(f"{name}.csv", COLUMNS))
    check_unique(claims)
    matrices = tuple(_matrix(paper, m) for m in _toml("confusions.toml")["matrix"] if m["paper"] == name)
    derived = tuple(
        DerivedValue(**{**line, "task": _known(paper.tasks, line["task"], "task", where)})
        for where, line in _lines("derived.csv", DERIVED_COLUMNS)
        if line["paper"] == name
    )
    return Publication(paper, claims, matrices, derived)


def check_unique(claims: tuple[Claim, ...]) -> None:
    """Raises InputError when a place of a table is filled twice, or when two claims are the same in all but place."""
    seen: dict[tuple[Any, ...], Claim] = {}
    for claim in claims:
        what = (claim.task.title, claim.metric, claim.label)
        same = (*what, claim.source, claim.models, tuple(claim.settings.items()), claim.not_comparable, claim.value)
        keys = [("place", table, setting, *what) for table, setting in claim.places.items()]
        for key in (*keys, ("claim", *same)) if not claim.not_comparable else keys:
            if key in seen:
                raise InputError(f"claims of {claim.paper}: {' '.join(what)} {claim.value} is there twice ({key[1]})")
            seen[key] = claim


def _open(name: str) -> Any:
    return files("serbench.results") / "published" / name


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(_open(name).read_text("utf-8"))


def _lines(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(_open(name).read_text("utf-8").splitlines())
    if tuple(reader.fieldnames or ()) != columns:
        raise InputError(f"published/{name}: columns {reader.fieldnames}; they must be {', '.join(columns)}")
    for line in reader:
        yield f"published/{name} line {reader.line_num}", line


@cache
def _papers() -> dict[str, Paper]:
    return {name: _paper(name, values) for name, values in _toml("papers.toml").items()}


def _paper(name: str, values: dict[str, Any]) -> Paper:
    sources = {key: _from(Source, source) for key, source in values["sources"].items()}
    if odd := sorted({s.status for s in sources.values()} - set(STATUSES)):
        raise InputError(f"published/papers.toml: {name}: status {', '.join(odd)}; one of {', '.join(STATUSES)}")
    tasks = {key: _from(ClaimTask, task) for key, task in values["tasks"].items()}
    facts = {key: value for key, value in values.items() if key not in ("sources", "tasks")}
    paper: Paper = _from(Paper, {**facts, "name": name, "sources": sources, "tasks": tasks})
    return paper


def _from(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """A frozen object from a table of a TOML file: lists become tuples, unknown keys are an error."""
    if odd := sorted(values.keys() - {f.name for f in fields(kind)}):
        raise InputError(f"published/papers.toml: unknown {', '.join(odd)} of a {kind.__name__.lower()}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _known(among: Mapping[str, Any], key: str, what: str, where: str) -> Any:
    if key not in among:
        raise InputError(f"{where}: unknown {what} '{key}'; known: {', '.join(among)}")
    return among[key]


def _claim(paper: Paper, line: dict[str, str], where: str) -> Claim:
    task: ClaimTask = _known(paper.tasks, line["task"], "task", where)
    places = dict(_pair(place) for place in line["tables"].split(";"))
    for table in places:
        _known(paper.tables, table, "table", where)
    if not line["not_comparable"] and not (task.protocols and task.honest and task.classes and task.utterances):
        raise InputError(f"{where}: the task has no protocols, classes or size; say in not_comparable why")
    if line["class"] and line["class"] not in task.classes:
        raise InputError(f"{where}: class '{line['class']}' is not among {', '.join(task.classes)}")
    source: Source = _known(paper.sources, line["source"], "source", where)
    if source.numbers and line["value"] not in source.numbers:
        raise InputError(f"{where}: {line['value']} does not stand in {source.cite}")
    return Claim(
        paper=paper.name,
        places=places,
        task=task,
        metric=_metric(line, where),
        label=line["class"],
        value=line["value"],
        source=source,
        models=_specs(task.models or paper.models, line["variant"]),
        ours=_specs(paper.ours, line["variant"]),
        settings={name: float(value) for name, value in map(_pair, line["settings"].split())},
        not_comparable=line["not_comparable"],
        remark=line["remark"],
    )


def _pair(text: str) -> tuple[str, str]:
    """``name=value``; a table's line without a name of its own is named by its task.

    >>> _pair("lambda=λ = 0.1"), _pair("headline")
    (('lambda', 'λ = 0.1'), ('headline', ''))
    """
    name, _, value = text.partition("=")
    return name, value


def _metric(line: dict[str, str], where: str) -> str:
    if line["class"]:
        _known(PER_CLASS, line["metric"], "metric of a class", where)
        return line["metric"]
    try:
        return find(line["metric"]).name
    except InputError:
        if line["not_comparable"]:
            return line["metric"]
        raise


def _specs(models: tuple[str, ...], variant: str) -> tuple[str, ...]:
    return tuple(f"{model}+{variant}" if variant else model for model in models)


def _matrix(paper: Paper, values: dict[str, Any]) -> Matrix:
    where = f"published/confusions.toml: {paper.name} {values['task']}"
    task: ClaimTask = _known(paper.tasks, values["task"], "task", where)
    counts, classes = np.array(values["counts"]), tuple(values["classes"])
    if set(classes) != set(task.classes) or counts.shape != (len(classes), len(classes)):
        raise InputError(f"{where}: {counts.shape} counts of {', '.join(classes)}; the task has {len(task.classes)}")
    if fault := _misprinted(values["printed"], counts):
        raise InputError(f"{where}: {fault}")
    return Matrix(
        paper=paper.name,
        task=task,
        setting=values.get("setting", ""),
        source=_known(paper.sources, values["source"], "source", where),
        printed=values["printed"],
        classes=classes,
        counts=counts,
        models=_specs(task.models or paper.models, values.get("variant", "")),
        ours=_specs(paper.ours, values.get("variant", "")),
        not_comparable=values.get("not_comparable", ""),
    )


def _misprinted(printed: str, counts: np.ndarray) -> str:
    """What cannot be true of a matrix that is said to be printed so; empty where nothing is wrong."""
    rows = counts.sum(1)
    if not np.issubdtype(counts.dtype, np.integer) or (np.abs(rows - 100) <= 1).all():
        return "its rows are percentages; counts are needed"
    total = re.search(r"([\d,]+) (?:in all|of the)", printed)
    if total and int(total[1].replace(",", "")) != counts.sum():
        return f"{counts.sum()} counts; '{printed}'"
    return "" if printed.startswith(("counts", "row percentages; counts ")) else f"printed as '{printed}'"
