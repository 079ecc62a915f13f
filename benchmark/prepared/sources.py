"""Where a corpus comes from: NAME or NAME=DIR, the folders of original files, what is prepared already."""

import os
from pathlib import Path

from ...errors import InputError, at_home, unknown
from ..corpora import synthetic
from ..corpora.registry import broken, cards, find
from ..user_folder import home
from .home import check_name, stored


def parse_spec(spec: str) -> tuple[str, Path | None]:
    """NAME or NAME=DIR. Raises InputError for an empty DIR."""
    name, equals, folder = spec.partition("=")
    if equals and not folder:
        raise InputError(f"{spec}: no folder after '='; write {name}=DIR, or {name} alone")
    return name, Path(folder) if folder else None


def originals(name: str, folder: Path | None = None) -> Path | None:
    """The original files: in ``folder``, else in one under `SERBENCH_CORPORA`; None where there is none."""
    root = os.environ.get("SERBENCH_CORPORA")
    if folder is None and root and (at_home(Path(root)) / name).exists():
        return at_home(Path(root)) / name
    return None if folder is None else at_home(folder)


def locate(name: str, folder: Path | None = None) -> Path | None:
    """Where a corpus comes from: ``folder``, else one under `SERBENCH_CORPORA`, or None: synthesized or prepared.

    Raises InputError, with the way to obtain the corpus, when it is nowhere.
    """
    check_name(name)
    if name in synthetic.NAMES:
        if folder is not None:
            raise InputError(f"{name}: built in; it is made by the program and takes no folder")
        return None
    if source := originals(name, folder):
        return source
    if stored(home(), name):
        return None
    if name not in cards() and name not in broken():
        raise unknown("corpus", name, {*cards(), *synthetic.NAMES, *(s.name for s in stored(home()))})
    facts = find(name).facts
    root = os.environ.get("SERBENCH_CORPORA")
    looked = f"no folder {name} in {root}" if root else "SERBENCH_CORPORA is not set"
    raise InputError(
        f"{name}: not found ({looked}, nothing prepared); give its folder as {name}=DIR; "
        f"to obtain it: {facts.obtain} ({facts.homepage})"
    )
