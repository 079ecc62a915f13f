"""All corpora at a glance: what can be read, what is built in, and what is prepared."""

from dataclasses import dataclass
from pathlib import Path

from ..corpora import synthetic
from ..corpora.facts import facts, names
from .home import Stored, stored


@dataclass(frozen=True, slots=True)
class Form:
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
class Line:
    """A corpus: complete counts (0: not known), language, license, prepared forms; ``kind`` says how it is read."""

    name: str
    kind: str  # folder, built in, table
    utterances: int
    speakers: int
    classes: int
    language: str
    license: str
    prepared: tuple[Form, ...]
    citation: str = ""  # what to cite, of corpora of others


def shelf(root: Path) -> list[Line]:
    """Corpora with facts, the built-in ones, then the user's own as far as they are prepared under ``root``."""
    forms: dict[str, list[Stored]] = {}
    for form in stored(root):
        forms.setdefault(form.name, []).append(form)
    lines = [_known(name, _forms(forms.pop(name, []))) for name in names()]
    lines += [_built_in(name, _forms(forms.pop(name, []))) for name in synthetic.NAMES]
    return lines + [_own(name, found) for name, found in sorted(forms.items())]


def _known(name: str, forms: tuple[Form, ...]) -> Line:
    f = facts(name)
    n_classes = len(f.counts["emotion"])
    return Line(name, "folder", f.utterances, f.n_speakers, n_classes, f.language, f.license, forms, f.citation)


def _built_in(name: str, forms: tuple[Form, ...]) -> Line:
    table = synthetic.table(name)
    speakers, classes = table["speaker"].nunique(), table["emotion"].nunique()
    language = ", ".join(sorted(table["language"].unique()))
    return Line(name, "built in", len(table), speakers, classes, language, "built in", forms)


def _own(name: str, found: list[Stored]) -> Line:
    newest = next((s.manifest for s in reversed(found) if s.manifest), None) or {}
    counts = (int(newest.get("utterances", 0)), int(newest.get("speakers", 0)), len(newest.get("classes", ())))
    return Line(name, "table", *counts, ", ".join(newest.get("languages", ())), "your own", _forms(found))


def _forms(found: list[Stored]) -> tuple[Form, ...]:
    return tuple(
        Form(m["rate_hz"], m["utterances"], s.size, m["fingerprint"], s.folder, s.state)
        if (m := s.manifest)
        else Form(0, 0, s.size, "", s.folder, s.state)
        for s in found
    )
