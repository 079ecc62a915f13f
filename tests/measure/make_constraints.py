"""The versions that are installed here, and that the tests passed with, as a file of constraints for pip.

    python tests/measure/make_constraints.py > constraints.txt

Run it in the environment in which the whole suite has just passed. It follows what serbench and its extra `test` need,
so that a package which merely lies beside them is no constraint.
"""

import platform
import re
from datetime import UTC, datetime
from importlib.metadata import distribution

from packaging.requirements import Requirement

HEAD = """\
# Versions that were installed together when the whole suite passed: {day}, Python {python}, {system}.
# pip install -c constraints.txt . takes exactly these, whatever was released since; pyproject.toml says what may be.
# Made by tests/measure/make_constraints.py.
"""


def versions(root: str, extras: frozenset[str]) -> dict[str, str]:
    """Name -> version of all that a distribution needs here, itself left out."""
    seen: dict[tuple[str, frozenset[str]], str] = {}
    todo = [(root, extras)]
    while todo:
        name, extra = todo.pop()
        if (_canonical(name), extra) in seen:
            continue
        found = distribution(name)
        seen[_canonical(name), extra] = found.version.partition("+")[0]  # +cpu and its kin name a build, not a version
        for text in found.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in (extra or {""})):
                todo.append((needed.name, frozenset(needed.extras)))
    return {name: version for (name, _), version in sorted(seen.items()) if name != _canonical(root)}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    day = datetime.now(UTC).date().isoformat()
    print(HEAD.format(day=day, python=platform.python_version(), system=platform.system()), end="")
    for name, version in versions("serbench", frozenset({"test"})).items():
        print(f"{name}=={version}")
