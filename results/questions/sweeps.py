"""Sweeps: the arms of a model against its base, and along the levels of each factor."""

from collections.abc import Collection

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


def arms_along(grid: ArmGrid, factor: str, arms: Collection[str]) -> dict[str, list[str]]:
    """Level of a factor, in order -> the arms whose mean is that of the level.

    Every level is a mean over the same levels of the other factors: those that have an arm at all of its levels, where
    there are any. The base is one of the arms where its levels are levels of others, so that no level is mixed with the
    base's other ones.
    """
    points = {arm: point for arm, point in grid.points.items() if arm in arms and factor in point}
    points = {arm: point for arm, point in points.items() if not _odd(grid, arm)}
    levels = [level for level in grid.factors[factor] if any(point[factor] == level for point in points.values())]
    at: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
    for arm, point in points.items():
        at.setdefault((point[factor], tuple(sorted((k, v) for k, v in point.items() if k != factor))), arm)
    others = list(dict.fromkeys(rest for _, rest in at))
    shared = [rest for rest in others if all((level, rest) in at for level in levels)] or others
    return {level: [at[level, rest] for rest in shared if (level, rest) in at] for level in levels}


def _odd(grid: ArmGrid, arm: str) -> bool:
    """Whether it is a base that stands beside the grid, or on the place of another arm."""
    if arm != BASE or len(grid.factors) == 1:
        return False
    others = [point for name, point in grid.points.items() if name != BASE]
    own = grid.points[BASE]
    beside = any(all(point.get(name) != level for point in others) for name, level in own.items())
    return beside or own in others
