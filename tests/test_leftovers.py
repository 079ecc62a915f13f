"""What stopped commands leave behind goes; locks hold between processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serbench.benchmark.locks import locked
from serbench.benchmark.prepared.home import remove
from serbench.benchmark.user_folder import place
from serbench.results.evidence.files import StoreError, free_leftovers, write_bytes
from serbench.tests.support.own_corpus import corpus, kept, own_home, prepare_mine

__all__ = ["own_home"]  # a fixture

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from serbench.results.evidence.files import write_bytes
os.replace = None
Path.replace = lambda self, to: os.kill(os.getpid(), signal.SIGKILL)
write_bytes(Path(sys.argv[1]), b"half")
"""


def kill_while_writing(path: Path) -> Path:
    """What a process that was killed before it renamed its file leaves beside ``path``."""
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    (left,) = path.parent.glob(".*")
    return left


def test_files_of_killed_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "records" / "cell.json"
    left = kill_while_writing(path)
    mine = left.with_name(f"{left.name.rpartition('.')[0].rpartition('-')[0]}-{os.getpid()}.abc")
    other = left.with_name(".cell.json.01234567-99999999.abc")  # of another machine
    foreign = left.with_name(".DS_Store")
    for file in (mine, other, foreign):
        file.write_bytes(b"x")
    assert free_leftovers(tmp_path) == 1
    assert sorted(path.parent.iterdir()) == sorted([mine, other, foreign])
    os.utime(other, (time.time() - 100_000,) * 2)
    assert free_leftovers(tmp_path) == 1
    assert sorted(path.parent.iterdir()) == sorted([mine, foreign])


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, OSError])
def test_whatever_stops_a_writer_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    def stopped(handle: int) -> None:
        raise stop

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises((stop, StoreError)):
        write_bytes(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_the_next_command_frees_what_a_killed_one_left_of_a_corpus(tmp_path: Path) -> None:
    prepared = prepare_mine(tmp_path, corpus(tmp_path / "in"))
    building = place(tmp_path / "home", "mine") / ".building-abc"
    building.mkdir()
    (building / "audio.int16").write_bytes(b"0" * 100)
    half = kill_while_writing(prepared.folder / "features" / "f.npz")
    prepare_mine(tmp_path, tmp_path / "in")  # is there already: nothing is built
    assert not building.exists()
    assert not half.exists()
    assert kept(tmp_path) == [prepared.folder.name]
    kill_while_writing(prepared.folder / "features" / "f.npz")
    assert remove(tmp_path / "home", "mine")[0] == 1
    assert not place(tmp_path / "home", "mine").exists()


def test_nothing_goes_while_another_process_builds(tmp_path: Path) -> None:
    prepare_mine(tmp_path, corpus(tmp_path / "in"))
    building = place(tmp_path / "home", "mine") / ".building-abc"
    building.mkdir()
    with held_elsewhere(place(tmp_path / "home", ".mine.lock")):
        prepare_mine(tmp_path, tmp_path / "in")
        assert building.exists()


def held_elsewhere(path: Path) -> "Holder":
    """Another process that holds a lock."""
    return Holder(path)


class Holder:
    """Holds a lock in a process of its own while the block lasts."""

    def __init__(self, path: Path) -> None:
        text = (
            "import sys\nfrom pathlib import Path\nfrom serbench.benchmark.locks import locked\n"
            "with locked(Path(sys.argv[1])) as held:\n    print(held, flush=True)\n    sys.stdin.read()\n"
        )
        self.command = [sys.executable, "-c", text, str(path)]

    def __enter__(self) -> None:
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "True\n"

    def __exit__(self, *args: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_lock_is_of_one_process_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_elsewhere(path), locked(path) as held:
        assert not held
    with locked(path) as held:  # its owner was killed
        assert held
        with locked(path) as again:
            assert not again


def test_notes_are_of_the_list_that_was_given_now(tmp_path: Path) -> None:
    """Two lists mean the same utterances; what reading one said is not said of the other, and every time anew."""
    folder = corpus(tmp_path / "in")
    lines = (folder / "utterances.csv").read_text()
    (folder / "utterances.csv").write_text(lines + "gone.wav,s1,sad\n")
    for _ in range(2):
        assert [note for note in prepare_mine(tmp_path, folder).notes if "gone.wav" in note]
    (folder / "utterances.csv").write_text(lines)
    assert not prepare_mine(tmp_path, folder).notes
    (folder / "utterances.csv").write_text(lines.replace("c00.wav,s0", "c00.wav,Unknown"))
    assert [note for note in prepare_mine(tmp_path, folder).notes if "Unknown" in note]
    (folder / "utterances.csv").write_text(lines.replace("c00.wav,s0", "c00.wav,"))
    assert not [note for note in prepare_mine(tmp_path, folder).notes if "Unknown" in note]
