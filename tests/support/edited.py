"""Stored JSON as somebody else would have written it: changed, and sealed anew."""

import json
from pathlib import Path
from typing import Any

from serbench.results.evidence.files import write_json
from serbench.results.evidence.seals import KEY


def rewrite(path: Path, values: dict[str, Any] | None = None, **changes: Any) -> None:
    """Change members of a stored object, or put ``values`` in its place; sealed as if it had been written so."""
    stored = json.loads(path.read_text()) if values is None else values
    write_json(path, {**{name: value for name, value in stored.items() if name != KEY}, **changes})
