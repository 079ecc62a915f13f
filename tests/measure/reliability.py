"""What kills and damage do to a benchmark: a campaign with fixed seeds, whose counts are printed as tables.

    python tests/measure/reliability.py [kills|damage ...] [--scale 1.0] [--seed 0]

``kills``: commands that are ended at random moments and repeated until they are done, against one that nobody
interrupted. ``damage``: files of every kind, changed and read. Synthetic sounds only; about half an hour on two cores.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from serbench.benchmark.audio.decode import decode
from serbench.benchmark.cli import main as command_line
from serbench.errors import InputError
from serbench.tests.measure.reliability_files import READERS, damages, sounds, tables
from serbench.tests.support.tiny import serbench, tiny_corpus

WORKER = "SIGKILL of a worker"  # of two jobs, as soon as there is one
Kill = Callable[[int, random.Random], None]
PATIENCE_S = 3.0  # for processes of a command that has ended
MODELS = ("--model", "majority", "--model", "functionals-svm", "--model", "mfcc-attention:tiny")
OURS = ("run.json", "records", "predictions", "plans", "utterances", "trainings", "weights", "scored.log")


class End(NamedTuple):
    """How a command ended: exit code (minus the signal where one killed it), error output, processes that live on."""

    code: int
    text: str
    left: int


def started(arguments: Sequence[str], errors: Path) -> int:
    """A command in a process and session of its own, forked from this one, which has imported everything."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    out = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = 70
    try:
        command_line(list(arguments))
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        os._exit(code)


def session(pid: int) -> list[int]:
    """Processes of a session that live."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == pid and fields[0] != "Z":
            members.append(int(path.parent.name))
    return members


def workers_of(pid: int) -> list[int]:
    """The processes that work for a command; the one that tracks its shared memory is none."""
    members = [member for member in session(pid) if member != pid]
    return [m for m in members if b"spawn_main" in Path(f"/proc/{m}/cmdline").read_bytes()]


def ended(pid: int, errors: Path) -> End:
    """Wait for a command, and a moment for its processes."""
    _, status = os.waitpid(pid, 0)
    patience = time.monotonic() + PATIENCE_S
    while (left := session(pid)) and time.monotonic() < patience:
        time.sleep(0.05)
    for member in left:
        os.kill(member, signal.SIGKILL)
    return End(os.waitstatus_to_exitcode(status), errors.read_text(errors="replace"), len(left))


def _group(number: int) -> Kill:
    return lambda pid, rng: os.killpg(pid, number)


def _main(number: int) -> Kill:
    return lambda pid, rng: os.kill(pid, number)


def _twice(pid: int, rng: random.Random) -> None:
    os.killpg(pid, signal.SIGINT)
    time.sleep(rng.uniform(0, 0.3))
    os.killpg(pid, signal.SIGINT)


def _worker(pid: int, rng: random.Random) -> None:
    os.kill(rng.choice(workers_of(pid)), signal.SIGKILL)


#: name -> what is done, and the exit codes that may follow; 0: the command was done before
KILLS: dict[str, tuple[Kill, set[int]]] = {
    "SIGKILL of the command": (_main(signal.SIGKILL), {0, -9}),
    "SIGKILL of all its processes": (_group(signal.SIGKILL), {0, -9}),
    "SIGTERM of the command": (_main(signal.SIGTERM), {0, 143}),
    "Ctrl-C": (_group(signal.SIGINT), {0, 130}),
    "Ctrl-C twice": (_twice, {0, 130}),
    WORKER: (_worker, {0, 2}),
}


def content(run: Path) -> dict[str, str]:
    """The predictions of a run by name, hashed."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((run / "predictions").glob("*.parquet"))}


