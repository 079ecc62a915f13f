"""How a metric changes with the counts that it is of, for any metric, by small steps."""

import numpy as np

from .metrics import Metric, Tally

STEP = 1e-4  # of numeric derivatives, as a part of the rows of a class


def gradient(metric: Metric, t: Tally) -> np.ndarray:
    """Slopes (..., 3, C) of a metric with the numbers of a tally of arrays (..., C); 0 for classes without rows."""
    now = np.stack(t, axis=-2).astype(float)
    shape = now.shape
    step = np.where(now[..., 1, :] > 0, STEP * now[..., 1, :], 0.0)  # (..., C)
    moves = np.zeros((*shape[:-2], shape[-2] * shape[-1], *shape[-2:]))
    for k in range(shape[-2] * shape[-1]):
        row, column = divmod(k, shape[-1])
        moves[..., k, row, column] = step[..., column]
    ends = [np.maximum(now[..., None, :, :] + s * moves, 0) for s in (1, -1)]  # no count is below 0
    up, down = (metric.function(Tally(*np.moveaxis(end, -2, 0))) for end in ends)
    width = (ends[0] - ends[1]).sum((-2, -1))
    slopes: np.ndarray = np.where(width > 0, (up - down) / np.where(width > 0, width, 1), 0.0)
    return slopes.reshape(shape)
