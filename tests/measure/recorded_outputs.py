"""What every reading command prints of a dozen small runs, recorded, and two recordings held against each other.

    python tests/measure/recorded_outputs.py runs RUNS             # makes runs of many protocols, and files to score
    python tests/measure/recorded_outputs.py record RUNS OUT       # what the commands print of them, a file each
    python tests/measure/recorded_outputs.py differ BEFORE AFTER   # exit code 1 when anything differs

Runs are made once; records of them by code of different days must be equal but for what was meant to change. Nothing
but the command line is used, so that modules may move. Only folders and times are masked, never a number of a result.
"""

import difflib
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd

from serbench.benchmark.cli import main as command_line

NEW = ("--protocol", "speaker-independent")
PLAIN = ("--model", "majority", "--model", "functionals-svm")
NETWORK = ("--model", "mfcc-attention:tiny", "--set")
#: name of the run folder -> options of `run`; A and B are the two corpora
RUNS: dict[str, tuple[str, ...]] = {
    "new-speakers": (*NEW, "--corpus", "A", *PLAIN, "--model", "mfcc-attention:tiny", "--seeds", "2"),
    "one-seed": (*NEW, "--corpus", "A", *PLAIN),
    "native-and-arousal": (*NEW, "--corpus", "synth-a", *PLAIN, "--set", "label_map=native,basic4"),
    "cross-corpus": ("--protocol", "cross-corpus", "--corpus", "A", "--corpus", "B", *PLAIN),
    "one-out": ("--protocol", "leave-one-corpus-out", "--corpus", "A", "--corpus", "B", *PLAIN),
    "random": ("--protocol", "random", "--corpus", "A", *PLAIN, "--seeds", "2"),
    "ladder": ("--protocol", "leak-ladder", "--corpus", "A", "--corpus", "B", "--model", "functionals-svm"),
    "noise": ("--protocol", "noise", "--corpus", "A", *PLAIN, "--set", "noise.kinds=white,pink",
              "--set", "noise.snr=20,0"),
    "perturb": ("--protocol", "perturb", "--corpus", "A", *PLAIN),
    "sweep": ("--protocol", "sweep", "--corpus", "A", *NETWORK,
              "sweep.grid=lr=0.001,0.01; batch=4,16", "--set", "mfcc-attention.epochs=2"),
    "ablation": ("--protocol", "ablation", "--corpus", "A", *NETWORK, "mfcc-attention.epochs=1"),
    "augmentation": ("--protocol", "augmentation", "--corpus", "A", "--model", "functionals-svm"),
    "curve": ("--protocol", "learning-curve", "--corpus", "A", "--model", "functionals-svm"),
    "carried": ("--protocol", "carried-weights", "--corpus", "A", *NETWORK, "mfcc-attention.epochs=2"),
    "oracle": ("--protocol", "oracle-epoch", "--corpus", "A", *NETWORK, "mfcc-attention.epochs=3"),
    "replay": ("--protocol", "published-cnn-n-gru", "--corpus", "A", *PLAIN),
    "study": ("X2", "--quick", "--model", "functionals-svm"),
}  # fmt: skip
PAIR = ("majority", "functionals-svm")
TESTS = (
    "main", "speaker-t", "corrected-t", "bayes", "tost", "wilcoxon", "plain-t", "mcnemar", "unchanged", "improvement",
    "order", "friedman", "trend", "page", "factors", "degradation", "snr-curve", "spread", "groups", "detectable",
    "fold-trend", "interaction", "interquartile-mean", "probabilities", "protocol-effect",
)  # fmt: skip
WITH_TESTS = ("new-speakers", "random", "sweep", "noise", "cross-corpus", "carried", "ladder")
PAPERS = ("sigwavnet", "mfcc-attention", "cnn-n-gru", "wavfusion")


def runs(folder: Path) -> None:
    """Make the runs that are not there yet, two corpora of tones, files of predictions, and a split to audit."""
    corpora = {"A": f"tones-a={_tones(folder / 'a', 6, 4, 7)}", "B": f"tones-b={_tones(folder / 'b', 4, 5, 8)}"}
    os.environ["SERBENCH_HOME"] = str(folder / "home")
    for name, options in RUNS.items():
        if (folder / name / "records").is_dir():
            continue
        code, _, err = serbench("run", *(corpora.get(word, word) for word in options), "--out", folder / name)
        if code:
            raise SystemExit(f"{name}: exit code {code}\n{err}")
    _guesses(folder / "guesses-1.csv", 0.7, 1)
    _guesses(folder / "guesses-2.csv", 0.5, 2)
    rows = [f"s{i % 5}_{i}.wav,{'test' if i % 4 == 0 else 'train'},s{i % 5}\n" for i in range(40)]
    (folder / "split.csv").write_text("path,split,speaker\n" + "".join(rows))


def record(folder: Path, out: Path) -> None:
    """Write what every command prints, one file per command line and per file of a report."""
    out.mkdir(parents=True)
    for name, words in commands(folder):
        (out / f"{name}.txt").write_text(masked(_said(*serbench(*words)), folder))
    for name in RUNS:
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copytree(folder / name, Path(scratch) / "run")
            (out / f"{name}.report.txt").write_text(masked(_said(*serbench("report", copy, "--open", "no")), copy))
            for path in sorted((copy / "report").rglob("*")):
                if path.suffix in (".md", ".csv", ".tex", ".html", ".json", ".svg") and path.is_file():
                    place = "-".join(path.relative_to(copy / "report").parts)
                    (out / f"{name}.report.{place}").write_text(masked(path.read_text(), copy))


