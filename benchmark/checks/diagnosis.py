"""What is installed, which device, and what is missing for what: the facts that `serbench doctor` prints."""

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Literal

from ...errors import InputError
from ..environment import PAIR, commit, cores, cpu_model, driver, import_problem, installed, pair_problem

GIB = 2**30
SMALLEST_HOME = 2 * GIB  # three speech corpora of some thousand clips, prepared
#: optional package -> what it is for, how to get it
EXTRAS = {
    "transformers": ("models on pretrained audio and text encoders", "pip install transformers"),
    "timm": ("models on pretrained image encoders", "pip install timm"),
    "opensmile": ("eGeMAPS features; its licence forbids commercial use", "pip install opensmile"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. ``missing`` is needed and not there; ``note`` limits what can be done; ``hint`` says what to do."""

    group: Literal["python", "packages", "device", "machine", "data", "plugins", "extras"]
    name: str
    state: Literal["ok", "note", "missing"]
    value: str
    hint: str = ""


def facts() -> list[Fact]:
    """Everything, in the order in which it is read. Imports torch and torchaudio."""
    groups = (_python, _packages, _pair, _decoders, _devices, _machine, _data, _plugins, _extras)
    return [fact for group in groups for fact in group()]


def _python() -> Iterator[Fact]:
    yield Fact("python", "python", "ok", f"{platform.python_version()} ({sys.executable})")
    head, dirty = commit()
    built = f", commit {head[:12]}{' with changes' if dirty == 'yes' else ''}" if head else ""
    yield Fact("python", "serbench", "ok", (installed("serbench") or "not installed, run from its source") + built)


def _packages() -> Iterator[Fact]:
    """Every package that serbench needs, but for the pair, against the versions that its metadata asks for."""
    from packaging.requirements import Requirement

    try:
        lines = requires("serbench") or []
    except PackageNotFoundError:
        yield Fact("packages", "serbench", "missing", "not installed", "pip install . in its folder")
        return
    for needed in sorted((Requirement(line) for line in lines), key=lambda needed: needed.name.lower()):
        if needed.name in PAIR or (needed.marker and not needed.marker.evaluate({"extra": ""})):
            continue
        version = installed(needed.name)
        fits = bool(version) and needed.specifier.contains(version, prereleases=True)
        value = version if fits else f"{version or 'not installed'}; needed: {needed.specifier}"
        hint = "" if fits else f"pip install '{needed.name}{needed.specifier}'"
        yield Fact("packages", needed.name, "ok" if fits else "missing", value, hint)


def _pair() -> Iterator[Fact]:
    """The pair in one line, and whether both can be imported."""
    versions = [installed(name) for name in PAIR]
    problem = pair_problem(*versions)
    if problem:
        yield Fact("packages", "torch pair", "missing", problem)
    else:
        yield Fact("packages", "torch pair", "ok", f"torch {versions[0]} and torchaudio {versions[1]} fit")
    for name, version in zip(PAIR, versions, strict=True):
        trouble = import_problem(name) if version else ""
        if trouble:
            hint = "" if problem else f"pip install --force-reinstall '{name}=={version}'"
            yield Fact("packages", name, "missing", f"cannot be imported: {trouble}", hint)


def _decoders() -> Iterator[Fact]:
    for name, what in (("soundfile", "WAV, FLAC, OGG, AIFF and more"), ("av", "MP4, MP3, M4A and more")):
        trouble = import_problem(name)
        if trouble:
            yield Fact("packages", f"{name} decodes", "missing", f"cannot be imported: {trouble}")
            continue
        module = importlib.import_module(name)
        library = f"FFmpeg {module.ffmpeg_version_info}" if name == "av" else module.__libsndfile_version__
        yield Fact("packages", f"{name} decodes", "ok", f"{what} ({library})")


def _devices() -> Iterator[Fact]:
    yield Fact("device", "cpu", "ok", f"{cpu_model()}, {cores()} cores")
    if import_problem("torch"):
        return
    import torch

    from ..device import why_no_cuda

    if not torch.cuda.is_available():
        yield Fact("device", "cuda", "note", why_no_cuda(), "everything runs on the CPU, networks slowly")
        return
    for index in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(index).total_memory / GIB
        name = f"{torch.cuda.get_device_name(index)}, {memory:.0f} GiB"
        yield Fact("device", f"cuda:{index}", "ok", f"{name}; CUDA {torch.version.cuda}, driver {driver()}")


def _machine() -> Iterator[Fact]:
    yield Fact("machine", "system", "ok", platform.platform())
    if hasattr(os, "sysconf"):
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (page * os.sysconf(name) / GIB for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
        yield Fact("machine", "memory", "ok", f"{total:.1f} GiB, {free:.1f} GiB unused")


def home_check(home: Path) -> Fact:
    """The folder of prepared corpora: whether it can be written, and the space that is left there."""
    nearest = next(path for path in (home, *home.parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
        return Fact("data", "SERBENCH_HOME", "missing", f"{home}: cannot be written", "set it to a folder of yours")
    free = shutil.disk_usage(nearest).free
    value = f"{home}, {free / GIB:.1f} GiB free{'' if home.exists() else '; made when first used'}"
    if free < SMALLEST_HOME:
        return Fact("data", "SERBENCH_HOME", "note", value, "prepared corpora may not fit; set it to a larger disk")
    return Fact("data", "SERBENCH_HOME", "ok", value)


def corpora_check(folder: str, known: list[str]) -> Fact:
    """Which of the known corpora lie in the folder that SERBENCH_CORPORA names ('': not set)."""
    if not folder:
        return Fact("data", "SERBENCH_CORPORA", "note", "not set", "name corpora by --corpus NAME=DIR, or set it")
    if not Path(folder).is_dir():
        return Fact("data", "SERBENCH_CORPORA", "missing", f"{folder}: no such folder", "set it to your corpora")
    present = [name for name in known if (Path(folder) / name).is_dir()]
    if not present:
        hint = f"it should hold folders called {', '.join(known)}"
        return Fact("data", "SERBENCH_CORPORA", "note", f"{folder}: none of the known corpora", hint)
    return Fact("data", "SERBENCH_CORPORA", "ok", f"{folder}: {', '.join(present)}")


def _data() -> Iterator[Fact]:
    from ..corpora.registry import cards
    from ..user_folder import home

    yield home_check(home())
    yield corpora_check(os.environ.get("SERBENCH_CORPORA", ""), sorted(cards()))


def _plugins() -> Iterator[Fact]:
    """Models, protocols, corpora and metrics: how many, who brings those that are not ours, and what does not load."""
    for kind in ("models", "protocols", "corpora", "metrics"):
        try:
            origins, broken = _installed(kind)
        except InputError as error:  # two under one name
            yield Fact("plugins", kind, "missing", str(error))
            continue
        for name, why in sorted(broken.items()):
            yield Fact("plugins", name, "note", f"cannot be used: {why}", "mend or uninstall it; the others work")
        outside = [f"{name} ({origin})" for name, origin in origins.items() if origin != "serbench"]
        yield Fact("plugins", kind, "ok", f"{len(origins)}, of them from plugins: {', '.join(outside) or 'none'}")


def _installed(kind: str) -> tuple[dict[str, str], dict[str, str]]:
    """Name -> who brings it, and name -> why it cannot be used."""
    if kind == "models":
        from ...baselines import registry as models

        return {name: models.provider(card) for name, card in models.cards().items()}, models.broken()
    if kind == "protocols":
        from ...protocols.parts import catalog

        return {name: catalog.origin_of(protocol) for name, protocol in catalog.protocols().items()}, catalog.broken()
    if kind == "corpora":
        from ..corpora import registry as corpora

        return {name: card.provider for name, card in corpora.cards().items()}, corpora.broken()
    from ...results.statistics import metrics

    return {name: metrics.ORIGINS.get(name, "serbench") for name in metrics.METRICS}, metrics.BROKEN


def _extras() -> Iterator[Fact]:
    for name, (purpose, how) in EXTRAS.items():
        version = installed(name)
        value = f"{version}, for {purpose}" if version else f"not installed; only for {purpose}"
        yield Fact("extras", name, "ok" if version else "note", value, "" if version else how)
