"""Preparing under bad conditions: full disks, kills, two at once. A prepared corpus is whole or absent."""

import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.audio.workers import ordered
from serbench.benchmark.prepared import build, home
from serbench.benchmark.prepared.corpus import prepare
from serbench.benchmark.user_folder import BUILDING
from serbench.errors import InputError
from serbench.tests.support.killed import killed_at
from serbench.tests.support.own_corpus import RATE, corpus, kept, made, own_home, prepare_mine, sound

__all__ = ["made", "own_home"]  # fixtures


def test_full_disk_is_seen_before_decoding(tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "in")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1_000_000))
    with pytest.raises(InputError, match=r"1 MB free, about 34 MB needed to prepare mine at 16000 Hz; .*SERBENCH_HOME"):
        prepare_mine(tmp_path, folder)
    assert made == []
    monkeypatch.setattr(build, "_RESERVE", 0)  # 8 clips of 50 ms, 16 bit: 12.8 kB and a tenth
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 14_000))
    with pytest.raises(InputError, match="needed"):
        prepare_mine(tmp_path, folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 14_200))
    prepare_mine(tmp_path, folder)


def test_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "in")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"cannot write .*no space left on device"):
        patch.setattr(os, "fsync", full)
        prepare_mine(tmp_path, folder)
    assert kept(tmp_path) == []
    assert len(prepare_mine(tmp_path, folder).table) == 8


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write .*; make room or set SERBENCH_HOME"):
        prepare_mine(tmp_path, corpus(tmp_path / "in"))


KILLED = """
import os, signal, sys
from pathlib import Path
from serbench.benchmark.prepared.corpus import prepare

def progress(done: int, total: int) -> None:
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

prepare("mine", Path(sys.argv[1]), Path(sys.argv[2]), 16000, progress, int(sys.argv[4]))
"""


def killed(tmp_path: Path, folder: Path, at: int, jobs: int = 1) -> int:
    arguments = [str(folder), str(tmp_path / "home"), str(at), str(jobs)]
    return subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode


def test_killed_half_way(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    assert killed(tmp_path, folder, 5) == -signal.SIGKILL
    (left,) = kept(tmp_path)
    assert left.startswith(BUILDING)
    assert home.stored(tmp_path / "home") == []
    c = prepare_mine(tmp_path, folder)
    assert kept(tmp_path) == [c.folder.name]
    np.testing.assert_array_equal(c.waveform("mine/c07"), sound(7).astype(np.float32))


@pytest.mark.slow
def test_processes_end_with_a_killed_parent(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=400)
    assert killed(tmp_path, folder, 20, jobs=2) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while (alive := _spawned_by(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert alive == []


def _spawned_by(mark: str) -> list[str]:
    """Processes that were spawned in a given home (their environment names it)."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command and mark.encode() in environment:
            found.append(path.name)
    return found


def test_two_at_once(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=20)
    code = (
        "import sys; from serbench.benchmark.prepared.corpus import open_corpus; "
        "print(open_corpus(sys.argv[1]).fingerprint)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, f"mine={folder}"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {prepare_mine(tmp_path, folder).fingerprint + "\n"}
    assert len(kept(tmp_path)) == 1


def test_without_locks_the_first_rename_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finishes the same corpus while this one decodes, on a file system without locks."""
    folder = corpus(tmp_path / "in")

    def no_lock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    def other(done: int, total: int) -> None:
        if done == 4:
            prepare("mine", folder, tmp_path / "home", RATE, lambda done, total: None, 1)

    monkeypatch.setattr(fcntl, "flock", no_lock)
    c = prepare("mine", folder, tmp_path / "home", RATE, other, 1)
    assert kept(tmp_path) == [c.folder.name]
    np.testing.assert_array_equal(c.waveform("mine/c07"), sound(7).astype(np.float32))


def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=70)
    several = prepare("mine", folder, tmp_path / "home", RATE, lambda done, total: None, 2)
    one = prepare("mine", folder, tmp_path / "other", RATE, lambda done, total: None, 1)
    for name in ("audio.int16", "table.parquet"):
        assert (several.folder / name).read_bytes() == (one.folder / name).read_bytes()


def test_a_killed_worker_is_an_error_not_a_hole(tmp_path: Path) -> None:
    with pytest.raises(BrokenProcessPool):
        list(ordered(partial(killed_at, 50, tmp_path), range(100), 2))
    assert (tmp_path / "50").exists()
    end = time.monotonic() + 20  # a killed process needs a moment to go
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.05)
    assert multiprocessing.active_children() == []


def test_an_unguarded_script_is_told_so(tmp_path: Path) -> None:
    """Its processes run it again; they would wait for each other forever."""
    script = tmp_path / "mine.py"
    script.write_text("from serbench.benchmark.prepared.corpus import prepare\nfrom pathlib import Path\n"
                      f"prepare('synth-a', None, Path({str(tmp_path)!r}), jobs=2)\n")  # fmt: skip
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "put what the script does under `if __name__ == '__main__':`" in done.stderr
