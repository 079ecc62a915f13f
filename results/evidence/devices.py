"""On what kinds of device cells were made: cells of several kinds are pooled into one score only where asked."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ...errors import InputError
from .results import Result, results_of

_NAMED = 3  # cells of a kind, and scores, that a message names


def kind_of(cell: Any) -> str:
    """The kind of device a cell was made on, without its number: ``cpu (a processor), fp32``, ``cuda (H200), bf16``."""
    environment = cell.environment if isinstance(cell.environment, Mapping) else {}
    name = environment.get("device_name", "")
    return f"{str(cell.device).partition(':')[0]}{name and f' ({name})'}, {cell.precision}"


def kinds_of(cells: Iterable[Any]) -> tuple[str, ...]:
    """The kinds of device that some cells were made on."""
    return tuple(sorted({kind_of(cell) for cell in cells}))


def listed(kinds: Sequence[str]) -> list[str]:
    """As tables print them: a processor's name only where there are several kinds.

    >>> listed(["cpu (EPYC (7R13)), fp32"]), listed(["cpu (EPYC), fp32", "cuda (H200), fp32"])
    (['cpu, fp32'], ['cpu (EPYC), fp32', 'cuda (H200), fp32'])
    """
    return [re.sub(r"^cpu \(.*\),", "cpu,", kind) for kind in kinds] if len(kinds) == 1 else list(kinds)


def check_devices(records: pd.DataFrame) -> None:
    """InputError where the finished cells of one score stand on several kinds of device, with the cells of each."""
    done = records[records["status"] == "done"]
    if len(kinds_of(done[["device", "environment", "precision"]].itertuples(index=False))) < 2:
        return
    faults = list(_faults(results_of(done)))
    if faults:
        more = f" (and {len(faults) - 1} more score{'s' * (len(faults) > 2)})" if len(faults) > 1 else ""
        raise InputError(
            f"{faults[0]}{more}; a score is of one kind of device: take runs of one, or pool them with --mixed"
        )


def _faults(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        groups: dict[str, list[str]] = {}
        for cell in result.cells.values():
            repeat = f" repeat {cell.repeat}" if cell.repeat else ""
            groups.setdefault(kind_of(cell), []).append(f"fold {cell.fold}{repeat} seed {cell.seed}")
        if len(groups) > 1:
            setup = result.setup
            where = f"{result.label} ({setup.protocol}, {setup.where}, {setup.condition})"
            parts = [f"{kind}: {_first(names)}" for kind, names in sorted(groups.items())]
            yield f"{where} was run on {'; on '.join(parts)}"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} cell{'s' * (len(names) != 1)} ({', '.join(names[:_NAMED])}{more})"
