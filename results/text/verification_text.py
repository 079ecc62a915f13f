"""What a verification found, in words."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..evidence.verification import RunFinding, Verification
from .grids import POINT, Document, Heading, Lines, Paragraph, Records

MOST = 20  # findings of one severity that are listed for a reader; all are in the other forms


def document(verifications: Sequence[Verification]) -> Document:
    """Folder by folder: what was read, what is wrong, what cannot be verified."""
    return Document(
        text=lambda width: [_paragraph(v) for v in verifications],
        records=lambda: _records(verifications),
        data=lambda: [_plain(v) for v in verifications],
    )


def _paragraph(v: Verification) -> Paragraph:
    files = ", ".join(f"{n} {name}" for name, n in v.files.items() if n and name != "locks")
    cells = f"{v.done} of {v.planned} planned cells are finished and whole"
    lines = [f"{files}. {cells}."]
    for severity, word in (("fault", "FAULT"), ("not verifiable", "not verifiable"), ("note", "note")):
        found = [f for f in v.findings if f.severity == severity]
        if severity == "not verifiable" and found:
            lines.append(f"{word}: {len(found)} files, of a format without seals ({found[0].file} ...)")
            continue
        lines += [f"{word}: {f.file}: {f.text}" for f in found[:MOST]]
        if len(found) > MOST:
            lines.append(f"{word}: {len(found) - MOST} more (--json has all)")
    return (Heading(f"{v.folder}: {_verdict(v)}"), Lines(tuple(lines), POINT))


def _verdict(v: Verification) -> str:
    faults = sum(f.severity == "fault" for f in v.findings)
    if faults:
        return f"{faults} {'fault' if faults == 1 else 'faults'}"
    old = any(f.severity == "not verifiable" for f in v.findings)
    return "nothing wrong was found, but not all of it can be verified" if old else "as it was written"


def _plain(v: Verification) -> dict[str, Any]:
    facts = {"folder": str(v.folder), "ok": v.ok, "files": v.files, "done": v.done, "planned": v.planned}
    return {**facts, "findings": [asdict(f) for f in v.findings]}


def _records(verifications: Sequence[Verification]) -> Records:
    rows: list[tuple[str, RunFinding]] = [(str(v.folder), f) for v in verifications for f in v.findings]
    return Records(("folder", "severity", "file", "text"), tuple((a, f.severity, f.file, f.text) for a, f in rows))
