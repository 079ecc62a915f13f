"""Lists of what there is, as documents: in words for a terminal, as a table or as data in any other form."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...results.text.grids import Document, Grid, Lines, Records


def list_document(objects: Sequence[Mapping[str, Any]], columns: Sequence[str], text: Callable[[int], str]) -> Document:
    """``objects``, which have the same keys; ``columns`` of them for a page; ``text`` for a width in columns."""
    names = tuple(objects[0]) if objects else ()
    rows = tuple(tuple(_cell(each[name]) for name in names) for each in objects)
    shown = tuple(tuple(str(_cell(each[name]) or "") for name in columns) for each in objects)
    grid = Grid("", tuple(name.replace("_", " ") for name in columns), shown, left=len(columns))
    return Document(
        lambda width: [(grid,) if width is None else (whole(text(width)),)],
        records=lambda: Records(names, rows),
        data=lambda: objects,
        ascii=True,
    )


def whole(text: str) -> Lines:
    """Lines as they are."""
    return Lines(tuple(text.split("\n")), whole=True)


def _cell(value: Any) -> Any:
    """Several words with commas; what has names or parts of its own as JSON."""
    if not isinstance(value, (list, tuple, dict)):
        return value
    words = not isinstance(value, dict) and all(isinstance(each, str) for each in value)
    return ", ".join(value) if words else json.dumps(value)
