"""Predictions of a kept model as a table."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...results.text.forms.terminal import aligned
from ...results.text.grids import Document, Grid, Records

if TYPE_CHECKING:
    from ..running.predict import FilePrediction


def prediction_document(predictions: "Sequence[FilePrediction]") -> Document:
    """File, class, how many trainings agree, and the probabilities; these are null where the model has none."""
    facts = [
        {"file": p.file, "class": p.guess, "probabilities": p.probabilities, "agree": p.agree, "trainings": p.trainings}
        for p in predictions
    ]
    return Document(lambda width: [(_fitting(predictions, width),)], None, lambda: _records(predictions), lambda: facts)


def _records(predictions: "Sequence[FilePrediction]") -> Records:
    """A row per file, a column per class that has a probability."""
    rows = []
    for p in predictions:
        shares = [f"{share:.6f}" for share in (p.probabilities or {}).values()]
        rows.append((p.file, p.guess, *shares, p.agree, p.trainings))
    return Records(("file", "class", *(predictions[0].probabilities or ()), "agree", "trainings"), tuple(rows))


def _fitting(predictions: "Sequence[FilePrediction]", width: int | None) -> Grid:
    """The probabilities in %: beside the file where they fit, else below it."""
    wide = _grid(predictions, list(predictions[0].probabilities or ["probability"]))
    return wide if width is None or max(map(len, aligned(wide))) <= width else _narrow(predictions, width)


def _grid(predictions: "Sequence[FilePrediction]", classes: list[str]) -> Grid:
    rows = [
        (
            p.file,
            p.guess,
            f"{p.agree}/{p.trainings}",
            *(_percent((p.probabilities or {}).get(name)) for name in classes),
        )
        for p in predictions
    ]
    return Grid(_title(predictions), ("file", "class", "agree", *classes), tuple(rows), left=2)


def _narrow(predictions: "Sequence[FilePrediction]", width: int) -> Grid:
    """The probabilities of a file in lines of their own, the largest first."""
    rows: list[tuple[str, ...]] = []
    for p in predictions:
        rows.append((p.file, p.guess, f"{p.agree}/{p.trainings}"))
        shares = sorted((p.probabilities or {}).items(), key=lambda pair: -pair[1])
        text = "  ".join(f"{name}\N{NO-BREAK SPACE}{_percent(share)}" for name, share in shares)
        rows += [("  " + line.replace("\N{NO-BREAK SPACE}", " "),) for line in textwrap.wrap(text, width - 2)]
    return Grid(_title(predictions), ("file", "class", "agree"), tuple(rows), left=2)


def _title(predictions: "Sequence[FilePrediction]") -> str:
    return (
        ""
        if predictions[0].probabilities is None
        else "Probabilities in %; agree: trainings that choose this class alone"
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
