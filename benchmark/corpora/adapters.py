"""All corpora that can be read from a folder: each is a file here (crema_d.py) and its facts (data/crema-d.toml)."""

import importlib
from pathlib import Path

from ...errors import InputError, unknown
from . import user_table
from .facts import names
from .folder import Adapter, Reading

__all__ = ["ADAPTERS", "Adapter", "read"]


def _found() -> dict[str, Adapter]:
    modules = {name: importlib.import_module(f".{name.replace('-', '_')}", __package__) for name in names()}
    return {name: module.ADAPTER for name, module in modules.items()}


ADAPTERS: dict[str, Adapter] = _found()


def read(name: str, source: Path) -> Reading:
    """Utterance table of a corpus, and a line for whatever was left out.

    A name of ``ADAPTERS`` is read from its folder in the original layout; any other name from a CSV or Parquet table,
    or a folder that holds ``utterances.csv`` or ``utterances.parquet``. Raises InputError when that cannot be.
    """
    if name in ADAPTERS:
        return ADAPTERS[name].read(source)
    file = user_table.find_table(source)
    if file is None and not source.expanduser().exists():
        raise InputError(f"{name}: there is no file or folder {source}")
    if file is None:
        raise InputError(
            f"{unknown('corpus', name, ADAPTERS)}; a corpus of your own is a CSV or Parquet table, or a folder with "
            f"utterances.csv, which {source} is not"
        )
    return user_table.read(name, file)
