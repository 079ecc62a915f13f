"""The plan of a study, frozen before it is run: a dated TOML file with the SHA-256 of what it says.

The hash shows a change of the file; that nobody wrote a date of their own, only a copy kept elsewhere shows.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...errors import InputError, toml_of
from ...protocols.parts.studies import StudyTest
from .study import StudyRequest

FORMAT = 1  # of the file
#: what a frozen plan says, and of which type
_KEYS: dict[str, type] = {
    "format": int, "serbench": str, "date": str, "study": str, "question": str, "quick": bool, "protocols": list,
    "models": list, "corpora": list, "fingerprints": dict, "arms": list, "settings": list, "seeds": int, "metric": str,
    "margin": float, "primary": dict, "secondary": list,
}  # fmt: skip
#: what a run may have otherwise, in the words of the answer
_COMPARED = {
    "study": "study", "protocols": "protocols", "models": "models", "corpora": "corpora", "arms": "arms",
    "settings": "settings", "seeds": "seeds", "metric": "metric", "margin": "margin",
    "secondary": "secondary tests",
}  # fmt: skip
_SHOWN = 3  # of a list that differs


@dataclass(frozen=True)
class FrozenPlan:
    """What a frozen plan says, and the hash that its file has."""

    content: Mapping[str, Any]
    sha256: str

    @property
    def study(self) -> str:
        """The study's name."""
        return str(self.content["study"])

    @property
    def date(self) -> str:
        """When it was frozen, UTC."""
        return str(self.content["date"])

    @property
    def intact(self) -> bool:
        """Whether it says what it said when it was hashed."""
        return self.sha256 == digest(self.content)

    def text(self) -> str:
        """As TOML; a hash at its end."""
        lines = [f"{key} = {_toml(value)}" for key, value in self.content.items()]
        return "\n".join(["# a plan, frozen before the run; `serbench run STUDY --frozen FILE` holds to it", *lines,
                          f'sha256 = "{self.sha256}"', ""])  # fmt: skip

    def stored(self) -> dict[str, Any]:
        """As a run folder keeps it."""
        return {**self.content, "sha256": self.sha256}


