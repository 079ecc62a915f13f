"""What every model must hold, checked on made clips, with words for what fails: for our own tests and for plugins."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...baselines.parts.changes import change
from ...baselines.registry import Card, Recipe, settings_of
from ...plugins import let_interruptions_pass
from ...seeds import stream
from ..training.batches import Batch, FeatureRows, batch_of
from ..training.scoring import predict
from ..training.train import class_weights, fit, loss_of
from .classical_check import classical, front
from .subject import TASK, Subject, log_probabilities, tones

TOLERANCE = 1e-4  # of log-probabilities, between two ways to compute the same
ROUNDING = 2e-15  # of log-probabilities in double precision
STEPS, CLIPS = 300, 32  # within so many steps, so many clips must be learned by heart


@dataclass(frozen=True)
class CheckOutcome:
    """One check: its name, what it demands, what failed in words (None: it holds), and why it could not be made."""

    check: str
    demands: str
    problem: str | None
    not_run: str | None = None


class NotRunError(Exception):
    """Raised by a check that cannot be made here: why."""


@dataclass(frozen=True)
class Problem:
    """A check that failed, and how."""

    check: str
    words: str


def check(card: Card, profile: str | None = None) -> list[Problem]:
    """What a model fails; by default in profile ``tiny`` where it has one, else ``clean``."""
    return [Problem(o.check, o.problem) for o in outcomes(card, profile) if o.problem is not None]


def quick_profile(card: Card) -> str:
    """The smallest profile of a model."""
    return "tiny" if "tiny" in card.profiles else "clean"


def outcomes(card: Card, profile: str | None = None) -> Iterator[CheckOutcome]:
    """Run the checks for the model's kind; what a check raises is its problem. One of `FIRST` that fails ends it."""
    quick = quick_profile(card)
    subject = Subject(card, profile or quick, settings_of(card, profile or quick))
    for name, test in CHECKS[card.kind].items():
        if test is learns and subject.profile != quick:
            continue  # no profile but the smallest promises to learn in so few steps
        problem, not_run = None, None
        with torch.random.fork_rng(devices=[]):
            try:
                problem = test(subject)
            except NotRunError as why:
                not_run = str(why)
            except BaseException as error:  # whatever a stranger's model does
                let_interruptions_pass(error)
                problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield CheckOutcome(name, (test.__doc__ or "").partition("\n")[0], problem, not_run)
        if problem and name in FIRST:
            return


def shape(subject: Subject) -> str | None:
    """Scores are finite, one for every class of every clip."""
    module = subject.build()
    if not isinstance(module, nn.Module):
        return f"build returned {type(module).__name__}, which is not a torch.nn.Module"
    if subject.card.kind == "network" and not isinstance(subject.settings, Recipe):
        return "the settings do not inherit from serbench.baselines.registry.Recipe, so nothing says how to train it"
    module.eval()
    x, lengths = batch_of(subject.features(module, tones(3)[0]))
    with torch.no_grad():
        scores = module(x, lengths)
    if tuple(scores.shape) != (3, len(TASK.classes)):
        return f"3 clips and {len(TASK.classes)} classes gave scores of shape {tuple(scores.shape)}"
    return None if scores.isfinite().all() else "scores of a clean tone are not finite"


def repeats(subject: Subject) -> str | None:
    """Asked twice, it gives the same scores."""
    module = subject.build()
    clips, _ = tones(3)
    first, again = subject.scores(module, clips), subject.scores(module, clips)
    if torch.equal(first, again):
        return None
    shift = float((first - again).abs().max())
    return (
        f"the same clips gave log-probabilities that differ by {shift:.2g}: something in `forward` is random "
        "where `self.training` is False, as dropout without it, or changes from call to call"
    )


def durations(subject: Subject) -> str | None:
    """Clips of 0.2 s and of 20 s work."""
    module = subject.build()
    for seconds in (0.2, 20.0):
        clips, _ = tones(1, (seconds, seconds))
        if not subject.scores(module, clips).isfinite().all():
            return f"scores of a clip of {seconds} s are not finite"
    return None


def seed(subject: Subject) -> str | None:
    """The seed decides the weights, and nothing else does."""
    first, again, other = (subject.build(seed).state_dict() for seed in (0, 0, 1))
    if changed := [name for name in first if not torch.equal(first[name], again[name])]:
        return f"built twice with one seed, weights differ: {', '.join(changed[:4])}"
    if subject.card.kind == "network" and all(torch.equal(first[name], other[name]) for name in first):
        return "built with two seeds, all weights are equal: leave the random generator to the harness"
    return None


def gradients(subject: Subject) -> str | None:
    """Every trainable parameter gets a gradient, except those declared idle."""
    module, rows = subject.ready(8)
    torch.autograd.backward(_loss(module, subject.settings, rows))
    reached = {name: p.grad is not None for name, p in module.named_parameters() if p.requires_grad}
    if missed := sorted(name for name, ok in reached.items() if not ok and name not in subject.card.idle):
        return f"no gradient reaches {', '.join(missed[:4])}: unused, detached, or to be declared in `idle`"
    if wrong := sorted(subject.card.idle - reached.keys()):
        return f"declared in `idle`, but there is no trainable parameter {', '.join(wrong[:4])}"
    return None


def step(subject: Subject) -> str | None:
    """One step of its recipe lowers the loss of a batch."""
    module, rows = subject.ready(8)
    before = float(_loss(module, subject.settings, rows).detach())
    torch.manual_seed(0)
    fit(module, replace(subject.settings, batch=len(rows), epochs=1), rows, _none(rows), stream("check"), _plain())
    after = float(_loss(module, subject.settings, rows).detach())
    return None if after < before else f"the loss of 8 clips went from {before:.6g} to {after:.6g} in one step"


