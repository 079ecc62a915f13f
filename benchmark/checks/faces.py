"""Whom the face of a clip shows: a sheet of pictures to look at before anything is trained on them."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...errors import InputError
from ..corpora.excerpt import Excerpt
from ..prepared.modalities import excerpts
from ..prepared.video import ENDINGS, pictures

MOST, COLUMNS = 12, 3
SPEAKER = "#d55e00"


def sheet(table: pd.DataFrame, path: Path) -> int:
    """Draw the middle picture of some clips, spread over the speakers, with a frame around whom the model is to see.

    Returns how many clips are shown. InputError where no clip has pictures.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle

    shown = _some(table)
    rows = math.ceil(len(shown) / COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 3 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (utterance, speaker, part) in zip(axes.flat, shown, strict=False):
        images = pictures(part, view="all")[0]
        image = images[len(images) // 2]
        height, width = image.shape[:2]
        ax.imshow(image)
        left, across = (width // 2 if part.half == "right" else 0, width // 2 if part.half else width)
        frame = (left - 0.5, -0.5), across, height
        ax.add_patch(Rectangle(*frame, fill=False, edgecolor=SPEAKER, linewidth=3))
        ax.set_title(f"{utterance.rpartition('/')[2]}\nspeaker {speaker}", fontsize=8)
    figure.suptitle("Whom the face of a clip shows: the part within the frame", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return len(shown)


def _some(table: pd.DataFrame) -> Sequence[tuple[str, str, Excerpt]]:
    """Clips with pictures, one of each speaker in each dialogue before a second one of any."""
    parts = excerpts(table)
    there = [u for u, part in parts.items() if part.path.suffix.lower() in ENDINGS and part.path.is_file()]
    if not there:
        raise InputError("no clip has pictures: none is a video, and none names one in its column `video`")
    seen = table[table["id"].isin(there)].assign(
        turn=lambda t: t.groupby(["dialogue", "speaker"], dropna=False).cumcount()
    )
    few = seen.sort_values(["turn", "id"]).head(MOST)
    speakers = few["speaker"].fillna("unknown").str.rpartition("/")[2]
    return [(u, str(s), parts[u]) for u, s in zip(few["id"], speakers, strict=True)]
