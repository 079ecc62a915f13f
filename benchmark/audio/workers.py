"""A function over many items in several processes, results in order, memory bounded."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, current_process, get_context, parent_process
from typing import Any, TypeVar

from ..stopping import end_workers

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
    waiting: deque[Future[list[Output]]] = deque()
    with workers(min(jobs, len(chunks))) as pool:
        for chunk in chunks:
            waiting.append(submitted(pool, _each, function, chunk))
            if len(waiting) > _AHEAD * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


@contextmanager
def workers(jobs: int, begin: Callable[..., None] | None = None, *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes that call ``begin`` first; they end with this one, and at once where the body raises."""
    others = frozenset(process.pid or 0 for process in active_children())
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (begin, arguments))
    try:
        yield pool
    except BaseException:  # ctrl-c, a full disk, a reader that has enough: nobody waits for what they do
        pool.shutdown(wait=False, cancel_futures=True)
        end_workers(but=others)
        raise
    pool.shutdown()


def submitted(pool: ProcessPoolExecutor, function: Callable[..., Output], *arguments: Any) -> Future[Output]:
    """Give work to a pool. Raises BrokenProcessPool, also where a process died while it was being started."""
    blockable = hasattr(signal, "pthread_sigmask") and threading.current_thread() is threading.main_thread()
    if blockable:  # processes begin with the mask: ctrl-c is for this one
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, *arguments)
    except ConnectionError as error:  # the pipe through which it was told what to do
        raise BrokenProcessPool("a process died at its start") from error
    finally:
        if blockable:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _each(function: Callable[[Item], Output], items: Sequence[Item]) -> list[Output]:
    return [function(item) for item in items]


def _begin(begin: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Leave ctrl-c to the parent, and end with it: a process whose parent was killed would wait for work forever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _watch() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
