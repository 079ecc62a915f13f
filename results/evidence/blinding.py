"""What run folders and reports say of who made them and where, taken out for a double-blind review."""

import getpass
import os
import platform
import re
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pandas as pd

from .record import Record

CUT = "…"  # stands where a folder was, or a name
#: fields of a record that may hold any text
FREE = ("error", "notes", "settings", "options")
_COMMON = {"admin", "administrator", "debian", "jovyan", "localhost", "root", "runner", "ubuntu", "user"}
_WEB = r"\b(?:https?|s3|gs)://\S+"
_START = r"(?:(?:file://)|(?<![\w…~.\\/])(?:~[\w.-]*|[A-Za-z]:|…|\.{1,2})?)[\\/]{1,2}(?=[^\s\\/])"
_PLACE = re.compile(rf"(?P<web>{_WEB})|(?P<start>{_START})")
_FOLDERS = re.compile(r"(?:[^\\/:;,'\"()<>|=…\n]*[^\\/:;,'\"()<>|=…\s][\\/])+")  # names may hold spaces


def blind(value: Any) -> Any:
    """The same without absolute folders, host and user names in its strings; lists and dictionaries are walked."""
    if isinstance(value, str):
        return blind_text(value)
    if isinstance(value, dict):
        return {key: blind(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(blind, value))
    return value


def blind_text(text: str) -> str:
    """A text whose absolute paths keep their last part alone, and which names neither this host nor its user."""
    pieces, position = [], 0
    while place := _PLACE.search(text, position):
        if place["web"]:
            pieces.append(text[position : place.end()])
            position = place.end()
            continue
        end = _end_of_folders(text, place.start("start"), place.end())
        pieces += [text[position : place.start()], CUT + "/" if end > place.end() else place.group()]
        position = max(end, place.end())
    text = "".join([*pieces, text[position:]])
    if CUT in text or " " in text:  # a single word may be a class or a setting
        for name in _names():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", CUT, text, flags=re.IGNORECASE)
    return text


def _end_of_folders(text: str, start: int, after: int) -> int:
    """Where the last part of the path at ``start`` begins: after the longest folder that is there, else by its look."""
    line = text[start:].partition("\n")[0]
    here = line.removeprefix("file://")
    cut = len(line) - len(here)
    ends = [k for k, letter in enumerate(here) if letter in "\\/" and k > after - start - cut]
    longest = next((k + 1 for k in reversed(ends) if os.path.isdir(os.path.expanduser(here[:k]))), 0)  # noqa: PTH111,PTH112
    begin = start + cut + longest if longest else after
    rest = _FOLDERS.match(text, begin)
    return rest.end() if rest else begin


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    """Of the user and the host, where these are no everyday words."""
    names = {platform.node(), platform.node().partition(".")[0]}
    with suppress(KeyError, OSError, ImportError):  # a user without an entry
        names.add(getpass.getuser())
    return tuple(sorted((n for n in names if len(n) > 2 and n.lower() not in _COMMON), key=len, reverse=True))


def blind_record(record: Record) -> Record:
    """A record without them."""
    free = {name: blind(getattr(record, name)) for name in FREE}
    return replace(record, environment=blind_environment(record.environment), **free)


def blind_environment(environment: dict[str, str]) -> dict[str, str]:
    """The packages and the processor, but neither the system's build nor the commit of a checkout."""
    system = {"platform": environment["platform"].partition("-")[0]} if "platform" in environment else {}
    return {**environment, **system, **{name: "" for name in ("commit", "dirty") if name in environment}}


def blind_plan(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a plan without its command line."""
    return {name: blind(value) for name, value in facts.items() if name != "command"}


def blind_utterances(table: pd.DataFrame) -> pd.DataFrame:
    """A labelled table without the places of its files; their ids tell them."""
    return table.assign(path=None) if "path" in table.columns else table
