"""A scratch environment: a folder of installed packages, and the command line in a process that sees it."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
PLUGIN = EXAMPLES / "model"
#: several commands in one process, because each process loads torch anew
COMMANDS = """
import json, sys
from serbench.benchmark.cli import main
for command in json.loads(sys.argv[1]):
    print("$", *command, flush=True)
    try:
        main(command)
    except SystemExit as stop:
        print("exit", stop.code or 0, flush=True)
    sys.stderr.flush()
"""


def install(source: Path, site: Path) -> None:
    """Install a package into a folder with pip; from the index only where this environment cannot build."""
    own = site.parent / f"source-{site.name}"  # building leaves files behind
    shutil.copytree(source, own)
    release = (
        tuple(map(int, importlib.metadata.version("setuptools").split(".")[:2])) if find_spec("setuptools") else ()
    )
    here = ["--no-build-isolation"] if release >= (70, 1) or (release and find_spec("wheel")) else []
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *here, "--target", site, own], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def put(site: Path, name: str, text: str, points: Sequence[str], group: str = "serbench.models") -> None:
    """Lay down an installed package of one module and its entry points, as pip would leave it."""
    facts = site / f"{name}-0.1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (facts / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(points) + "\n")
    (site / f"{name}.py").write_text(text)


def inside(sites: Sequence[Path], *commands: Sequence[str | Path], folder: Path) -> list[tuple[int, str]]:
    """Run `serbench` commands in a process whose path begins with ``sites``: exit code and all output of each."""
    path = os.pathsep.join([*map(str, sites), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words],
        env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    found = []
    for part in done.stdout.split("\n$ ")[0 : len(commands)]:
        body, _, code = part.rstrip().rpartition("\nexit ")
        found.append((int(code), body.partition("\n")[2]))
    assert len(found) == len(commands), done.stdout
    return found
