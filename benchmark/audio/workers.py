"""A function over many items in several processes, results in order, memory bounded."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import current_process, get_context, parent_process
from typing import TypeVar

Item = TypeVar("Item")
Output = TypeVar("Output")
_CHUNK = 8  # items that a process gets at once
_AHEAD = 3  # chunks per process that may wait for their turn
_FEW = 64  # items: less than a process costs to start


def importing() -> bool:
    """Whether this process was started to work for another one and still imports that one's script.

    What `multiprocessing` itself asks before it starts a process.
    """
    return bool(getattr(current_process(), "_inheriting", False))


def ordered(function: Callable[[Item], Output], items: Sequence[Item], jobs: int) -> Generator[Output]:
    """``function`` of every item, in their order; in this process when there are few items or one job.

    Processes are spawned, so ``function`` is a module's own. Raises BrokenProcessPool when one of them is killed.
    """
    if jobs < 2 or len(items) < _FEW:
        yield from map(function, items)
        return
    chunks = [items[i : i + _CHUNK] for i in range(0, len(items), _CHUNK)]
    pool = ProcessPoolExecutor(min(jobs, len(chunks)), get_context("spawn"), _follow_parent)
    waiting: deque[Future[list[Output]]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_each, function, chunk))
            if len(waiting) > _AHEAD * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _each(function: Callable[[Item], Output], items: Sequence[Item]) -> list[Output]:
    return [function(item) for item in items]


def _follow_parent() -> None:
    """Leave ctrl-c to the parent, and end with it: a process whose parent was killed would wait for work forever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