def kills(scale: float, seed: int, folder: Path) -> None:
    """Kill until there are enough, and print what became of it."""
    rng, wanted = random.Random(seed), round(300 * scale)
    table = tiny_corpus(folder / "tiny", speakers=4, takes=4)
    asked = ["run", "--protocol", "speaker-independent", "--corpus", f"mine={table}", *MODELS, "--set"]
    asked.append("mfcc-attention.epochs=2")
    os.environ["SERBENCH_HOME"] = str(folder / "home")
    os.environ["OMP_NUM_THREADS"] = "1"
    errors, counts, faults = folder / "errors.txt", Counter[tuple[str, int]](), list[str]()
    whole = ended(started([*asked, "--out", str(folder / "whole"), "--jobs", "1"], errors), errors)
    assert whole.code == 0, whole.text
    runs, repeats, killed = 0, 0, 0
    names, expected = sorted(KILLS), content(folder / "whole")
    while killed < wanted:
        run = folder / f"run-{runs}"
        runs += 1
        if runs % 4 == 0:  # also while the corpus is prepared
            shutil.rmtree(folder / "home")
        while True:
            jobs = 2 if names[killed % len(names)] == WORKER else 1 + repeats % 2
            pid = started([*asked, "--out", str(run), "--jobs", str(jobs)], errors)
            if killed < wanted:
                name = names[killed % len(names)]
                time.sleep(rng.uniform(0.05, 4.0 if jobs == 1 else 9.0))
                while name == WORKER and session(pid) and not workers_of(pid):
                    time.sleep(0.02)
                if session(pid):
                    killed += 1
                    KILLS[name][0](pid, rng)
                end = ended(pid, errors)
                counts[name, end.code] += 1
                faults += _faults(name, end, KILLS[name][1])
            else:
                end = ended(pid, errors)
            repeats += 1
            if end.code == 0:
                break
        faults += [f"run {runs}: {text}" for text in _differences(run, expected, folder / "home")]
        shutil.rmtree(run)
    print(f"\n{killed} kills in {repeats} commands; {runs} runs were brought to their end, of one and two jobs.\n")
    print("| what | exit codes, and how often |\n|---|---|")
    for name in names:
        codes = ", ".join(f"{code}: {n}" for (what, code), n in sorted(counts.items()) if what == name)
        print(f"| {name} | {codes} |")
    _tell(faults, "predictions that are lost or others, tracebacks, other exit codes, processes or files left")


def _faults(name: str, end: End, codes: set[int]) -> Iterator[str]:
    if end.code not in codes:
        yield f"{name}: exit code {end.code}: {end.text[-300:]}"
    if "Traceback" in end.text or "Fault of serbench" in end.text:
        yield f"{name}: {end.text[-600:]}"
    if end.left and end.code != -9:
        yield f"{name}: {end.left} processes live on"
    if end.left and name == "SIGKILL of the command":
        yield f"{name}: {end.left} workers live on"


def _differences(run: Path, expected: dict[str, str], home: Path) -> Iterator[str]:
    if content(run) != expected:
        yield "its predictions are not those of the run that nobody interrupted"
    code, out, _ = serbench("verify", run)
    if code:
        yield f"verify: {out}"
    left = [p for p in (*run.rglob(".*"), *home.rglob(".building-*")) if p.is_file() or p.name.startswith(".building")]
    if left:
        yield f"files are left: {', '.join(p.name for p in left)}"


def _tell(faults: Sequence[str], kind: str) -> None:
    print(f"\n{len(faults)} faults ({kind}).")
    for fault in faults:
        print(f"- {fault}")
    sys.stdout.flush()


def damage(scale: float, seed: int, folder: Path) -> None:
    """Damage files of every kind, and print what was said of them."""
    rng, each = random.Random(seed), max(1, round(70 * scale))
    os.environ["SERBENCH_HOME"] = str(folder / "home")
    lines, faults = dict[str, Counter[str]](), list[str]()
    for kind, path in tables(folder / "files").items():
        outcomes = lines.setdefault(kind, Counter())
        arguments = [str(path) if word == "{}" else word.format(path) for word in READERS[kind]]
        before = serbench(*arguments)
        assert before[0] in (0, 1), before
        for what, content in damages(path, each, rng):
            original = path.read_bytes()
            path.write_bytes(content)
            code, out, err = serbench(*arguments)
            path.write_bytes(original)
            fault = code == 70 or "Traceback" in err or (code == 2 and len(err.strip().splitlines()) != 1)
            faults += [f"{kind}, {what}: {err[-300:]}"] if fault else []
            same = (code, out) == (before[0], before[1])
            outcomes["fault" if fault else "refused" if code == 2 else "as before" if same else "read otherwise"] += 1
    for kind, path in sounds(folder / "sounds").items():
        outcomes, whole = lines.setdefault(kind, Counter()), decode(path, 600.0).samples
        for what, content in damages(path, each, rng):
            other = path.with_name(f"damaged{path.suffix}")
            other.write_bytes(content)
            try:
                same = np.array_equal(decode(other, 600.0).samples, whole)
                outcomes["as before" if same else "read otherwise"] += 1
            except InputError:
                outcomes["refused"] += 1
            except Exception as error:  # what the campaign looks for
                outcomes["fault"] += 1
                faults.append(f"{kind}, {what}: {type(error).__name__}: {error}")
    _of_run(lines, faults, each, rng, folder)
    columns = ("refused", "healed", "as before", "read otherwise", "fault")
    print(f"\n{sum(sum(n.values()) for n in lines.values())} damaged files.\n")
    print(f"| file | {' | '.join(columns)} |\n|---|{'--:|' * len(columns)}")
    for kind, n in lines.items():
        print(f"| {kind} | {' | '.join(str(n[c]) for c in columns)} |")
    _tell(faults, "tracebacks, faults of serbench, and of its own files changes that nobody tells")


