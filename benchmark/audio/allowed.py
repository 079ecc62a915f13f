"""Pairs of clips that somebody has heard and says are no copies: `--allow-pair` overrules what is found by sound."""

from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from ...errors import InputError, unknown

AllowedPairs = frozenset[tuple[str, str]]  # each sorted
NONE: AllowedPairs = frozenset()
BETWEEN = ";"  # pairs in one text


def read(words: Iterable[str]) -> str:
    """Words A=B, or names of files with such a pair per line (# begins a remark), as one text: ``A=B;C=D``.

    Raises InputError for a file that cannot be read, and for what is no pair.
    """
    found: list[tuple[str, str]] = []
    for word in words:
        path = Path(word)
        if "=" in word and not path.is_file():
            found.append(_pair(word, f"--allow-pair {word}"))
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise InputError(f"--allow-pair {word}: neither A=B nor a file of such lines ({error})") from error
        lines = [line.partition("#")[0].strip() for line in lines]
        found += [_pair(line, f"{word}, line {i}") for i, line in enumerate(lines, start=1) if line]
    return BETWEEN.join(f"{a}={b}" for a, b in dict.fromkeys(found))


def parse(text: str) -> AllowedPairs:
    """The pairs of a text that `read` gives. Raises InputError for another one."""
    return frozenset(_pair(pair, f"--set allow_pairs={pair}") for pair in text.split(BETWEEN) if pair.strip())


def check(pairs: AllowedPairs, ids: Container[str], audio: dict[str, str]) -> None:
    """InputError for a clip that is not there, and for two whose samples are the same: those cannot be apart."""
    for pair in sorted(pairs):
        for id in pair:
            if id not in ids:
                raise unknown("clip of --allow-pair", id, audio)
        if audio.get(pair[0], pair[0]) == audio.get(pair[1], pair[1]):
            raise InputError(f"--allow-pair {'='.join(pair)}: both have the same samples; only likeness can be allowed")


def note(pairs: AllowedPairs, still: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
    """The line that tables have below them; ``still``: those that other pairs connect nevertheless."""
    if not pairs:
        return ()
    said = ", ".join(f"{a} = {b}" for a, b in sorted(pairs))
    more = f"; one group still, through other copies: {', '.join(f'{a} = {b}' for a, b in still)}" if still else ""
    return (f"not held as copies, as --allow-pair says: {said}{more}",)


def _pair(text: str, where: str) -> tuple[str, str]:
    first, equals, second = (part.strip() for part in text.partition("="))
    if not (first and equals and second) or first == second or BETWEEN in text:
        raise InputError(f"{where}: '{text}' is no pair; write two clips as A=B, as the notes name them")
    return (first, second) if first < second else (second, first)
