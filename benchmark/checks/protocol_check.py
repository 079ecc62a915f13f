"""What every protocol must hold, built in or a stranger's, checked on the built-in corpora, in words."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import pandas as pd

from ...errors import InputError
from ...plugins import in_one_line, let_interruptions_pass
from ...protocols.parts.design import COLUMNS, Design, design
from ...protocols.parts.protocol import BASE, CLEAN, ROW_LEAKS, Arm, Fold, Protocol, copy_of, utterance_of
from ..corpora import synthetic

CORPORA = ("synth-a", "synth-b")
LONGEST = 120  # letters of a summary


@dataclass(frozen=True)
class ProtocolOutcome:
    """One check: what it demands, and what failed in words; '' where it holds."""

    check: str
    demands: str
    problem: str


@dataclass(frozen=True)
class ProtocolSubject:
    """A protocol with its options, the table of the built-in corpora, and the folds that it makes of them."""

    protocol: Protocol
    options: Any
    table: pd.DataFrame
    design: Design

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Those that it names itself; models as they are where models have them."""
        return (BASE,) if self.protocol.arms == "variants" else self.protocol.arms(self.options)


def outcomes(protocol: Protocol, options: Any = None, corpora: tuple[str, ...] = CORPORA) -> Iterator[ProtocolOutcome]:
    """Run the checks; what a check raises is its problem. One that makes no folds is asked no more.

    ``options`` are those of the protocol, by default its own; a protocol that needs some says which.
    """
    yield ProtocolOutcome("declares", (declares.__doc__ or "").partition("\n")[0], " ".join(declares(protocol)))
    table = built_in_table(corpora)
    options = protocol.options if options is None else options
    try:
        subject = ProtocolSubject(protocol, options, table, design(protocol, table, options=options))
    except BaseException as error:  # whatever a stranger's split does
        let_interruptions_pass(error)
        problem = str(error) if isinstance(error, InputError) else in_one_line(error)
        yield ProtocolOutcome("folds", "It makes folds of the built-in corpora.", problem)
        return
    yield ProtocolOutcome("folds", "It makes folds of the built-in corpora.", "")
    for name, check in CHECKS.items():
        try:
            problem = "; ".join(check(subject))
        except BaseException as error:  # whatever a stranger's arms and conditions do
            let_interruptions_pass(error)
            problem = in_one_line(error)
        yield ProtocolOutcome(name, (check.__doc__ or "").partition("\n")[0], problem)


def built_in_table(names: tuple[str, ...]) -> pd.DataFrame:
    """The labelled table of built-in corpora, as a run has it, with audio that nothing else has."""
    table = pd.concat([synthetic.table(name) for name in names])
    for column in ("audio_hash", "group"):
        table[column] = table["id"]
    for column in COLUMNS:
        if column not in table:
            table[column] = None
    return table.sort_values("id", ignore_index=True)


def fingerprint(made: Design) -> str:
    """A hash of all folds with what was found in them."""
    folds = [replace(fold, promises=tuple(sorted(fold.promises))) for fold in made.split.folds]  # type: ignore[arg-type]
    return hashlib.sha256(repr((folds, made.fold_leaks, made.notes, made.label_map)).encode()).hexdigest()


def declares(protocol: Protocol) -> list[str]:
    """It has a version and a short summary, and says of every kind of leak whether it promises or permits it."""
    problems = []
    if protocol.version < 1:
        problems.append(f"version {protocol.version}: give 1 or more")
    if not protocol.summary or len(protocol.summary) >= LONGEST or "\n" in protocol.summary:
        problems.append(f"summary: one line of less than {LONGEST} letters")
    if silent := [leak for leak in ROW_LEAKS if leak not in protocol.promises | protocol.permits]:
        problems.append(f"neither promised nor permitted: {', '.join(silent)}")
    if both := sorted(protocol.promises & protocol.permits):
        problems.append(f"promised and permitted: {', '.join(both)}")
    if protocol.null not in ("chance", "above", "either"):
        problems.append(f"null '{protocol.null}': chance, above or either")
    if not is_dataclass(protocol.options):
        problems.append("options: an instance of a frozen dataclass with defaults")
    return problems


def parts(subject: ProtocolSubject) -> Iterator[str]:
    """Train, dev and test of a fold share no row, lie in order, and name rows that there are."""
    utterances = set(subject.design.labelled.table["id"])
    for fold in subject.design.split.folds:
        chosen_on = set(fold.dev) & set(fold.test)
        rows = (*fold.train, *(row for row in fold.dev if row not in chosen_on), *fold.test)
        if not fold.train or not fold.test:
            yield f"{_name(fold)}: without {'train' if not fold.train else 'test'}"
        if chosen_on and "selection" not in subject.protocol.permits:
            yield f"{_name(fold)}: {len(chosen_on)} rows are in dev and test; permit the leak 'selection' or part them"
        if len(set(rows)) < len(rows):
            yield f"{_name(fold)}: {len(rows) - len(set(rows))} rows are there twice"
        if any(list(part) != sorted(part) for part in (fold.train, fold.dev, fold.test)):
            yield f"{_name(fold)}: rows that are not sorted"
        if odd := sorted({utterance_of(row) for row in rows} - utterances):
            yield f"{_name(fold)}: unknown utterances, {', '.join(odd[:3])}"
        if odd_copies := {copy_of(row) for row in rows} - {0, *dict(fold.copies)}:
            yield f"{_name(fold)}: copies {sorted(odd_copies)} that it does not say how to make"


