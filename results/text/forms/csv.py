"""CSV, a line per number or comparison.

A text that a spreadsheet would take for a formula has ``'`` before it, as spreadsheets write it themselves; tables that
are read lose it again (`tables.unguarded`).
"""

import csv
import io

from ....tables import FORMULA
from ..grids import Document, Records


def write(document: Document, width: int) -> str:
    """Its records."""
    return lines(document.rows())


def lines(records: Records) -> str:
    """Records with the names of their columns in the first line."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(records.columns)
    out.writerows([guarded(value) for value in row] for row in records.rows)
    return text.getvalue()


def guarded(value: object) -> object:
    """A cell that is no formula; numbers stay as they are.

    >>> guarded("=1+1"), guarded("@x"), guarded("-0.5"), guarded("− 1"), guarded(-2), guarded(None)
    ("'=1+1", "'@x", '-0.5', '− 1', -2, '')
    """
    if value is None:
        return ""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