def _of_run(lines: dict[str, Counter[str]], faults: list[str], each: int, rng: random.Random, folder: Path) -> None:
    """Files that serbench wrote: damage is told by `verify`, and never changes a table without a word."""
    table = tiny_corpus(folder / "tiny", speakers=4, takes=4)
    asked = ["run", "--protocol", "speaker-independent", "--corpus", f"mine={table}", *MODELS[:4], "--jobs", "1"]
    run = folder / "run"
    code, _, err = serbench(*asked, "--out", run, "--keep-weights")
    assert code == 0, err
    before = serbench("show", run, "--json")[1]
    for kind in OURS:
        outcomes = lines.setdefault(f"run folder: {kind}", Counter())
        for _ in range(each):
            path = run / kind
            path = path if path.is_file() else rng.choice(sorted(p for p in path.iterdir() if p.stat().st_size))
            original = path.read_bytes()
            ((what, content),) = damages(path, 1, rng)
            path.write_bytes(content)
            verified, _, why = serbench("verify", run)
            told = verified in (1, 2)
            shown, text, err = serbench("show", run, "--json")
            path.write_bytes(original)
            if 70 in (shown, verified) or "Traceback" in err + why:
                outcomes["fault"] += 1
                faults.append(f"{kind}, {what}: {(err + why)[-300:]}")
            elif not told and not _says_the_same(content, original):
                outcomes["fault"] += 1
                faults.append(f"{kind}, {what}: verify says nothing")
            elif shown == 0 and json.loads(text) != json.loads(before):
                outcomes["fault"] += 1
                faults.append(f"{kind}, {what}: another table")
            else:
                outcomes["refused" if shown else "as before"] += 1
    _of_store(lines, faults, each, rng, (folder / "home", [*asked, "--again"], run))


def _says_the_same(content: bytes, original: bytes) -> bool:
    """Whether JSON that was damaged is read as before, such as a member that stands there twice."""
    try:
        return bool(json.loads(content) == json.loads(original))
    except ValueError:
        return False


def _of_store(
    lines: dict[str, Counter[str]], faults: list[str], each: int, rng: random.Random,
    of: tuple[Path, list[str], Path],
) -> None:  # fmt: skip
    """Prepared audio: damage is found and the corpus prepared again, so that its predictions are the same."""
    home, asked, run = of
    expected = content(run)
    asked = [word for word in asked if word != "--again"]
    for kind in ("manifest.json", "table.parquet", "audio.int16"):
        outcomes = lines.setdefault(f"prepared corpus: {kind}", Counter())
        for k in range(max(1, each // 7)):
            path = max(home.rglob(kind), key=lambda p: p.stat().st_mtime_ns)  # of the store that is in use
            ((what, other),) = damages(path, 1, rng)
            path.write_bytes(other)
            out = run.with_name(f"again-{kind}-{k}")
            code, _, err = serbench(*asked, "--out", out)
            if code == 0 and content(out) == expected:
                outcomes["healed"] += 1
            else:
                outcomes["fault"] += 1
                faults.append(f"prepared {kind}, {what}: exit code {code}, {err[-300:]}")
                shutil.rmtree(home)
            shutil.rmtree(out, ignore_errors=True)


PARTS = {"kills": kills, "damage": damage}


def main(arguments: Sequence[str]) -> None:
    """Run the parts that are asked for, else all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=[*PARTS])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    for part in options.parts:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            PARTS[part](options.scale, options.seed, Path(folder))
            print(f"\n{part}: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
