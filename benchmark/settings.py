"""`--set key=value`: options of the run, of the protocol (`noise.dir=...`) and of models (`mfcc-attention.lr=...`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import InputError, unknown
from ..protocols.protocol import Protocol

#: options of the run itself
RUN_OPTIONS = {"label_map": "the label map, instead of the protocol's own"}


@dataclass
class Given:
    """What the user set, by owner."""

    run: dict[str, str] = field(default_factory=dict)
    protocol: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)


def parse(assignments: Sequence[str], protocol: Protocol, models: Sequence[str]) -> Given:
    """Sort `key=value` by owner; ``models`` are the names of the models in the run.

    Raises InputError for a key that nobody owns, with the nearest one; a model checks its own settings' names.
    """
    given = Given(models={name: {} for name in models})
    options = {f"{protocol.name}.{f.name}" for f in _fields(protocol.options)}
    seen: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        owner, dot, name = key.rpartition(".")
        if not equals or not key or not value:
            raise InputError(f"--set {assignment}: not of the form key=value, for instance mfcc-attention.lr=3e-4")
        if key in seen:
            raise InputError(f"--set {key}: given twice, {seen[key]} and {value}; give it once")
        seen[key] = value
        if key in RUN_OPTIONS:
            given.run[key] = value
        elif dot and owner == protocol.name:
            given.protocol[name] = value
        elif dot and owner in given.models:
            given.models[owner][name] = value
        else:
            known = {*RUN_OPTIONS, *options, *(f"{model}.SETTING" for model in models)}
            raise unknown("setting", key, known)
    return given


def _fields(options: Any) -> tuple[Any, ...]:
    return fields(options)
