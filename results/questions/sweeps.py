"""Sweeps: the arms of a model against its base, and along the levels of each factor."""

from collections.abc import Mapping

import pandas as pd

from ..evidence.arms import BASE, ArmGrid, grid_of
from ..evidence.contestants import Group


def grid_of_group(group: Group) -> ArmGrid | None:
    """The arms of a group as points of a grid; None where they are names."""
    if group.kind != "arms":
        return None
    augmented = dict.fromkeys(
        name
        for result in group.members
        for options in result.records["options"].head(1)
        for name in (options.get("augment") or {})
    )
    base = next((result for result in group.members if result.arm == BASE), None)
    settings = {} if base is None else dict(base.records["settings"].iloc[0])
    return grid_of({result.arm: result.factors for result in group.members}, settings, augmented)


def along(grid: ArmGrid, factor: str, of_arm: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Scores by block (lines) and level of a factor (columns, in order), averaged over the arms of the level.

    ``of_arm``: the scores of each arm by block, which is a speaker or a corpus. Every level is a mean over the same
    levels of the other factors: those that have an arm at all of its levels, where there are any. The base is one of
    the arms where its levels are levels of others, so that no level is mixed with the base's other ones.
    """
    arms = {arm: point for arm, point in grid.points.items() if arm in of_arm and factor in point}
    arms = {arm: point for arm, point in arms.items() if not _odd(grid, arm)}
    levels = [level for level in grid.factors[factor] if any(point[factor] == level for point in arms.values())]
    at: dict[tuple[str, tuple[tuple[str, str], ...]], pd.Series] = {}
    for arm, point in arms.items():
        at.setdefault((point[factor], tuple(sorted((k, v) for k, v in point.items() if k != factor))), of_arm[arm])
    others = list(dict.fromkeys(rest for _, rest in at))
    shared = [rest for rest in others if all((level, rest) in at for level in levels)] or others
    columns = {}
    for level in levels:
        cells = [at[level, rest] for rest in shared if (level, rest) in at]
        columns[level] = pd.concat(cells, axis=1).mean(axis=1, skipna=False)
    return pd.DataFrame(columns)


def _odd(grid: ArmGrid, arm: str) -> bool:
    """Whether it is a base that stands beside the grid, or on the place of another arm."""
    if arm != BASE or len(grid.factors) == 1:
        return False
    others = [point for name, point in grid.points.items() if name != BASE]
    own = grid.points[BASE]
    beside = any(all(point.get(name) != level for point in others) for name, level in own.items())
    return beside or own in others
