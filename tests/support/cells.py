"""Finished simulations in a file, a line of JSON each: nothing is lost, nothing is done twice."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Facts = Mapping[str, object]


class Cells:
    """What was measured, by the facts that name a cell; of several lines that with most experiments counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                stored = json.loads(line)
                self._take(stored["facts"], stored["n"], stored["values"])

    def _take(self, facts: Facts, n: int, values: dict[str, Any]) -> None:
        key = json.dumps(dict(facts), sort_keys=True)
        if key not in self._found or self._found[key][0] <= n:
            self._found[key] = n, json.loads(key), values

    def has(self, facts: Facts, n: int) -> bool:
        """Whether the cell was done with so many experiments, or cannot be done."""
        stored = self._found.get(json.dumps(dict(facts), sort_keys=True))
        return stored is not None and stored[0] >= n

    def add(self, facts: Facts, n: int, values: dict[str, Any]) -> None:
        """Keep a cell."""
        self._take(facts, n, values)
        with self._path.open("a") as file:
            file.write(json.dumps({"facts": facts, "n": n, "values": values}) + "\n")

    def near(self, facts: Facts) -> bool:
        """Whether a share is so near its bound that it takes more experiments to tell."""
        _, _, values = self._found[json.dumps(dict(facts), sort_keys=True)]
        if "lower" in values:
            return not 0.935 <= values["covered"] / values["n"] <= 0.975
        tested = values["n"] - values["untold"]
        if not tested:
            return False
        covered = values["covered"] / max(values["scored"], 1)
        timid = values["power"] < 0.82 * values["ideal"]
        return values["alarms"] / tested > 0.06 or not 0.93 <= covered <= 0.98 or timid

    def table(self, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Facts and values of the cells of a table, in the order in which they were done first."""
        return [(facts, values) for _, facts, values in self._found.values() if facts["table"] == name]