def classes(subject: ProtocolSubject) -> Iterator[str]:
    """Rows of a fold have the classes that it names, and train has every one of them."""
    label = dict(zip(subject.design.labelled.table["id"], subject.design.labelled.table["label"], strict=True))
    for fold in subject.design.split.folds:
        in_rows = {label.get(utterance_of(row)) for row in (*fold.train, *fold.dev, *fold.test)}
        if in_rows != set(fold.classes) or fold.classes != tuple(sorted(fold.classes)):
            have = ", ".join(sorted(map(str, in_rows)))
            yield f"{_name(fold)}: names {', '.join(fold.classes)}; its rows have {have}"
        if lost := set(fold.classes) - {label.get(utterance_of(row)) for row in fold.train}:
            yield f"{_name(fold)}: {', '.join(sorted(lost))} missing from train"


def named(subject: ProtocolSubject) -> Iterator[str]:
    """Folds can be told apart by corpora, arm, name and repeat."""
    keys = [_name(fold) for fold in subject.design.split.folds]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        yield f"several folds are called {twice[0]}"


def leaks(subject: ProtocolSubject) -> Iterator[str]:
    """No fold has a leak that is not permitted, or that it promises not to have."""
    if odd := sorted(set(subject.design.leaks) - subject.protocol.permits):
        yield f"found but not permitted: {', '.join(odd)}"
    for fold, has in zip(subject.design.split.folds, subject.design.fold_leaks, strict=True):
        if broken := sorted(fold.promises & set(has)):
            yield f"{_name(fold)}: promises not to have {', '.join(broken)}"
        if beyond := sorted(fold.promises - subject.protocol.permits):
            yield f"{_name(fold)}: {', '.join(beyond)} is promised by the protocol already"


def pure(subject: ProtocolSubject) -> Iterator[str]:
    """The same table in another order, and asked again, gives the same folds."""
    shuffled = subject.table.sample(frac=1, random_state=0)
    first = fingerprint(subject.design)
    if fingerprint(design(subject.protocol, subject.table, options=subject.options)) != first:
        yield "asked twice, it makes other folds: draw from a stream that names protocol, corpus and repeat"
    elif fingerprint(design(subject.protocol, shuffled, options=subject.options)) != first:
        yield "the order of the table's lines changes the folds"


def conditions(subject: ProtocolSubject) -> Iterator[str]:
    """Clean test audio comes first, and no condition twice."""
    names = [condition.name for condition in subject.protocol.conditions(subject.options)]
    if names[:1] != [CLEAN.name]:
        yield f"the first condition is {names[0] if names else 'missing'}, not {CLEAN.name}"
    if len(set(names)) < len(names):
        yield "a condition is there twice"


def arms(subject: ProtocolSubject) -> Iterator[str]:
    """Arms have names of their own, the folds they need, and no practice whose leak is not permitted."""
    names = [arm.name for arm in subject.arms]
    if len(set(names)) < len(names):
        yield f"two arms have one name: {', '.join(names)}"
    with_folds = {fold.arm for fold in subject.design.split.folds}
    if odd := sorted(with_folds - {"", *names}):
        yield f"folds for arms that there are not: {', '.join(odd)}"
    for arm in subject.arms:
        if beyond := sorted(set(arm.practice.leaks) - subject.protocol.permits):
            yield f"arm '{arm.name}': {', '.join(beyond)} is not permitted"
    if not with_folds & {"", *names, *(arm.folds for arm in subject.arms)}:
        yield "no arm has a fold"


def chains(subject: ProtocolSubject) -> Iterator[str]:
    """A fold that begins with the weights of another comes after it."""
    before: set[tuple[str, str]] = set()
    for fold in subject.design.split.folds:
        if fold.after and (fold.arm, fold.after) not in before:
            yield f"{_name(fold)}: comes before '{fold.after}', with whose weights it begins"
        before.add((fold.arm, fold.name))


def _name(fold: Fold) -> str:
    arm = f" [{fold.arm}]" if fold.arm else ""
    repeat = f" repeat {fold.repeat + 1}" if fold.repeat else ""
    return f"{fold.train_name} -> {fold.test_name}{arm}, fold '{fold.name}'{repeat}"


#: name -> what the folds, arms and conditions of a protocol must hold: a line for whatever they do not
CHECKS: dict[str, Callable[[ProtocolSubject], Iterator[str]]] = {
    check.__name__: check for check in (parts, classes, named, leaks, pure, conditions, arms, chains)
}
