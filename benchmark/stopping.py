"""How a command ends before its time: Ctrl-C, SIGTERM, and faults of serbench, each with an exit code of its own."""

import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

FAULT = 70  # as sysexits.h has it: a fault of the software itself
GRACE_S = 10.0  # for what is being written after the first signal
SECOND_S = 0.5  # after the second
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPING = b"Stopping; once more stops at once.\n"
STOPPED = "Stopped. What is finished is kept; the same command goes on from there."


class Interruption(KeyboardInterrupt):
    """A signal that ends the command; ``number`` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


def exit_code(interruption: BaseException) -> int:
    """As shells have it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + (interruption.number if isinstance(interruption, Interruption) else signal.SIGINT)


@contextmanager
def stoppable() -> Iterator[None]:
    """The first signal says so at once and raises Interruption here; a second one, or GRACE_S, ends the process.

    A thread listens, because Python's own handlers wait for whatever C code runs. A signal that was ignored before,
    as the shell has it for jobs in the background, stays ignored.
    """
    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            raise Interruption(number)

    there, here = socket.socketpair()
    there.setblocking(False)
    wakeup = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, interrupt) for number in handled}
    threading.Thread(target=_listen, args=(here, there), daemon=True).start()
    try:
        yield
    finally:
        if not received:  # else the listener sees to it that the end of the process comes
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            there.close()


def _listen(signals: socket.socket, sender: socket.socket) -> None:
    """Say that the command is stopping, then wait for a second signal or the end of patience.

    ``sender`` stays open as long as this runs, which is to the end of a process that is stopping.
    """
    with signals:
        number = _next(signals, None)
        if number is None:
            return
        with suppress(OSError):
            os.write(2, STOPPING)
        number = _next(signals, GRACE_S) or number
        end_workers()
        time.sleep(SECOND_S)  # most have ended on their own by then, without a trace
        os._exit(128 + number)


def _next(signals: socket.socket, seconds: float | None) -> int | None:
    """The next signal that ends a command; None where none comes any more, or not in time."""
    while select.select([signals], [], [], seconds)[0]:
        data = signals.recv(1)
        if not data or data[0] in _SIGNALS:
            return data[0] if data else None
    return None


def end_workers(but: frozenset[int] = frozenset()) -> None:
    """Kill the processes that work for this one, ``but`` those with these ids. What they have not stored is lost."""
    from multiprocessing import active_children

    ended = [process for process in active_children() if process.pid not in but]
    for process in ended:
        process.kill()
    for process in ended:
        process.join(1.0)


def report_fault(error: BaseException) -> None:
    """One line about a fault of serbench itself, with the file that holds the traceback."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="serbench-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"{sys.argv}\n{text}")
    except OSError:
        print(text, file=sys.stderr)
        where = "above"
    else:
        where = f"in {file.name}"
    print(f"Fault of serbench: {what}; the traceback is {where}; please report it", file=sys.stderr)
