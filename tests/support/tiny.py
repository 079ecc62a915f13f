"""A tiny corpus on disk that models can learn in a blink, and a way to call the command line."""

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from serbench.benchmark.cli import main

RATE_HZ = 16_000


def tiny_corpus(folder: Path, speakers: int = 6, takes: int = 4, classes: tuple[str, ...] = ("happy", "sad")) -> Path:
    """Harmonic tones with a pitch per class and a color per speaker; returns the CSV table to give as NAME=FILE."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    time_s = np.arange(int(0.5 * RATE_HZ)) / RATE_HZ
    for speaker in range(speakers):
        for label, emotion in enumerate(classes):
            for take in range(takes):
                pitch = (120 + 90 * label) * (1 + 0.02 * speaker) * rng.uniform(0.97, 1.03)
                tone = sum(np.sin(2 * np.pi * pitch * k * time_s) / k**1.5 for k in range(1, 12))
                name = f"s{speaker}_{emotion}_{take}.wav"
                soundfile.write(folder / name, 0.1 * tone + 0.01 * rng.standard_normal(len(time_s)), RATE_HZ)
                gender = "male" if speaker % 2 else "female"
                lines.append((name, f"s{speaker}", gender, emotion, f"t{take}"))
    table = folder / "utterances.csv"
    pd.DataFrame(lines, columns=["path", "speaker", "gender", "emotion", "sentence"]).to_csv(table, index=False)
    return table


def serbench(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(a) for a in arguments])
        except SystemExit as stop:
            return int(stop.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    code = "from serbench.benchmark.cli import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill_at(process: subprocess.Popen[bytes], run: Path, records: int) -> None:
    """Kill the process and its workers without warning, as soon as the run folder holds so many records."""
    while process.poll() is None and len(list((run / "records").glob("*.json"))) < records:
        time.sleep(0.005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
