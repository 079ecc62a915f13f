"""Locks between processes: `flock` or what Windows has; on a disk with neither, a file that names its owner."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

#: numbers of the errors by which a file system says that it has no locks
NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP})


@contextmanager
def locked(path: Path, waiting: str = "") -> Iterator[bool]:
    """Hold the lock that the file ``path`` stands for; says whether it is held.

    Where another process holds it: wait, after printing ``waiting`` to the error output; without these words give up at
    once. The file stays, so that nobody waits for one that is gone. Raises OSError where it cannot be made or locked.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not waiting:
            yield False
            return
        print(waiting, file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield True
    finally:
        lock.release()
