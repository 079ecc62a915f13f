"""The files that the campaign damages, and how: sounds in every container, tables, studies, label maps."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import soundfile

from serbench.protocols.parts import labels, studies
from serbench.tests.support import audio_files
from serbench.tests.support.tiny import tiny_corpus

_PLAN = ("plan", "--protocol", "random", "--model", "majority", "--corpus", "mine={}")
#: kind of file -> the command that reads it
READERS: dict[str, tuple[str, ...]] = {
    "corpus as CSV": _PLAN,
    "corpus as TSV": _PLAN,
    "corpus as JSON": _PLAN,
    "corpus as JSON Lines": _PLAN,
    "corpus as Parquet": _PLAN,
    "list for audit": ("audit", "{}"),
    "predictions as CSV": ("score", "{}"),
    "predictions as Parquet": ("score", "{}"),
    "study": ("studies", "show", "{}"),
    "label map": ("plan", "--protocol", "random", "--model", "majority", "--corpus", "synth-a", "--label-map", "{}"),
}


def tables(folder: Path) -> dict[str, Path]:
    """An undamaged file of each kind."""
    csv = tiny_corpus(folder, speakers=4, takes=4)
    frame = pd.read_csv(csv)
    files = {"corpus as CSV": csv}
    frame.to_csv(folder / "list.tsv", sep="\t", index=False)
    frame.to_json(folder / "list.json", orient="records")
    frame.to_json(folder / "list.jsonl", orient="records", lines=True)
    frame.to_parquet(folder / "list.parquet")
    names = ("TSV", "JSON", "JSON Lines", "Parquet")
    files |= {
        f"corpus as {n}": folder / f"list.{e}" for n, e in zip(names, ("tsv", "json", "jsonl", "parquet"), strict=True)
    }
    parts = ["train" if k % 3 else "test" for k in range(len(frame))]
    frame.assign(split=parts).to_csv(folder / "split.csv", index=False)
    guesses = frame.assign(truth=frame["emotion"], guess=list(frame["emotion"][::-1]))[
        ["path", "speaker", "truth", "guess"]
    ]
    guesses.to_csv(folder / "scored.csv", index=False)
    guesses.to_parquet(folder / "scored.parquet")
    shutil.copy(str(studies._FOLDER / "X2.toml"), folder / "own.toml")
    shutil.copy(str(labels._FOLDER / "basic4.toml"), folder / "map.toml")
    return files | {
        "list for audit": folder / "split.csv",
        "predictions as CSV": folder / "scored.csv",
        "predictions as Parquet": folder / "scored.parquet",
        "study": folder / "own.toml",
        "label map": folder / "map.toml",
    }


def sounds(folder: Path) -> dict[str, Path]:
    """A sound in every container and encoding that is read."""
    folder.mkdir(parents=True)
    files = {}
    for container, encoding, ending, _ in audio_files.FORMS:
        path = folder / f"{container}-{encoding}.{ending}"
        soundfile.write(path, audio_files.tone(), audio_files.RATE, format=container, subtype=encoding)
        files[f"{container}, {encoding}"] = path
    for codec, ending in audio_files.CODECS:
        path = folder / f"{codec}.{ending}"
        audio_files.encode(path, audio_files.tone(), codec)
        files[f"{ending}, {codec}"] = path
    return files


def damages(path: Path, n: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """``n`` damaged contents of a file, each with what was done; all unlike the content."""
    content = path.read_bytes()
    made = 0
    while made < n:
        what = rng.choice(("a bit", "cut", "zeros", "noise", "doubled", "empty", "JSON"))
        place, size = rng.randrange(len(content)), rng.randint(1, max(1, len(content) // 4))
        if what == "a bit":
            other = content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
        elif what == "cut":
            other = content[:place]
        elif what in ("zeros", "noise"):
            block = bytes(size) if what == "zeros" else rng.randbytes(size)
            other = content[:place] + block + content[place + size :]
        elif what == "doubled":
            other = content[: place + size] + content[place:]
        else:
            other = b"" if what == "empty" else json.dumps({"a": [None, "="]}).encode()
        if other != content:
            made += 1
            yield f"{what} at {place}", other