def freeze(request: StudyRequest, quick: bool = False) -> FrozenPlan:
    """The plan of a study as it is asked for, dated now; with the fingerprints of corpora that are prepared here."""
    content = {
        "format": FORMAT,
        "serbench": version("serbench"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "question": request.study.question,
        "quick": quick,
        **plan_of(request),
        "fingerprints": fingerprints(request.form.corpora),
    }
    content = {key: content[key] for key in _KEYS}
    return FrozenPlan(content, digest(content))


def write(plan: FrozenPlan, path: Path) -> None:
    """Write a plan to a new file. Raises InputError where there is one, or it cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(plan.text())
    except FileExistsError:
        raise InputError(f"{path}: is there already, and a frozen plan is not written anew; give --out") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def read(path: Path) -> FrozenPlan:
    """The plan of a file, whether or not it was changed. Raises InputError for a file that holds none."""
    try:
        facts = toml_of(path.read_bytes(), f"{path}: no frozen plan")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if type(facts.get("format")) is int and facts["format"] > FORMAT:
        raise InputError(
            f"{path}: frozen by serbench {facts.get('serbench')}, in format {facts['format']}; this one reads {FORMAT}"
        )
    for key, kind in {**_KEYS, "sha256": str}.items():
        if type(facts.get(key)) is not kind:
            problem = f"{key} is missing" if key not in facts else f"{key} is {facts[key]!r}"
            raise InputError(f"{path}: no frozen plan: {problem}; `serbench studies freeze STUDY` writes one")
    try:
        when = datetime.fromisoformat(facts["date"])
        texts = [*facts["protocols"], *facts["models"], *facts["corpora"], *facts["settings"]]
        tests = [facts["primary"], *facts["secondary"]]
        named = [arm["name"] for arm in facts["arms"]] + [test["test"] for test in tests]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no frozen plan: {error}; `serbench studies freeze STUDY` writes one") from error
    if when.tzinfo is None or not all(isinstance(text, str) for text in (*texts, *named)):
        raise InputError(f"{path}: no frozen plan: a date without its zone, or a name that is no text")
    sha256 = facts.pop("sha256")
    return FrozenPlan(facts, sha256)


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of what a plan says, whatever its file looks like."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def plan_of(request: StudyRequest) -> dict[str, Any]:
    """What of a study is compared with a frozen plan; corpora by their names, wherever they lie."""
    form = request.form
    primary, *secondary = map(_test, form.tests) if form.tests else ({},)
    arms = [
        {"name": arm.name, "model": arm.model, "variants": list(arm.variants),
         "settings": dict(arm.settings), "training": dict(arm.training)}
        for arm in form.arms
    ]  # fmt: skip
    return {
        "study": request.study.name,
        "protocols": list(form.protocols),
        "models": list(form.models),
        "corpora": [spec.partition("=")[0] for spec in form.corpora],
        "arms": arms,
        "settings": list(form.settings),
        "seeds": form.seeds,
        "metric": request.study.metric,
        "margin": request.study.margin,
        "primary": primary,
        "secondary": secondary,
    }


def fingerprints(specs: Sequence[str]) -> dict[str, str]:
    """Of the corpora that are prepared here, or built in."""
    from ..prepared.corpus import open_corpus
    from .study_needs import is_prepared

    found = {}
    for spec in specs:
        if is_prepared(spec):
            try:
                corpus = open_corpus(spec)
            except InputError:  # prepared from a folder that is not there any more
                continue
            found[corpus.name] = corpus.fingerprint
    return found


def differences(frozen: Mapping[str, Any], request: StudyRequest) -> list[str]:
    """What a study asks for otherwise than its frozen plan, a text for each."""
    now = plan_of(request)
    found = [_difference(word, frozen[key], now[key]) for key, word in _COMPARED.items() if frozen[key] != now[key]]
    before, after = frozen["primary"], now["primary"]
    if before != after:
        same = before.get("test") == after.get("test")
        found.append(
            f"base or levels of the primary test {after.get('test')}"
            if same
            else f"primary test {after.get('test')} instead of {before.get('test')}"
        )
    return found


def other_data(frozen: Mapping[str, Any], used: Mapping[str, str]) -> list[str]:
    """Corpora of a run (name -> fingerprint) that are not those of the frozen plan."""
    planned = frozen["fingerprints"]
    return [f"{name} with another content" for name, print_ in used.items() if planned.get(name, print_) != print_]


def _difference(word: str, before: Any, after: Any) -> str:
    if not isinstance(before, list):
        return f"{word} {after} instead of {before}"
    gone, new = ([_name(x) for x in one if x not in other] for one, other in ((before, after), (after, before)))
    changed = [name for name in new if name in gone]
    words = [
        f"{how} {_some(names)}"
        for how, names in (
            ("without", [name for name in gone if name not in changed]),
            ("with", [name for name in new if name not in changed]),
            ("otherwise in", changed),
        )
        if names
    ]
    return f"{word} {', '.join(words) or 'in another order'}"


def _name(item: Any) -> str:
    return str(item.get("name") or item.get("test")) if isinstance(item, dict) else str(item)


def _some(names: Sequence[str]) -> str:
    shown = list(dict.fromkeys(names))
    more = len(shown) - _SHOWN
    return "; ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _test(one: StudyTest) -> dict[str, Any]:
    return {**asdict(one), "levels": list(one.levels)}


def _toml(value: Any) -> str:
    """A value as TOML; lists of tables with a line for each."""
    if isinstance(value, dict):
        items = [f"{_toml(key)} = {_toml(item)}" for key, item in value.items()]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return "[\n" + "".join(f"    {_toml(item)},\n" for item in value) + "]"
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
