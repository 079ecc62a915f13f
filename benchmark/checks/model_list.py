"""What there is to say about a model without training it: a line for the list, a page for one model."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_origin

from ...baselines.parts.card import RECIPE, Card, Task
from ...baselines.parts.changes import hints, words
from ...baselines.registry import ModelChoice, broken, cards, provider
from ...errors import InputError
from ...plugins import let_interruptions_pass

#: parameters are counted for this many classes, multiply-accumulates for a clip of so many seconds
CLASSES = 7
SECONDS = 3
TASK = Task(tuple(f"class {i}" for i in range(CLASSES)))


@dataclass(frozen=True)
class ModelLine:
    """One model in the list; one that cannot be used has only a name and a problem."""

    name: str
    kind: str = ""
    origin: str = ""
    input: str = ""
    parameters: int | None = None
    profiles: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    provider: str = ""
    problem: str | None = None


def lines() -> list[ModelLine]:
    """All models, then those that cannot be used."""
    return [_line(card) for card in cards().values()] + [
        ModelLine(name, problem=problem) for name, problem in broken().items()
    ]


def listing(lines: Sequence[ModelLine], columns: int = 100) -> str:
    """The list as text: two lines for each model, the second says where it is from."""
    width = max((len(line.name) for line in lines), default=0)
    hears = max((len(line.input) for line in lines), default=0)
    text = [f"{'model':{width}}  {'kind':9}  {'input':{hears}}  {'parameters':>11}  profiles"]
    for line in lines:
        if line.kind:
            count = "-" if line.parameters is None else f"{line.parameters:,}"
            what = f"{line.name:{width}}  {line.kind:9}  {line.input:{hears}}"
            text.append(f"{what}  {count:>11}  {' '.join(line.profiles)}")
            by = "" if line.provider == "serbench" else f" (plugin {line.provider})"
            text.append(hanging(f"{'':{width}}  ", f"{line.origin or 'no origin given'}{by}", columns))
        if line.problem:
            text.append(hanging(f"{line.name:{width}}  ", line.problem, columns))
    note = (
        f"Trainable parameters are those of profile clean for {CLASSES} classes. A model is written NAME, "
        "NAME:profile or NAME:profile+variant, and FILE.py:NAME where it is not installed; `serbench models show NAME` "
        "explains profiles, variants and settings."
    )
    return "\n".join([*text, "", hanging("", note, columns)])


def hanging(start: str, text: str, columns: int) -> str:
    """``start``, then the text in lines of at most ``columns`` that begin under each other; words stay whole."""
    after = " " * len(start)
    wrap = textwrap.TextWrapper(columns, start, after, break_on_hyphens=False, break_long_words=False)
    return wrap.fill(text) if text else start.rstrip()


def parameters(card: Card, settings: Any) -> int | None:
    """Trainable parameters for 7 classes; None for a model that has none to count. Nothing large is allocated."""
    import torch

    if card.kind == "classical":
        return None
    try:
        with torch.device("meta"):
            module = card.build(settings, TASK)
    except (RuntimeError, TypeError):  # a constructor that reads values: build it in memory
        module = card.build(settings, TASK)
    return sum(int(p.numel()) for p in module.parameters() if p.requires_grad)


def macs(card: Card, settings: Any) -> int | None:
    """Multiply-accumulates for a clip of 3 s, without fixed front ends and encoders; None for a classical model.

    InputError where an extra or weights are missing.
    """
    from ...seeds import stream
    from .subject import Subject

    if card.kind == "classical":
        return None
    if missing := card.needs(settings):
        raise InputError(missing)
    module = card.build(settings, TASK)
    noise = 0.1 * stream("check").standard_normal(SECONDS * TASK.rate_hz).astype("float32")
    return counted(module, Subject(card, "clean", settings).batch(module, [noise]))


def counted(module: Any, batch: Any) -> int:
    """Multiply-accumulates of a forward pass on the CPU: of convolutions and matrix products, also of recurrent steps.

    What is done number by number is not counted: activations, normalization, sums.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*batch)
    return int(counter.get_total_flops()) // 2  # it counts a multiplication and an addition as two


def page(choice: ModelChoice, columns: int = 100) -> str:
    """Everything about a model: where it is from, its profiles and variants, every setting with its meaning.

    Size and values of settings are those of the profile and variants that are chosen.
    """
    return "\n".join(hanging(start, text, columns) for start, text in _page(choice))


