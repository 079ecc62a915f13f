"""JSON: everything, as plain data."""

import json

from ..grids import Document


def write(document: Document, width: int) -> str:
    """Its data; never NaN, what is unknown is null."""
    return json.dumps(document.objects(), indent=1, allow_nan=False, ensure_ascii=document.ascii) + "\n"