def training(subject: Subject) -> str | None:
    """Trained twice with one seed, its weights are the same."""
    states = []
    for _ in range(2):
        module, rows = subject.ready(8)
        torch.manual_seed(0)
        fit(module, replace(subject.settings, batch=4, epochs=1), rows, _none(rows), stream("check"), _plain())
        states.append(module.state_dict())
    changed = [name for name in states[0] if not torch.equal(states[0][name], states[1][name])]
    if changed:
        return f"weights differ: {', '.join(changed[:4])}; draw random numbers from torch's own generator alone"
    return None


def companions(subject: Subject) -> str | None:
    """Padding and the other clips of a batch change a prediction only where the profile is declared to do so."""
    module, rows = subject.ready(8)
    if subject.card.kind == "network":  # one step, because zeros in fresh weights can hide it
        fit(module, replace(subject.settings, batch=8, epochs=1), rows, _none(rows), stream("check"), _plain())
    shift, limit = _dependence(subject, module)
    declared = subject.profile in subject.card.companions
    if shift > limit and not declared:
        return (
            f"in a batch of three with zeros behind, a log-probability changes by {shift:.2g}: "
            "leave out what lies beyond `lengths`, or declare the profile in `companions`"
        )
    if declared and shift <= limit:
        return f"declared in `companions`, but padding and other clips change no log-probability ({shift:.2g})"
    return None


def _dependence(subject: Subject, module: nn.Module) -> tuple[float, float]:
    """How much padding and companions change a log-probability, and from which change on it is more than rounding.

    In double precision, and measured by what the clips themselves change: early in training a deep network hardly
    tells them apart. In single precision where the network is bound to it.
    """
    clips = [tones(kind + 1, (seconds, seconds))[0][kind] for kind, seconds in enumerate((0.7, 1.3, 3.1))]
    batches = [subject.batch(module, clips, zeros=4001), *(subject.batch(module, [clip]) for clip in clips)]
    try:
        module.double()
        together, *alone = (log_probabilities(module, _double(batch)) for batch in batches)
        spread = float((torch.cat(alone).amax(0) - torch.cat(alone).amin(0)).max())
        limit = max(ROUNDING, TOLERANCE * spread)
    except RuntimeError:
        module.float()
        together, *alone = (log_probabilities(module, batch) for batch in batches)
        limit = TOLERANCE
    return float((together - torch.cat(alone)).abs().max()), limit


def _double(batch: Batch) -> Batch:
    x, lengths = batch
    return ({name: part.double() for name, part in x.items()} if isinstance(x, dict) else x.double()), lengths  # type: ignore[return-value]


def devices(subject: Subject) -> str | None:
    """CPU and CUDA agree."""
    if not torch.cuda.is_available():
        raise NotRunError("no CUDA here")
    module, _ = subject.ready(8)
    clips, _ = tones(3)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        on_cpu, on_cuda = subject.scores(module, clips), subject.scores(module.to("cuda"), clips)
    shift = float((on_cpu - on_cuda).abs().max())
    return None if shift < 10 * TOLERANCE else f"log-probabilities differ by {shift:.2g} between CPU and CUDA"


def learns(subject: Subject) -> str | None:
    """Within 300 steps at its own rate it knows 32 clips by heart."""
    module, rows = subject.ready(CLIPS)
    batch = min(subject.settings.batch, CLIPS)
    recipe = replace(subject.settings, batch=batch, epochs=STEPS * batch // CLIPS)
    fit(module, recipe, rows, _none(rows), stream("check"), _plain())
    right = int((predict(module, rows, batch, _plain()).argmax(1) == rows.truth).sum())
    return None if right == CLIPS else f"after {STEPS} steps it knows {right} of {CLIPS} clips it was trained on"


def variants(subject: Subject) -> str | None:
    """Every variant builds, predicts and, where it is trained, learns from a batch."""
    for name, variant in subject.card.variants.items():
        changed = replace(subject, settings=change(subject.settings, variant.settings, f"variant '{name}'"))
        try:
            problem = classical(changed) if subject.card.kind == "classical" else shape(changed)
            if subject.card.kind == "network":
                problem = problem or gradients(changed)
        except BaseException as error:
            let_interruptions_pass(error)
            problem = f"{type(error).__name__}: {error}"
        if problem:
            return f"variant '{name}': {problem}"
    return None


def _loss(module: nn.Module, recipe: Recipe, rows: FeatureRows) -> Tensor:
    """Loss of all rows in one batch, in training, with the same dropout every time."""
    module.train()
    torch.manual_seed(0)
    x, lengths = batch_of(rows.features)
    return loss_of(module, recipe, module(x, lengths), rows.truth, class_weights(recipe, rows))


def _none(rows: FeatureRows) -> FeatureRows:
    return FeatureRows([], rows.truth[:0], rows.n_classes)


def _plain() -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()


Check = Callable[[Subject], str | None]
FIRST = ("shape", "repeats", "front")  # what the other checks stand on
_SCORED: dict[str, Check] = {
    "shape": shape,
    "repeats": repeats,
    "durations": durations,
    "seed": seed,
    "companions": companions,
}
_TRAINED: dict[str, Check] = {"gradients": gradients, "step": step, "training": training, "learns": learns}
CHECKS: dict[str, dict[str, Check]] = {
    "network": {**_SCORED, "devices": devices, **_TRAINED, "variants": variants},
    "inference": {**_SCORED, "devices": devices, "variants": variants},
    "classical": {"front": front, "classical": classical, "variants": variants},
}
