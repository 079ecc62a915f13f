"""Confusion matrices drawn by a second process while the rest of a report is made: they are half of its work."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..evidence.scores import Score
from . import figures

FEWEST = 8  # matrices for which a process is started


@dataclass
class Aside:
    """Matrices on their way: the end of a ``with`` waits for them, or stops them where something went wrong."""

    scores: Sequence[Score]
    folder: Path
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> None:
        """Meanwhile the rest is made."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait, or draw here what no process has drawn; whatever goes wrong goes wrong here, with its reason."""
        if self.process is not None and kind is not None:
            self.process.kill()
            self.process.wait()
        elif self.process is None or self.process.wait() != 0:
            figures.draw(self.scores, self.folder)


def start(scores: Sequence[Score], folder: Path) -> Aside:
    """Begin to draw the matrices of these scores into a folder."""
    drawn = [s for s in scores if s.confusion is not None and s.confusion.sum()]
    if len(drawn) < FEWEST:
        return Aside(scores, folder)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        {
            "counts": np.asarray(s.confusion).tolist(),
            "classes": list(s.classes),
            "title": figures.title(s),
            "path": str(folder / f"{figures.file_name(s)}.png"),
        }
        for s in drawn
    ]
    command = [sys.executable, "-m", f"{__package__}.aside"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if process.stdin is not None:
            process.stdin.write(json.dumps(jobs))
            process.stdin.close()
    except BrokenPipeError:  # it ended at once; it is drawn here
        process.wait()
    return Aside(scores, folder, process)


def main() -> None:
    """Draw what standard input asks for."""
    for job in json.load(sys.stdin):
        figures.confusion(np.array(job["counts"]), job["classes"], job["title"], Path(job["path"]))


if __name__ == "__main__":
    main()
