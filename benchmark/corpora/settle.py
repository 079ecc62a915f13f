"""What was read of a corpus, settled: speakers that nobody knows are nobody, spellings of one class are one."""

from collections import Counter
from collections.abc import Collection

import pandas as pd

from ...emotion_words import emotion, one_spelling
from ...errors import named
from ...identities import is_unknown
from .folder import Reading


def nobody(reading: Reading, corpus: str, unknown: Collection[str] = ()) -> Reading:
    """The table without names that name nobody: words for it, and ``unknown`` ones of the corpus; they are counted."""
    table, notes = reading
    speaker = table["speaker"].astype(object).where(table["speaker"].notna(), None)
    bare = [None if name is None else str(name).removeprefix(f"{corpus}/") for name in speaker]
    odd = [name is not None and (is_unknown(name) or name in unknown) for name in bare]
    if not any(odd):
        return reading
    counts = Counter(name for name, gone in zip(bare, odd, strict=True) if gone)
    words = named((f"'{word}' ({n})" for word, n in counts.most_common()), 3)
    note = f"{corpus}: {counts.total()} of {len(table)} utterances have no speaker that is known: {words}"
    return table.assign(speaker=speaker.mask(pd.Series(odd, table.index), None)), (*notes, note)


def one_class(reading: Reading, corpus: str) -> Reading:
    """The table with one spelling for each class, and notes on what may be one, or none."""
    table, notes = reading
    counts = Counter(table["emotion"].dropna())
    one = one_spelling(counts)
    if several := [f"{word} as {name}" for word, name in sorted(one.items()) if word != name]:
        notes = (*notes, f"{corpus}: spellings of one class: {named(several)}")
        table = table.assign(emotion=table["emotion"].map(one).astype(object))
    names: dict[str, list[str]] = {}
    for name in sorted(set(one.values())):
        names.setdefault(emotion(name) or name, []).append(name)
    if alike := [named(some, between=" and ") for some in names.values() if len(some) > 1]:
        notes = (*notes, f"{corpus}: classes that may be one: {named(alike)}; a label map says so")
    if odd := [f"'{word}' ({counts[word]})" for word in sorted(counts) if is_unknown(word)]:
        notes = (*notes, f"{corpus}: taken as a class: {named(odd)}")
    return table, notes
