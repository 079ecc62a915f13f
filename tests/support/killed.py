"""Work that is killed while it is done. A module of its own: spawned processes must be able to import it."""

import os
import signal
from pathlib import Path


def killed_at(last: int, folder: Path, item: int) -> int:
    """``item``; at ``last`` the process notes in ``folder`` that it came so far, and is killed."""
    if item == last:
        (folder / str(item)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item
