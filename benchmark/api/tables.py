"""A table that prints as the command line does, shows itself in a notebook, and gives its numbers as a frame."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...results.text.forms import render
from ...results.text.grids import Document

WIDTH = 100  # columns of text where nobody says how wide it may be


@dataclass(frozen=True)
class Table:
    """What a command prints. ``data``: plain objects, unrounded, null where unknown; ``frame``: a line per row of them.

    ``notes``: what the command says beside the table. ``width``: columns of text, None for as many as there are.
    """

    document: Document
    notes: tuple[str, ...] = ()
    width: int | None = None

    @property
    def data(self) -> Any:
        """The objects that ``--json`` prints."""
        return json.loads(self.text("json"))

    @property
    def frame(self) -> pd.DataFrame:
        """The rows that ``--csv`` prints, with its columns."""
        records = self.document.rows()
        return pd.DataFrame(list(records.rows), columns=list(records.columns))

    def text(self, form: str | None = None) -> str:
        """In a form of the command line: terminal (None), csv, html, json, latex or markdown."""
        return render(self.document, form, self.width or WIDTH)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.text("html")
