"""All corpora at a glance: what can be read, what is built in, and what is prepared."""

from dataclasses import dataclass
from pathlib import Path

from ..corpora import synthetic
from ..corpora.registry import CorpusCard, broken, cards
from .home import PreparedForm, stored


@dataclass(frozen=True, slots=True)
class ShelfForm:
    """One prepared form of a corpus; ``state`` is empty where it can be used."""

    rate_hz: int
    utterances: int
    bytes: int
    fingerprint: str
    folder: Path
    state: str = ""

    def __str__(self) -> str:
        size = f"{self.bytes / 1e6:.0f} MB"
        return f"{self.state}, {size}" if self.state else f"{self.utterances} at {self.rate_hz} Hz, {size}"


@dataclass(frozen=True, slots=True)
class ShelfLine:
    """A corpus: complete counts (0: not known), language, license, prepared forms; ``kind`` says how it is read.

    ``provider`` is who brings it; ``problem`` says why it cannot be used.
    """

    name: str
    kind: str  # folder, built in, table
    utterances: int
    speakers: int
    classes: int
    language: str
    license: str
    prepared: tuple[ShelfForm, ...]
    citation: str = ""  # what to cite, of corpora of others
    provider: str = "serbench"
    problem: str | None = None


def shelf(root: Path) -> list[ShelfLine]:
    """Corpora with facts, the built-in ones, the broken, then the user's own as far as they lie under ``root``."""
    forms: dict[str, list[PreparedForm]] = {}
    for form in stored(root):
        forms.setdefault(form.name, []).append(form)
    lines = [_released(card, _forms(forms.pop(name, []))) for name, card in cards().items()]
    lines += [_built_in(name, _forms(forms.pop(name, []))) for name in synthetic.NAMES]
    lines += [_broken(name, why, _forms(forms.pop(name, []))) for name, why in broken().items()]
    return lines + [_own(name, of_corpus) for name, of_corpus in sorted(forms.items())]


def _released(card: CorpusCard, forms: tuple[ShelfForm, ...]) -> ShelfLine:
    f = card.facts
    counts = (f.utterances, f.n_speakers, len(f.counts["emotion"]))
    return ShelfLine(f.name, "folder", *counts, f.language, f.license, forms, f.citation, card.provider)


def _broken(name: str, why: str, forms: tuple[ShelfForm, ...]) -> ShelfLine:
    return ShelfLine(name, "folder", 0, 0, 0, "", "", forms, problem=why)


def _built_in(name: str, forms: tuple[ShelfForm, ...]) -> ShelfLine:
    table = synthetic.table(name)
    speakers, classes = table["speaker"].nunique(), table["emotion"].nunique()
    language = ", ".join(sorted(table["language"].unique()))
    return ShelfLine(name, "built in", len(table), speakers, classes, language, "built in", forms)


def _own(name: str, forms: list[PreparedForm]) -> ShelfLine:
    newest = next((s.manifest for s in reversed(forms) if s.manifest), None) or {}
    counts = (int(newest.get("utterances", 0)), int(newest.get("speakers", 0)), len(newest.get("classes", ())))
    languages = ", ".join(newest.get("languages", ()))
    return ShelfLine(name, "table", *counts, languages, "your own", _forms(forms), provider="your own")


def _forms(prepared: list[PreparedForm]) -> tuple[ShelfForm, ...]:
    return tuple(
        ShelfForm(m["rate_hz"], m["utterances"], s.size, m["fingerprint"], s.folder, s.state)
        if (m := s.manifest)
        else ShelfForm(0, 0, s.size, "", s.folder, s.state)
        for s in prepared
    )