def facts(choice: ModelChoice) -> dict[str, Any]:
    """The same for machines."""
    card = choice.card
    return {
        "name": card.name,
        "spec": choice.spec,
        "version": card.version,
        "kind": card.kind,
        "summary": card.summary,
        "origin": card.origin,
        "provider": provider(card),
        "modalities": list(card.modalities),
        "min_seconds": card.min_seconds,
        **asdict(_cost(choice)),
        "settings": {
            name: {
                "default": value,
                "value": getattr(choice.settings, name),
                "type": words(hints(card.settings)[name]),
                "meaning": _meaning(card, name),
            }
            for name, value in asdict(card.settings).items()
        },
        "profiles": {name: dict(values) for name, values in card.profiles.items()},
        "variants": {name: {"meaning": v.summary, "settings": dict(v.settings)} for name, v in card.variants.items()},
    }


def _line(card: Card) -> ModelLine:
    count, problem = None, None
    try:
        count = parameters(card, card.settings)
    except BaseException as error:  # a stranger's constructor must not hide the other models
        let_interruptions_pass(error)
        problem = f"does not build: {type(error).__name__}: {' '.join(str(error).split())}"
    if problem is None and (missing := card.needs(card.settings)):
        problem = f"is not ready: {missing}"
    return ModelLine(
        card.name, card.kind, card.origin, " + ".join(card.modalities), count,
        tuple(card.profiles), tuple(card.variants), provider(card), problem,
    )  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What cannot be counted is None, and why stands in ``problem``."""

    parameters: int | None = None
    macs: int | None = None
    problem: str | None = None


def _cost(choice: ModelChoice) -> Cost:
    count = None
    try:
        count = parameters(choice.card, choice.settings)
        return Cost(count, macs(choice.card, choice.settings))
    except BaseException as error:  # a stranger's constructor must not hide what his card says
        let_interruptions_pass(error)
        return Cost(count, problem=" ".join(str(error).split()) or type(error).__name__)


def _page(choice: ModelChoice) -> Iterator[tuple[str, str]]:
    """Pairs (begins a line, text that is wrapped beside it)."""
    card = choice.card
    as_written = "" if choice.spec == card.name else f"{choice.spec}: "
    yield "", f"{card.name}, version {card.version}: {card.summary}"
    by = provider(card)
    yield "  ", f"{card.kind}, {' + '.join(card.modalities)}; {card.origin or 'no origin given'}; from {by}"
    cost = _cost(choice)
    if cost.parameters is not None:
        work = "" if cost.macs is None else f", {cost.macs:,} multiply-accumulates for a clip of {SECONDS} s"
        yield "  ", f"{as_written}{cost.parameters:,} trainable parameters for {CLASSES} classes{work}"
    if cost.problem:
        yield "  ", f"multiply-accumulates are not counted: {cost.problem}"
    if card.min_seconds:
        yield "  ", f"clips shorter than {card.min_seconds:g} s are padded with zeros"
    for profile in sorted(card.companions):
        yield "  ", f"in profile {profile} the other clips of a batch change a prediction"
    width = max(len(name) for name in (*card.profiles, *card.variants)) + len(card.name) + 5
    yield "\n", "Profiles (a named set of settings; what each changes in clean)"
    for name, values in card.profiles.items():
        yield f"  {card.name}:{name}".ljust(width), _pairs(values) or "the defaults below"
    if card.variants:
        yield "\n", "Variants (one named change; they combine with profiles and with each other)"
    for name, variant in card.variants.items():
        yield f"  {card.name}+{name}".ljust(width), f"{variant.summary} ({_pairs(variant.settings)})"
    values = asdict(choice.settings)
    if values:
        yield "\n", f"Settings (--set {card.name}.NAME=VALUE{f'; values of {choice.spec}' if as_written else ''})"
    names, texts = (max(map(len, column), default=0) for column in (values, [_text(v) for v in values.values()]))
    for name, value in values.items():
        meaning, kind = _meaning(card, name), hints(card.settings)[name]
        explained = get_origin(kind) is not Literal or all(str(option) in meaning for option in get_args(kind))
        yield f"  {name:{names}}  {_text(value):{texts}}  ", f"{meaning}{'' if explained else f' ({words(kind)})'}"


def _meaning(card: Card, name: str) -> str:
    return card.explain.get(name) or RECIPE.get(name, "")


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    """As it is written after --set."""
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if value in (True, False) else str(value)
