"""How commands end before their time: exit codes that a script can tell apart, and no process that stays."""

import io
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import av
import click
import pytest

from serbench.benchmark import cli, stopping
from serbench.benchmark.audio.decode import length_seconds
from serbench.benchmark.running.execute import _in_processes
from serbench.benchmark.running.run import _new_folder
from serbench.errors import InputError
from serbench.results.evidence.files import StoreError
from serbench.tests.support.tiny import serbench, start, tiny_corpus


def ends_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and error output of a command that raises this."""

    def raises() -> NoReturn:
        raise error

    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: click.Command("doctor", callback=raises))
    code, _, err = serbench("doctor")
    assert "Traceback" not in err
    return code, err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(0), 0),
        (BrokenPipeError(32, "Broken pipe"), 0),
        (SystemExit(1), 1),
        (InputError("what, where"), 2),
        (PermissionError(13, "Permission denied", "x"), 2),
        (click.UsageError("no such option"), 2),
        (EOFError("no more bytes"), 70),
        (av.error.EOFError(541478725, "End of file"), 70),
        (OSError("no number"), 70),
        (KeyError("column"), 70),
        (RecursionError("deep"), 70),
        (KeyboardInterrupt(), 130),
        (stopping.Interruption(signal.SIGTERM), 143),
    ],
)
def test_exit_codes(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stopping.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    result, err = ends_with(error, monkeypatch)
    assert result == code
    if code == stopping.FAULT:
        (file,) = tmp_path.iterdir()
        assert len(err.splitlines()) == 1 and str(file) in err and type(error).__name__ in err
        assert "Traceback" in file.read_text()


def test_what_a_terminal_obeys_is_not_printed_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in ends_with(InputError("\x1b[2J is no speaker"), monkeypatch)[1]


def test_a_process_that_dies_at_its_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any, **__: Any) -> NoReturn:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", dies)
    work = SimpleNamespace(folder=tmp_path)
    with pytest.raises(StoreError, match="a worker process died"), _in_processes(work, 2, print) as attempt:  # type: ignore[arg-type]
        attempt([[]])


def test_two_commands_in_one_second_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # what both see that look before either has made it
    assert [str(_new_folder("random-1")) for _ in range(3)] == ["runs/random-1", "runs/random-1-2", "runs/random-1-3"]


def test_a_locale_that_cannot_print_a_character_prints_a_substitute(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: click.Command("x", callback=lambda: print("a → 情")))
    with pytest.raises(SystemExit, match="0"):
        cli.main(["doctor"])
    assert out.getvalue() == b"a ? ?\n"


def test_a_file_that_ends_too_early_has_no_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV's end of file is Python's `EOFError`, which stands for ctrl-c on a command line."""

    def ends(_: str) -> NoReturn:
        raise av.error.EOFError(541478725, "End of file")

    monkeypatch.setattr(av, "open", ends)
    assert length_seconds(tmp_path / "cut.mp4") == 0.0


def alive(group: int) -> list[str]:
    """Processes of a group that have not ended."""
    command = ["pgrep", "-r", "R,S,D", "-g", str(group)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "codes"),
    [((signal.SIGINT,), {130}), ((signal.SIGTERM,), {143}), ((signal.SIGINT, signal.SIGINT), {130, -signal.SIGINT})],
)
@pytest.mark.parametrize("seconds", [0.5, 3.0, 6.0])
def test_a_signal_ends_everything_at_once(
    signals: tuple[signal.Signals, ...], codes: set[int], seconds: float, tmp_path: Path
) -> None:
    """With two jobs, while it begins, while its workers begin, and while they train."""
    csv = tiny_corpus(tmp_path / "tiny", speakers=6, takes=6)
    models = ("--model", "mfcc-attention:tiny", "--seeds", "9", "--set", "mfcc-attention.epochs=300")
    run = ("run", "--protocol", "speaker-independent", *models, "--corpus", f"mine={csv}", "--jobs", "2")
    process = start(*run, "--out", tmp_path / "run")
    time.sleep(seconds)
    for number in signals:  # ctrl-c reaches the whole group, SIGTERM the process alone
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        time.sleep(0.2)
    err = process.communicate(timeout=15)[1].decode()
    assert process.returncode in codes and "Traceback" not in err
    assert seconds < 1 or stopping.STOPPING.decode() in err
    assert not alive(process.pid)