def commands(folder: Path) -> Iterator[tuple[str, tuple[str | Path, ...]]]:
    """A name for the file, and the command line."""
    for name in RUNS:
        for form in ("", "--json", "--csv", "--markdown", "--latex"):
            yield f"{name}.show{form}", ("show", folder / name, *filter(None, [form]))
    for name in WITH_TESTS:
        for test in TESTS:
            for form in ("", "--json"):
                yield f"{name}.compare-{test}{form}", ("compare", folder / name, "--test", test, *filter(None, [form]))
    for form in ("", "--json", "--csv", "--latex", "--markdown"):
        last = tuple(filter(None, [form]))
        if form != "--markdown":  # version 0.1.0 did not have it
            yield f"pair.compare{form}", ("compare", folder / "new-speakers", *PAIR, *last)
        for paper in PAPERS:
            yield f"{paper}.tables{form}", ("tables", "--paper", paper, *last)
            yield f"{paper}.tables-runs{form}", ("tables", "--paper", paper, folder / "replay", *last)
    for first, second in (("new-speakers", "one-seed"), ("one-seed", "new-speakers"), ("random", "new-speakers")):
        yield f"{first}+{second}.show", ("show", folder / first, folder / second)
        yield f"{first}+{second}.show--json", ("show", folder / first, folder / second, "--json")
        yield f"{first}+{second}.compare", ("compare", folder / first, folder / second, *PAIR)
        yield f"{first}+{second}.gate", ("gate", folder / first, folder / second)
    for options in ((), ("--json",)):
        tail = "".join(options)
        yield f"one.score{tail}", ("score", folder / "guesses-1.csv", *options)
        yield f"two.score{tail}", ("score", folder / "guesses-1.csv", folder / "guesses-2.csv", *options)
        yield f"files.gate{tail}", ("gate", folder / "guesses-1.csv", folder / "guesses-2.csv", *options)
        yield f"split.audit{tail}", ("audit", folder / "split.csv", *options)
        sql = "SELECT model, arm, condition, count(*) AS n FROM records GROUP BY ALL ORDER BY ALL"
        yield f"runs.query{tail}", ("query", folder / "noise", sql, *options)
    for list_ in ("protocols", "models", "studies"):
        yield f"{list_}.list", (list_, "list")


def differ(before: Path, after: Path) -> bool:
    """Print what differs between two recordings; whether anything does."""
    names = sorted({path.name for folder in (before, after) for path in folder.iterdir()})
    changed = 0
    for name in names:
        old, new = (_lines(folder / name) for folder in (before, after))
        if old != new:
            changed += 1
            lines = list(difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm="", n=0))
            print(
                "\n".join(line[:300] for line in lines[:24]), f"\n... {len(lines) - 24} more" if len(lines) > 24 else ""
            )
    print(f"{changed} of {len(names)} files differ")
    return changed > 0


def serbench(*words: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            command_line([str(word) for word in words])
        except SystemExit as stop:
            return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def masked(text: str, folder: Path) -> str:
    """Without folders of this machine, times, and what embeds pictures as bytes."""
    masks: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
        (re.escape(str(folder)), "RUNS"),
        (r"/tmp/[\w./-]+", "TMP"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?", "TIME"),
        (r"\b\d+(\.\d+)? (s|min|seconds)\b", "N s"),
        (r"[A-Za-z0-9+/]{200,}={0,2}", lambda m: f"<{hashlib.sha256(m[0].encode()).hexdigest()[:16]}>"),
    )
    for pattern, word in masks:
        text = re.sub(pattern, word, text)
    return text


def _said(code: int, out: str, err: str) -> str:
    return f"exit code {code}\n{out}\n--- standard error\n{err}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _tones(folder: Path, speakers: int, takes: int, seed: int) -> Path:
    """Tones with a pitch per class and a colour per speaker, and their table."""
    import soundfile

    rng, rate_hz, lines = np.random.default_rng(seed), 16_000, []
    folder.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(rate_hz // 2) / rate_hz
    for speaker in range(speakers):
        for label, emotion in enumerate(("angry", "happy", "sad")):
            for take in range(takes):
                pitch = (120 + 25 * label) * (1 + 0.12 * speaker) * rng.uniform(0.9, 1.1)
                tone = sum(np.sin(2 * np.pi * pitch * k * time_s) / k**1.5 for k in range(1, 12))
                name = f"s{speaker}_{emotion}_{take}.wav"
                soundfile.write(folder / name, 0.1 * tone + 0.01 * rng.standard_normal(len(time_s)), rate_hz)
                lines.append((name, f"s{speaker}", "male" if speaker % 2 else "female", emotion, f"t{take}"))
    columns = ["path", "speaker", "gender", "emotion", "sentence"]
    pd.DataFrame(lines, columns=columns).to_csv(folder / "utterances.csv", index=False)
    return folder / "utterances.csv"


def _guesses(path: Path, right: float, seed: int) -> None:
    rng, classes = np.random.default_rng(seed), ("angry", "happy", "sad")
    truth = [classes[i % 3] for i in range(240)]
    guess = [t if rng.random() < right else str(rng.choice(classes)) for t in truth]
    rows = {"id": [f"u{i}" for i in range(240)], "speaker": [f"s{i % 8}" for i in range(240)]}
    pd.DataFrame({**rows, "truth": truth, "guess": guess}).to_csv(path, index=False)


if __name__ == "__main__":
    action, *folders = sys.argv[1:]
    paths = [Path(folder).resolve() for folder in folders]
    if action == "differ":
        raise SystemExit(differ(*paths))
    if action == "runs":
        runs(*paths)
    elif action == "record":
        record(*paths)
