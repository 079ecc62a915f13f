"""CSV, a line per number or comparison."""

import csv
import io

from ..grids import Document, Records


def write(document: Document, width: int) -> str:
    """Its records."""
    return lines(document.rows())


def lines(records: Records) -> str:
    """Records with the names of their columns in the first line."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(records.columns)
    out.writerows(["" if value is None else value for value in row] for row in records.rows)
    return text.getvalue()
