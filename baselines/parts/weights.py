"""Pretrained weights: a local folder, or a repository of the Hugging Face hub; named by content, or by commit.

Imports no torch, so that a plan can name what a run would use. Nothing is downloaded to name it.
"""

import hashlib
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import InputError, at_home

#: in place of weights: tiny encoders, made by code from a fixed seed
RANDOM = "random-tiny"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there
_BESIDE = ("*.json", "*.txt")  # configuration, vocabulary
_HUB = re.compile(r"(?P<name>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w./-]+))?")
_SECONDS = 20  # that the hub has for an answer


def extra(module: str) -> Any:
    """A module of the extra ``multimodal``; InputError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: frozen encoders need it; pip install 'serbench[multimodal]'"
        ) from error


def check_installed(module: str) -> None:
    """InputError where a module of the extra is missing; imports nothing."""
    if find_spec(module) is None:
        raise InputError(f"{module} is not installed: frozen encoders need it; pip install 'serbench[multimodal]'")


def is_here(setting: str, spec: str) -> bool:
    """Whether weights lie in a folder or in the hub's cache. InputError for neither a folder nor such a name."""
    if spec == RANDOM:
        return True
    folder = at_home(Path(spec))
    if folder.is_dir():
        return bool(_files(setting, folder))
    return _snapshot(*_repository(setting, spec)) is not None


def content(setting: str, spec: str, online: bool = True) -> str:
    """The name of exactly these weights: a hash of the folder's files, or repository and commit.

    ``spec`` is a folder, ``owner/name`` or ``owner/name@revision`` of the hub, or `RANDOM`; ``setting`` is what the
    user set to it, for the error. InputError where nothing is found, with what to bring and how; the hub itself is
    asked only ``online``.
    """
    if spec == RANDOM:
        return RANDOM
    folder = at_home(Path(spec))
    if folder.is_dir():
        files = [(str(path), path.stat()) for path in _files(setting, folder)]
        return _hash(tuple((path, facts.st_size, facts.st_mtime_ns) for path, facts in files))
    name, revision = _repository(setting, spec)
    if snapshot := _snapshot(name, revision):
        return f"{name}@{snapshot.name}"
    if not online:
        raise InputError(f"{setting} '{spec}': not in the cache of the Hugging Face hub; {_bring(setting, name)}")
    with _reachable(setting, spec):
        return f"{name}@{extra('huggingface_hub').HfApi().model_info(name, revision=revision, timeout=_SECONDS).sha}"


def folder_of(setting: str, spec: str) -> Path:
    """The folder that holds the weights; what the hub's cache lacks is downloaded. Raises InputError as `content`."""
    folder = at_home(Path(spec))
    if folder.is_dir():
        _files(setting, folder)
        return folder
    name, revision = _repository(setting, spec)
    if snapshot := _snapshot(name, revision):
        return snapshot
    hub = extra("huggingface_hub")
    for weights in WEIGHTS:
        with _reachable(setting, spec):
            folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=[*_BESIDE, weights]))
        if (folder / weights).is_file():
            return folder
    raise InputError(f"{setting} '{spec}': neither {' nor '.join(WEIGHTS)} of it can be had; {_bring(setting, name)}")


def weights_of(folder: Path) -> Path:
    """The file of weights in a folder."""
    return next(folder / name for name in WEIGHTS if (folder / name).is_file())


def _files(setting: str, folder: Path) -> list[Path]:
    """What loading reads of a folder, sorted; InputError where weights or configuration are missing."""
    weights = [folder / name for name in WEIGHTS if (folder / name).is_file()][:1]
    missing = [] if weights else [" or ".join(WEIGHTS)]
    missing += [] if (folder / "config.json").is_file() else ["config.json"]
    if missing:
        raise InputError(
            f"{setting} '{folder}': no {' and no '.join(missing)} there; give the folder of a checkpoint as "
            "save_pretrained or `hf download` write it"
        )
    return sorted([*weights, *(path for pattern in _BESIDE for path in folder.glob(pattern))])


@lru_cache(maxsize=16)
def _hash(files: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    for path, size, _ in files:
        total.update(f"{Path(path).name} {size}\n".encode())
        with Path(path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _repository(setting: str, spec: str) -> tuple[str, str | None]:
    match = _HUB.fullmatch(spec)
    if match is None:
        raise InputError(
            f"{setting} '{spec}': there is no such folder; give a folder with a checkpoint, a repository of the "
            f"Hugging Face hub as owner/name or owner/name@revision, or {RANDOM}"
        )
    return match["name"], match["revision"]


def _snapshot(name: str, revision: str | None) -> Path | None:
    """The snapshot in the hub's cache; None where it has no weights."""
    hub, errors = extra("huggingface_hub"), extra("huggingface_hub.errors")
    try:
        folder = Path(hub.snapshot_download(name, revision=revision, local_files_only=True))
    except errors.LocalEntryNotFoundError:
        return None
    return folder if (folder / "config.json").is_file() and any((folder / w).is_file() for w in WEIGHTS) else None


@contextmanager
def _reachable(setting: str, spec: str) -> Iterator[None]:
    """Turns what a failing download raises into one line."""
    network = getattr(extra("huggingface_hub.errors"), "HTTPError", OSError)  # of the library that the hub uses
    try:
        yield
    except (OSError, ValueError, network) as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:160]
        raise InputError(
            f"{setting} '{spec}': neither a folder nor in the cache of the Hugging Face hub, and not to be had from it "
            f"({type(error).__name__}: {reason}); {_bring(setting, spec.partition('@')[0])}"
        ) from error


def _bring(setting: str, name: str) -> str:
    return f"where there is a network, `hf download {name} --local-dir DIR`, then --set MODEL.{setting}=DIR"
