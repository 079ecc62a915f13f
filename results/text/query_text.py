"""What a query gives."""

import json

import pandas as pd

from .grids import Document, Grid, Lines, Paragraph, Records
from .words import NONE


def document(table: pd.DataFrame) -> Document:
    """A row per row of the result; numbers unrounded but in print."""
    return Document(
        lambda width: [_page(table) if width is None else (Lines(tuple(_text(table).split("\n")), whole=True),)],
        records=lambda: _records(table),
        data=lambda: json.loads(table.to_json(orient="records", double_precision=15)),
        ascii=True,
    )


def _text(table: pd.DataFrame) -> str:
    if not len(table):
        return f"no rows; columns: {', '.join(table.columns)}"
    return str(table.to_string(index=False, na_rep=NONE, float_format=_number))


def _page(table: pd.DataFrame) -> Paragraph:
    rows = table.astype(object).where(table.notna(), NONE).itertuples(index=False)
    cells = tuple(tuple(_number(x) if isinstance(x, float) else str(x) for x in row) for row in rows)
    return (Grid("", tuple(map(str, table.columns)), cells, left=0),)


def _records(table: pd.DataFrame) -> Records:
    rows = table.astype(object).where(table.notna(), None).itertuples(index=False, name=None)
    return Records(tuple(map(str, table.columns)), tuple(rows))


def _number(value: float) -> str:
    return f"{value:.4g}"
