"""Sweeps: the arms of a model against its base, and along the levels of each factor."""

from collections.abc import Mapping

import pandas as pd

from .arms import BASE, Grid, grid_of
from .contestants import Group


def grid_of_group(group: Group) -> Grid | None:
    """The arms of a group as points of a grid; None where they are names."""
    if group.kind != "arms":
        return None
    augmented = dict.fromkeys(
        name
        for entry in group.members
        for options in entry.records["options"].head(1)
        for name in (options.get("augment") or {})
    )
    base = next((entry for entry in group.members if entry.arm == BASE), None)
    settings = {} if base is None else dict(base.records["settings"].iloc[0])
    return grid_of([entry.arm for entry in group.members], settings, augmented)


def along(grid: Grid, factor: str, of_arm: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Scores by block (lines) and level of a factor (columns, in order), averaged over all arms of the level.

    ``of_arm``: the scores of each arm by block, which is a speaker or a corpus.

    The base is one of them where its levels are levels of arms, so that no level is mixed with the base's other ones.
    """
    points = {arm: point for arm, point in grid.points.items() if arm in of_arm and factor in point}
    columns = {}
    for level in grid.factors[factor]:
        mine = [of_arm[arm] for arm, point in points.items() if point[factor] == level and not _odd(grid, arm)]
        if mine:
            columns[level] = pd.concat(mine, axis=1).mean(axis=1, skipna=False)
    return pd.DataFrame(columns)


def _odd(grid: Grid, arm: str) -> bool:
    """Whether it is a base that stands beside the grid, or on the place of another arm."""
    if arm != BASE or len(grid.factors) == 1:
        return False
    others = [point for name, point in grid.points.items() if name != BASE]
    mine = grid.points[BASE]
    beside = any(all(point.get(name) != level for point in others) for name, level in mine.items())
    return beside or mine in others
