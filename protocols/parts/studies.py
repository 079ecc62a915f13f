"""Studies: questions as data. A TOML file says what is asked, what runs, what is measured and which test answers.

``name``, ``question``, ``source`` (the citation), ``kind`` of question, ``protocol`` (one or several, run one after
another), ``models``, ``corpora``, ``seeds``, ``settings`` (as ``--set`` takes them), ``[[arms]]`` (where the protocol
compares something itself: combined with its arms), ``metric``, ``test`` with ``base`` and ``levels`` (the primary
test), ``[[also]]`` for secondary tests, ``margin`` (points within which differences are taken as none), ``notes`` (what
of the question is not in it) and ``missing`` (what serbench lacks to run it).
``[quick]`` replaces any of `FORM` for a run of two minutes. An arm has a ``name``, and ``settings``, ``variants``, a
``model`` (empty: all), ``train_snr``, ``train_noise``, ``train_noise_dir`` and ``augment``, a table.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...errors import InputError, at_home, toml_of, unknown
from . import catalog

KINDS = (
    "open question", "next check", "first experiment", "claim", "limitation", "failure sign", "design choice",
    "contradiction", "forensic check",
)  # fmt: skip
#: what is run and tested, in a quick form too
FORM = ("protocol", "models", "corpora", "seeds", "settings", "arms", "test", "base", "levels", "also")
_TEXTS = ("name", "question", "source", "kind")
_KEYS = (*_TEXTS, "metric", "margin", *FORM, "notes", "missing", "quick")
_TEST_KEYS = ("test", "base", "levels")
_TRAINING = ("train_snr", "train_noise", "train_noise_dir")
_ARM_KEYS = ("name", "settings", "variants", "model", *_TRAINING, "augment")
_FOLDER = files("serbench.protocols") / "studies"
MARGIN = 1.0  # points
_NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class StudyArm:
    """An arm as text. ``training``: ``--set`` keys of what is done to training clips, with their values."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = ()
    model: str = ""
    training: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StudyTest:
    """A test by name, and what it compares: arms, models, labels or conditions (empty: what it does by itself)."""

    test: str
    base: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyForm:
    """What is run, and the tests of it, the primary one first."""

    protocols: tuple[str, ...]
    models: tuple[str, ...]
    corpora: tuple[str, ...]
    seeds: int = 1
    settings: tuple[str, ...] = ()
    arms: tuple[StudyArm, ...] = ()
    tests: tuple[StudyTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """A question and how it is answered; ``quick`` is None where there is no quick form.

    One that serbench cannot run may have no metric and no test. ``margin``: in points. ``file``: of one that does not
    ship.
    """

    name: str
    question: str
    source: str
    kind: str
    metric: str
    full: StudyForm
    quick: StudyForm | None
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    file: str = ""
    margin: float = MARGIN

    def form(self, quick: bool) -> StudyForm:
        """What is run. InputError where there is no quick form."""
        if not quick:
            return self.full
        if self.quick is None:
            raise InputError(f"study {self.name}: has no quick form; leave out --quick")
        return self.quick


def names() -> tuple[str, ...]:
    """The studies that ship, by paper and number."""
    stems = (f.name.removesuffix(".toml") for f in _FOLDER.iterdir() if f.name.endswith(".toml"))
    return tuple(sorted(stems, key=lambda name: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", name)]))


def find(name_or_path: str) -> Study:
    """A study by name (whatever its case) or by the path of its file. InputError where there is none."""
    shipped = {name.casefold(): name for name in names()}
    if name_or_path.casefold() in shipped:
        return load(shipped[name_or_path.casefold()])
    path = at_home(Path(name_or_path))
    if path.is_file():
        return replace(read(path.read_bytes(), str(path)), file=name_or_path)
    if path.suffix == ".toml":
        raise InputError(f"{name_or_path}: there is no such file; the studies that ship: {', '.join(names())}")
    raise unknown("study", name_or_path, names())


@cache
def load(name: str) -> Study:
    """One of those that ship."""
    return read((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), f"study {name}")


def read(text: str | bytes, where: str) -> Study:
    """A study from the text of its file; InputError for whatever is unknown, missing or of another type."""
    facts = toml_of(text, where)
    _known(facts, _KEYS, where)
    texts = {key: _text(facts.get(key), f"{where}: {key}") for key in _TEXTS}
    if not _NAME.fullmatch(texts["name"]):
        raise InputError(f"{where}: name '{texts['name']}': letters and digits, joined by '-'")
    if texts["kind"] not in KINDS:
        raise InputError(f"{where}: {unknown('kind of question', texts['kind'], KINDS)}")
    missing = _list(facts.get("missing", []), f"{where}: missing")
    full = _form(facts, StudyForm((), (), ()), where)
    if not missing:
        _whole(full, where)
        if "metric" not in facts or not full.tests:
            raise InputError(f"{where}: no {'test' if 'metric' in facts else 'metric'}: what answers the question?")
    return Study(
        **texts, metric=_text(facts["metric"], f"{where}: metric") if "metric" in facts else "", full=full,
        quick=_quick(facts.get("quick"), full, where), notes=_list(facts.get("notes", []), f"{where}: notes"),
        missing=missing, margin=_margin(facts.get("margin", MARGIN), f"{where}: margin"),
    )  # fmt: skip


def _quick(facts: Any, full: StudyForm, where: str) -> StudyForm | None:
    if facts is None:
        return None
    where = f"{where}: quick"
    if not isinstance(facts, dict):
        raise InputError(f"{where}: a table, [quick]")
    _known(facts, FORM, where)
    form = _form(facts, full, where)
    _whole(form, where)
    return form


def _form(facts: Mapping[str, Any], form: StudyForm, where: str) -> StudyForm:
    """``form`` with what ``facts`` say."""
    changes: dict[str, Any] = {}
    if "protocol" in facts:
        listed = [facts["protocol"]] if isinstance(facts["protocol"], str) else facts["protocol"]
        changes["protocols"] = _list(listed, f"{where}: protocol")
        for name in changes["protocols"]:
            if name not in catalog.protocols():
                raise InputError(f"{where}: {unknown('protocol', name, catalog.protocols())}")
    for key in ("models", "corpora", "settings"):
        if key in facts:
            changes[key] = _list(facts[key], f"{where}: {key}")
    if "seeds" in facts:
        changes["seeds"] = facts["seeds"]
        if type(facts["seeds"]) is not int or facts["seeds"] < 1:
            raise InputError(f"{where}: seeds: a whole number of at least 1, not {facts['seeds']!r}")
    if "arms" in facts:
        changes["arms"] = _arms(facts["arms"], where)
    return replace(form, tests=_tests(facts, form.tests, where), **changes)


def _tests(facts: Mapping[str, Any], tests: tuple[StudyTest, ...], where: str) -> tuple[StudyTest, ...]:
    """The primary test and the secondary ones; what ``facts`` do not say stays."""
    main, others = tests[:1], tests[1:]
    changes = {key: facts[key] for key in _TEST_KEYS if key in facts}
    if changes:
        before = {"test": main[0].test, "base": main[0].base, "levels": list(main[0].levels)} if main else {}
        main = (_test({**before, **changes}, where),)
    if "also" in facts:
        if not isinstance(facts["also"], list) or not main:
            raise InputError(f"{where}: also: tables, each begins with [[also]], beside a test")
        others = tuple(_test(one, f"{where}: also {number}") for number, one in enumerate(facts["also"], start=1))
    return (*main, *others)


def _test(facts: Any, where: str) -> StudyTest:
    if not isinstance(facts, dict):
        raise InputError(f"{where}: {facts!r} is no table with test, base and levels")
    _known(facts, _TEST_KEYS, where)
    base = _text(facts["base"], f"{where}: base") if facts.get("base") else ""
    return StudyTest(
        _text(facts.get("test"), f"{where}: test"), base, _list(facts.get("levels", []), f"{where}: levels")
    )


def _whole(form: StudyForm, where: str) -> None:
    for key in ("protocols", "models", "corpora"):
        if not getattr(form, key):
            raise InputError(
                f"{where}: no {key.removesuffix('s') if key == 'protocols' else key}; it needs some to run"
            )


def _arms(facts: Any, where: str) -> tuple[StudyArm, ...]:
    if not isinstance(facts, list) or not all(isinstance(arm, dict) for arm in facts):
        raise InputError(f"{where}: arms: tables, each begins with [[arms]]")
    arms = tuple(_arm(arm, f"{where}: arm {number}") for number, arm in enumerate(facts, start=1))
    seen: set[tuple[str, str]] = set()
    for arm in arms:
        if (arm.name, arm.model) in seen:
            raise InputError(f"{where}: two arms are called '{arm.name}'; give every arm its own name")
        seen.add((arm.name, arm.model))
    return arms


def _arm(facts: Mapping[str, Any], where: str) -> StudyArm:
    _known(facts, _ARM_KEYS, where)
    settings, augment = (_table(facts.get(key, {}), f"{where}: {key}") for key in ("settings", "augment"))
    training = [(key, _value(facts[key], f"{where}: {key}")) for key in _TRAINING if key in facts]
    return StudyArm(
        _text(facts.get("name"), f"{where}: name"),
        settings,
        _list(facts.get("variants", []), f"{where}: variants"),
        _text(facts["model"], f"{where}: model") if "model" in facts else "",
        (*training, *((f"augment.{key}", value) for key, value in augment)),
    )


def _margin(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not 0 < value < 100:
        raise InputError(f"{where}: points between 0 and 100, not {value!r}")
    return float(value)


def _known(facts: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in facts:
        if key not in keys:
            raise InputError(f"{where}: {unknown('key', key, keys)}")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {'missing' if value is None else repr(value)}; it needs a text")
    return " ".join(value.split())


def _list(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{where}: {value!r} is no list of texts")
    return tuple(_text(item, where) for item in value)


def _table(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: {value!r} is no table, as {{ lr = 1e-3 }}")
    return tuple((key, _value(item, f"{where}: {key}")) for key, item in value.items())


def _value(value: Any, where: str) -> str:
    """As ``--set`` takes it: lists with commas, true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_value(item, where) for item in value)
    if isinstance(value, (str, int, float)):
        return str(value)
    raise InputError(f"{where}: {value!r} is no text, number, true, false or list of these")
