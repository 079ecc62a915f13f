"""``logmel-crnn``: a small, well regularized network over log-mel bands. The plain learned opponent of every network.

Convolutions that keep time, a bidirectional GRU and pooling by attention, as has become usual for sound events and for
emotion (Cakir et al., IEEE/ACM Trans. ASLP 25, 2017; Mirsamadi et al., ICASSP 2017). In training, random bands and
stretches of time are blanked (Park et al., SpecAugment, Interspeech 2019). Sizes and recipe are ours.
"""

from typing import TYPE_CHECKING

from .parts.card import always
from .registry import Task, Variant, model
from .settings.logmel_crnn import EXPLAIN, Settings

if TYPE_CHECKING:
    from torch import nn


@model(
    settings=Settings(),
    profiles={
        "tiny": {"lr": 1e-2, "batch": 16, "bands": 16, "channels": (8, 12), "hidden": 8, "dropout": 0.0,
                 "label_smoothing": 0.0, "band_width": 2, "time_share": 0.05},
    },
    variants={
        "mean-pool": Variant("the mean over frames instead of attention", {"pooling": "mean"}),
        "no-masks": Variant("nothing is blanked in training", {"band_masks": 0, "time_masks": 0}),
    },
    explain=EXPLAIN,
    origin="reference",
    adapts=always,
)  # fmt: skip
def logmel_crnn(settings: Settings, task: Task) -> "nn.Module":
    """Convolutions and a bidirectional GRU over log-mel bands, pooled by attention."""
    from .networks.logmel_crnn import LogmelCrnn

    return LogmelCrnn(settings, len(task.classes), task.rate_hz)
