"""Facts about where a result came from: versions, machine, device and commit."""

import importlib
import os
import platform
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "serbench", "torch", "torchaudio", "numpy", "scipy", "scikit-learn", "librosa", "soundfile", "soxr", "av",
    "pandas",
)  # fmt: skip
ROOT = Path(__file__).parents[1]
#: the versions that fit together, as in pyproject.toml
TORCH_PAIR = {"torch": ">=2.11,<2.12", "torchaudio": ">=2.11,<2.11.1"}
PAIR = tuple(TORCH_PAIR)
PAIR_COMMAND = "pip install " + " ".join(f"'{name}{limits}'" for name, limits in TORCH_PAIR.items())


def environment(device: "str | torch.device" = "cpu") -> dict[str, str]:
    """Facts to store with a result; strings, empty where unknown. Cheap: computed once per process and device.

    ``threads`` are those of torch, empty while torch is not loaded; only a CUDA device loads it.
    """
    torch = sys.modules.get("torch")
    threads = str(torch.get_num_threads()) if torch else ""
    return _machine() | _device(str(device)) | {"threads": threads}


def installed(package: str) -> str:
    """The installed version of a distribution, or ''."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def pair_problem(torch: str, torchaudio: str) -> str | None:
    """Why these versions of torch and torchaudio do not fit, in one line with the way out; None when they do.

    Versions are as installed, for instance '2.11.0+cpu'; '' is not installed.
    """
    from packaging.specifiers import SpecifierSet

    pair = {"torch": torch, "torchaudio": torchaudio}
    fits = all(release and release in SpecifierSet(TORCH_PAIR[name]) for name, release in pair.items())
    builds = {release.partition("+")[2] for release in pair.values()} - {""}
    if fits and len(builds) < 2:
        return None
    has = " and ".join(f"{name} {release or 'missing'}" for name, release in pair.items())
    what = "are builds for different devices" if fits else "do not fit"
    return f"{has} {what}; install the pair: {PAIR_COMMAND}"


def import_problem(module: str) -> str:
    """Why a module cannot be imported, in one line; '' when it can."""
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:  # a missing library, or a build for another CUDA
        return " ".join(f"{type(error).__name__}: {error}".split())
    return ""


def commit(root: Path = ROOT) -> tuple[str, str]:
    """The git commit of a source tree and 'yes' or 'no' for changes since; ('', '') when it is no checkout."""
    if not (root / ".git").exists():
        return "", ""
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain")
    return ("", "") if head is None or changes is None else (head, "yes" if changes else "no")


def cpu_model() -> str:
    """The processor as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _machine() -> dict[str, str]:
    facts = {"python": platform.python_version()} | {package: installed(package) for package in PACKAGES}
    facts |= {"platform": platform.platform(), "cpu": cpu_model(), "cores": str(cores())}
    facts["commit"], facts["dirty"] = commit()
    return facts


@lru_cache(maxsize=8)
def _device(device: str) -> dict[str, str]:
    if not device.startswith("cuda"):
        return {"device": device, "device_name": cpu_model(), "cuda": "", "cudnn": "", "driver": ""}
    import torch

    return {
        "device": device,
        "device_name": torch.cuda.get_device_name(device),
        "cuda": torch.version.cuda or "",
        "cudnn": str(torch.backends.cudnn.version() or ""),  # type: ignore[no-untyped-call]
        "driver": driver(),
    }


def driver() -> str:
    """Version of the NVIDIA driver, or ''."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return _output(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]) or ""
    words = text.splitlines()[0].split()
    return next((word for word in words if word[0].isdigit() and "." in word), "")


def _git(root: Path, *command: str) -> str | None:
    return _output(["git", "-C", str(root), *command])


def _output(command: list[str]) -> str | None:
    """First lines of what a program prints; None when it is missing or fails."""
    # GIT_DIR and its kin would point git at another tree, as they do inside hooks
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=variables, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
