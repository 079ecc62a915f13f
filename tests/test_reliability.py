"""The campaign of kills and damage, in its shortest form: it finds nothing, and finds what it is to find."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from serbench.tests.measure import reliability
from serbench.tests.measure.reliability_files import damages


@pytest.mark.slow
@pytest.mark.parametrize("part", ["kills", "damage"])
def test_the_short_campaign_finds_nothing(part: str) -> None:
    command = [sys.executable, str(Path(reliability.__file__)), part, "--scale", "0.03", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "\n0 faults" in done.stdout, done.stdout + done.stderr


def test_what_it_counts_as_a_fault() -> None:
    end = reliability.End(1, "Traceback (most recent call last)", 2)
    assert len(list(reliability._faults("Ctrl-C", end, {0, 130}))) == 3
    assert not list(reliability._faults("Ctrl-C", reliability.End(130, "Stopped.", 0), {0, 130}))


def test_every_damage_changes_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content of a file" * 9)
    made = list(damages(tmp_path / "file", 40, random.Random(0)))
    assert len(made) == 40 and all(content != b"content of a file" * 9 for _, content in made)
