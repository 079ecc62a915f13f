"""The utterance table: one line per clip, the same columns for every corpus."""

import pandas as pd

from ...errors import InputError
from ...identities import spelled

#: strings or null, except ``path``: absolute. ``speaker`` is unique over corpora: ``corpus/label``. ``emotion`` is
#: the corpus's own class in canonical English (angry happy sad neutral fear disgust surprise calm boredom excited
#: frustrated other). ``sentence`` names the text, so that equal sentences are equal strings within a corpus. ``video``:
#: where the pictures of a clip lie, if not in ``path``; as `excerpt.Excerpt` reads it.
COLUMNS = (
    "id", "path", "corpus", "speaker", "gender", "language", "emotion", "sentence",
    "session", "dialogue", "intensity", "transcript", "official_split", "video",
)  # fmt: skip
_NAMES = ("id", "speaker", "emotion", "sentence", "session", "dialogue")  # equal in any spelling
REQUIRED = ("id", "path", "corpus", "speaker", "emotion")


def utterance_table(rows: list[dict[str, str | None]], corpus: str, where: str) -> pd.DataFrame:
    """The table of ``rows`` (without ``corpus``; ``speaker`` as the corpus labels it), sorted by id.

    Raises InputError when two clips share an id (for instance ``a.wav`` beside ``a.flac``).
    """
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "corpus"]).astype(object)
    table = table.where(table.notna(), None)
    for column in _NAMES:
        names = [spelled(name) or None if isinstance(name, str) else name for name in table[column]]
        table[column] = pd.Series(names, table.index, dtype=object)
    table["corpus"] = corpus
    table["id"] = corpus + "/" + table["id"]
    table["speaker"] = [None if s is None else f"{corpus}/{s}" for s in table["speaker"]]
    doubled = table.loc[table["id"].duplicated(keep=False)]
    if len(doubled):
        raise InputError(
            f"{where}: two files for one utterance: {', '.join(sorted(doubled['path'])[:4])}; keep one of them"
        )
    return table[list(COLUMNS)].sort_values("id", ignore_index=True)
