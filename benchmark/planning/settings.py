"""`--set key=value`: options of the run, of the protocol (`noise.dir=...`) and of models (`mfcc-attention.lr=...`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import InputError, unknown
from ...protocols.parts.augment import EXPLAIN, NOTHING
from ...protocols.parts.protocol import Protocol

#: options of the run itself
RUN_OPTIONS = {
    "label_map": "the label map, instead of the protocol's own; of several, as A,B, one after the other",
    "rate_hz": "samples per second of all waveforms, instead of the protocol's own",
    "allow_pairs": "clips, A=B;C=D, that are no copies whatever their sound; --allow-pair takes files of them, too",
    "distinct": "true: names that differ in capitals or leading zeros alone are different",
}
#: what is done to training clips: `--set KEY` -> field of `Augment`
AUGMENT = {
    "train_snr": "snr", "train_noise": "noises", "train_noise_dir": "dir",
    **{f"augment.{name}": name for name in EXPLAIN if name not in ("snr", "noises", "dir", "content")},
}  # fmt: skip


@dataclass
class SettingsByOwner:
    """What the user set, by owner."""

    run: dict[str, str] = field(default_factory=dict)
    protocol: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    augment: dict[str, Any] = field(default_factory=dict)  # field of `Augment` -> value


def parse(assignments: Sequence[str], protocol: Protocol, models: Sequence[str]) -> SettingsByOwner:
    """Sort `key=value` by owner; ``models`` are the names of the models in the run.

    Raises InputError for a key that nobody owns, with the nearest one; a model checks its own settings' names.
    """
    settings = SettingsByOwner(models={name: {} for name in models})
    options = {f"{protocol.name}.{f.name}" for f in _fields(protocol.options)}
    texts: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        owner, dot, name = key.rpartition(".")
        if not equals or not key or not value:
            raise InputError(f"--set {assignment}: not of the form key=value, for instance mfcc-attention.lr=3e-4")
        if key in texts:
            raise InputError(f"--set {key}: given twice, {texts[key]} and {value}; give it once")
        texts[key] = value
        if key in RUN_OPTIONS:
            settings.run[key] = value
        elif key in AUGMENT:
            settings.augment[AUGMENT[key]] = augment_value(key, value)
        elif dot and owner == protocol.name:
            settings.protocol[name] = value
        elif dot and owner in settings.models:
            settings.models[owner][name] = value
        else:
            keys = {*RUN_OPTIONS, *AUGMENT, *options, *(f"{model}.SETTING" for model in models)}
            raise unknown("setting", key, keys)
    return settings


def is_distinct(settings: Mapping[str, str]) -> bool:
    """Whether names that may be one are two. InputError for another word than true or false."""
    text = settings.get("distinct", "false").lower()
    if text not in ("true", "false"):
        raise InputError(f"--set distinct={text}: write true or false")
    return text == "true"


def augment_value(key: str, text: str) -> Any:
    """The text of one of `AUGMENT` as a value of its field: ``5..20`` or ``10`` for train_snr, ``white,babble``, ..."""
    name = AUGMENT[key]
    try:
        if name == "snr":
            low, dots, high = text.partition("..")
            return (float(low), float(high if dots else low))
        if name == "noises":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return type(getattr(NOTHING, name))(text)
    except ValueError as error:
        form = "a level or a range in dB, as 5..20" if name == "snr" else f"a number: {EXPLAIN[name]}"
        raise InputError(f"{key}={text}: give {form}") from error


def complete_augment(augment: Mapping[str, Any]) -> dict[str, Any]:
    """With the hash of the recordings that training clips are heard in, if any."""
    if not augment.get("dir"):
        return dict(augment)
    from ..conditions.recordings import recordings

    return {**augment, "content": recordings(augment["dir"]).content}


def _fields(options: Any) -> tuple[Any, ...]:
    return fields(options)
