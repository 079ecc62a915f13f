"""From a request to an experiment: protocol, options and models under their arms, checked before a corpus is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...baselines.registry import anywhere, cards, choose, name_of
from ...errors import InputError
from ...protocols.parts.catalog import find
from ...protocols.parts.design import options_from
from ...protocols.parts.protocol import Condition, Protocol
from ..audio import allowed
from ..audio.allowed import NONE, AllowedPairs
from ..conditions.kinds import RESPONSE, complete
from ..conditions.recordings_check import RecordingsUse, check_recordings
from ..prepared import modalities
from .arms import ArmSource, Choice, arms_of_run
from .request import Request, unique
from .settings import complete_augment, is_distinct, parse

LEAST_RATE, MOST_RATE = 4_000, 192_000


@dataclass(frozen=True)
class Experiment:
    """A request whose names and values fit each other."""

    request: Request
    protocol: Protocol
    options: Any
    label_map: str | None
    rate_hz: int
    choices: list[Choice]
    distinct: bool = False
    allowed: AllowedPairs = NONE

    def conditions(self) -> list[Condition]:
        """What is done to the test rows. InputError where recordings are not there, or a model would notice nothing."""
        conditions = [complete(condition) for condition in self.protocol.conditions(self.options)]
        of_face = [c.name for c in conditions if modalities.modality_of(c.kind) == "face"]
        for choice in self.choices if of_face else ():
            if "face" not in modalities.needs(choice.chosen):
                spec = choice.chosen.spec
                raise InputError(f"{spec}: sees no face, so {of_face[0]} changes nothing; choose a model that does")
        return conditions

    def of_recordings(self, conditions: Sequence[Condition]) -> tuple[str, ...]:
        """Notes about the recordings that test and training clips are heard in.

        InputError for recordings that cannot be used: all are heard now, before anything is trained.
        """
        uses: dict[tuple[str, RecordingsUse], None] = {}
        for condition in conditions:
            if condition.source:
                uses[condition.source, "response" if condition.kind == RESPONSE else "test"] = None
        for choice in self.choices:
            if choice.arm.augment.dir:
                uses[choice.arm.augment.dir, "train"] = None
        return tuple(dict.fromkeys(note for source, use in uses for note in check_recordings(source, use)))


def check(request: Request) -> Experiment:
    """The protocol with its options, and the models under its arms. Raises InputError for whatever does not fit."""
    if request.seeds < 1:
        raise InputError(f"--seeds {request.seeds}: at least one seed is needed")
    protocol = find(request.protocol)
    names = [name_of(spec) for spec in request.models]
    settings = parse(request.settings, protocol, names)
    models = [(anywhere(spec), settings.models[name]) for spec, name in zip(request.models, names, strict=True)]
    unique("--model", [choose(spec, overrides).spec for spec, overrides in models])
    unique("--corpus", [spec.partition("=")[0] for spec in request.corpora])
    options = options_from(protocol, settings.protocol)
    source = ArmSource(protocol, options, request.arms, complete_augment(settings.augment))
    _check_models_of_arms(source, names)
    choices = arms_of_run(source, models)
    _check_variants(protocol, choices)
    return Experiment(
        request, protocol, options, settings.run.get("label_map"), _rate(settings.run, protocol), choices,
        is_distinct(settings.run), allowed.parse(settings.run.get("allow_pairs", "")),
    )  # fmt: skip


def _rate(settings: Mapping[str, str], protocol: Protocol) -> int:
    """Samples per second: as the user says, else the protocol's. InputError for what no waveform can have."""
    text = settings.get("rate_hz", str(protocol.rate_hz))
    if not text.isascii() or not text.isdigit() or not LEAST_RATE <= int(text) <= MOST_RATE:
        raise InputError(
            f"--set rate_hz={text}: give a whole number from {LEAST_RATE} to {MOST_RATE}, samples per second"
        )
    return int(text)


def _check_models_of_arms(source: ArmSource, names: Sequence[str]) -> None:
    """InputError where arms of the protocol set a model that there is, but not in the run.

    A study may have arms of models that its quick form leaves out.
    """
    arms = () if source.study_arms else source.arms()
    absent = [arm.model for arm in arms if arm.model in cards() and arm.model not in names]
    if absent:
        raise InputError(
            f"{source.protocol.name}: varies settings of {absent[0]}, which is not among the models; "
            f"add --model {absent[0]}"
        )


def _check_variants(protocol: Protocol, choices: Sequence[Choice]) -> None:
    """InputError where a protocol compares variants of models, and no model has one."""
    if protocol.arms == "variants" and not any(choice.arm.variants for choice in choices):
        models = ", ".join(dict.fromkeys(choice.model for choice in choices))
        raise InputError(
            f"{protocol.name}: what varies? no variant to compare with {models}; for instance --model mfcc-attention"
        )
