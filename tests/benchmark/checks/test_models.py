"""Every model holds what the harness relies on; the checks find models that do not; the command says it in words."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from serbench.baselines import discovery
from serbench.baselines.majority import Majority
from serbench.baselines.registry import Card, Recipe, Task, Variant, cards, choose, find, model, settings_of
from serbench.benchmark.checks.model_check import check, outcomes, quick_profile
from serbench.benchmark.checks.model_list import counted, macs, parameters
from serbench.benchmark.checks.subject import Subject, log_probabilities
from serbench.benchmark.commands.models import models
from serbench.benchmark.training.batches import FeatureRows, batch_of
from serbench.benchmark.training.train import fit
from serbench.seeds import stream
from serbench.tests.measure.model_costs import TASK, built, features

#: checks of a network that can be made here, and what is said of the others
MADE, LEFT = (11, "") if torch.cuda.is_available() else (10, ", 1 not run")
PROFILES = [(name, profile) for name, card in cards().items() for profile in card.profiles]


def ready(name: str, profile: str) -> None:
    """Skip where an extra or weights are missing."""
    if missing := find(name).needs(settings_of(find(name), profile)):
        pytest.skip(f"{name}:{profile}: {missing}")


@pytest.mark.parametrize("name", cards())
def test_every_model_passes_in_its_smallest_profile(name: str) -> None:
    ready(name, quick_profile(find(name)))
    assert check(find(name)) == []


@pytest.mark.parametrize("name", [name for name, card in cards().items() if card.kind == "network"])
def test_every_network_trains_in_half_precision(name: str) -> None:
    ready(name, "tiny")
    losses = []
    for precision in (contextlib.nullcontext(), torch.autocast("cpu", torch.bfloat16)):
        module, rows = Subject(find(name), "tiny", settings_of(find(name), "tiny")).ready(8)
        recipe = replace(settings_of(find(name), "tiny"), batch=8, epochs=3)
        torch.manual_seed(0)
        losses.append([e["loss"] for e in fit(module, recipe, rows, rows, stream("check"), precision).history])
    # the first loss is of equal weights: 8 bits of mantissa move it little; what training makes of that may part
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.02) and losses[1] != losses[0]
    assert all(loss[-1] < loss[0] for loss in losses)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "profile"), [(n, p) for n, p in PROFILES if p != quick_profile(find(n))])
def test_every_model_passes_in_every_profile(name: str, profile: str) -> None:
    ready(name, profile)
    assert check(find(name), profile) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "profile"), [(n, p) for n, p in PROFILES if find(n).kind == "network"])
def test_networks_whose_pretrained_weights_are_not_here_take_a_step_at_their_size(name: str, profile: str) -> None:
    """With random weights of the same sizes, on random states of the frozen encoders."""
    card, settings = find(name), settings_of(find(name), profile)
    if not card.needs(settings):
        pytest.skip("can be built: checked above")
    module, complete = built(card, settings)
    clips = features(card, settings, module, complete)
    rows = FeatureRows(clips, torch.arange(len(clips)) % len(TASK.classes), len(TASK.classes))
    assert not complete and log_probabilities(module, batch_of(clips)).isfinite().all()
    losses = []
    for _ in range(2):
        recipe = replace(settings, batch=len(rows), epochs=1, schedule="constant")
        torch.manual_seed(0)
        facts = fit(module, recipe, rows, rows, stream("check"), contextlib.nullcontext()).history[0]
        losses.append(facts["loss"])
        missed = {n for n, value in module.named_parameters() if value.requires_grad and value.grad is None}
        assert missed <= card.idle and facts["norm"] > 0
    assert losses[1] < losses[0]


@pytest.mark.parametrize(("name", "profile"), [(n, p) for n, p in PROFILES if p == "tiny"])
def test_counting_without_memory_counts_the_same(name: str, profile: str) -> None:
    settings = settings_of(find(name), profile)
    module = find(name).build(settings, Task(tuple("abcdefg")))
    assert parameters(find(name), settings) == sum(p.numel() for p in module.parameters() if p.requires_grad)


def test_multiply_accumulates_by_hand() -> None:
    card, n, hidden = find("cnn-3-gru"), 48_000, 64
    steps = [(n - 160) // 4 + 1, (n - 160) // 16, (n - 160) // 64]
    convolutions, standardization = 160 * 6 * steps[0] + 3 * 36 * steps[1], 2 * n  # mean and variance are products
    frame, out = 6 * 3 + 3 * hidden * (3 + hidden), hidden * 7
    assert macs(card, card.settings) == standardization + convolutions + 6 * steps[2] + frame + out
    over_time = replace(card.settings, over_time=True)
    assert macs(card, over_time) == standardization + convolutions + steps[2] * frame + out
    assert macs(find("majority"), find("majority").settings) is None


def test_recurrent_steps_are_counted() -> None:
    gru = nn.GRU(5, 7, 2, batch_first=True, bidirectional=True)
    assert counted(gru, (torch.randn(1, 11, 5),)) == 11 * (2 * 3 * 7 * (5 + 7) + 2 * 3 * 7 * (14 + 7))


@dataclass(frozen=True)
class Toy(Recipe):
    lr: float = 0.03
    batch: int = 8
    width: int = 12


class Energies(nn.Module):
    """Waveforms (B, N) -> energy of 40 ms frames in 8 bands -> mean over valid frames -> scores (B, C)."""

    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(16, width), nn.Linear(width, n_classes)

    def frames(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x[:, : x.shape[1] // 640 * 640].reshape(len(x), -1, 640)).abs()
        return (spectrum[..., :160].reshape(*spectrum.shape[:2], 16, 10).sum(-1) + 1e-3).log()  # (B, T, 16)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        frames = self.frames(x)
        valid = torch.arange(frames.shape[1], device=x.device) < lengths[:, None] // 640
        pooled = (frames * valid[..., None]).sum(1) / valid.sum(1, keepdim=True)
        scores: Tensor = self.out(self.hidden(pooled).relu())
        return scores


def toy(network: Callable[..., Any] = Energies, **facts: Any) -> Card:
    """A card around a network of this file."""

    def build(settings: Toy, task: Task) -> Any:
        """A toy."""
        return network(settings.width, len(task.classes))

    return model(name="toy", settings=Toy(), **facts)(build)


def failed(card: Card) -> dict[str, str]:
    return {problem.check: problem.words for problem in check(card)}


def test_a_sound_network_passes() -> None:
    assert failed(toy(variants={"wide": Variant("wider", {"width": 20})})) == {}


class NoMask(Energies):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        scores: Tensor = self.out(self.hidden(self.frames(x).mean(1)).relu())
        return scores


class BatchMean(Energies):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        scores = super().forward(x, lengths)
        return scores + 0.01 * scores.mean(0)


class Faint(Energies):
    """So unsure that what companions change is small too."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        scores = super().forward(x, lengths)
        return 1e-5 * (scores + 0.1 * scores.mean(0))


class Single(NoMask):
    """Runs in single precision only."""

    def frames(self, x: Tensor) -> Tensor:
        return super().frames(x).float()


class TooMany(Energies):
    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__(width, n_classes + 1)


class Unseeded(Energies):
    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__(width, n_classes)
        nn.init.normal_(self.hidden.weight, generator=torch.Generator().manual_seed(np.random.randint(1 << 30)))


class Seeded(Energies):
    def __init__(self, width: int, n_classes: int) -> None:
        torch.manual_seed(5)
        super().__init__(width, n_classes)


class Unused(Energies):
    def __init__(self, width: int, n_classes: int) -> None:
        super().__init__(width, n_classes)
        self.spare = nn.Parameter(torch.zeros(3))


class Fragile(Energies):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(x, lengths) / (lengths[:, None] > 16_000 * 0.4)


class Uphill(Energies):
    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        """A gradient that points the wrong way."""
        loss = nn.functional.cross_entropy(scores, truth)
        return 2 * loss.detach() - loss


class Lazy(Energies):
    def frames(self, x: Tensor) -> Tensor:
        return 1e-4 * super().frames(x)


class Dropping(Energies):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(x, 0.1), lengths)


class Counting(Energies):
    """Its scores drift from call to call."""

    calls = 0.0

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        self.calls += 0.1
        return super().forward(x, lengths) * (1 + self.calls)


class Noisy(Energies):
    """Its noise in training is not the harness's."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        noise = 0.01 * torch.from_numpy(np.random.standard_normal(len(x)).astype(np.float32))
        return super().forward(x, lengths) + self.training * noise[:, None] * self.out.weight.sum()


class Impatient(Energies):
    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        raise RuntimeError(f"two\nlines about {tuple(x.shape)}")


@pytest.mark.parametrize(
    ("kind", "found", "words"),
    [
        (NoMask, "companions", "leave out what lies beyond `lengths`"),
        (BatchMean, "companions", "leave out what lies beyond `lengths`"),
        (Faint, "companions", "leave out what lies beyond `lengths`"),
        (Single, "companions", "leave out what lies beyond `lengths`"),
        (TooMany, "shape", "3 clips and 4 classes gave scores of shape (3, 5)"),
        (Unseeded, "seed", "built twice with one seed, weights differ: hidden.weight"),
        (Seeded, "seed", "built with two seeds, all weights are equal"),
        (Unused, "gradients", "no gradient reaches spare"),
        (Fragile, "durations", "scores of a clip of 0.2 s are not finite"),
        (Uphill, "step", "the loss of 8 clips went from"),
        (Dropping, "repeats", "something in `forward` is random"),
        (Counting, "repeats", "changes from call to call"),
        (Noisy, "training", "draw random numbers from torch's own generator"),
        (Lazy, "learns", "of 32 clips it was trained on"),
        (Impatient, "shape", "RuntimeError: two lines about (3,"),
        (lambda width, n: np.zeros(3), "shape", "ndarray, which is not a torch.nn.Module"),
    ],
)
def test_a_fault_is_found_and_said(kind: Callable[..., Any], found: str, words: str) -> None:
    assert words in failed(toy(kind))[found]


@pytest.mark.parametrize(("kind", "run"), [(TooMany, ["shape"]), (Dropping, ["shape", "repeats"])])
def test_what_all_others_stand_on_comes_first_and_ends_it(kind: type[Energies], run: list[str]) -> None:
    assert [outcome.check for outcome in outcomes(toy(kind))] == run


def test_what_is_declared_is_believed_and_checked() -> None:
    assert failed(toy(NoMask, companions=frozenset({"clean"}))) == {}
    assert "declared in `companions`, but" in failed(toy(companions=frozenset({"clean"})))["companions"]
    assert failed(toy(Unused, idle=frozenset({"spare"}))) == {}
    assert "no trainable parameter spare" in failed(toy(idle=frozenset({"spare"})))["gradients"]


def test_short_clips_reach_the_declared_minimum() -> None:
    assert failed(toy(Fragile, min_seconds=0.5)) == {}


def test_a_broken_variant_is_named() -> None:
    def build(settings: Toy, task: Task) -> nn.Module:
        """A toy."""
        return (Energies if settings.width == 12 else TooMany)(settings.width, len(task.classes))

    card = model(name="toy", settings=Toy(), variants={"wide": Variant("wider", {"width": 20})})(build)
    assert failed(card) == {"variants": "variant 'wide': 3 clips and 4 classes gave scores of shape (3, 5)"}


def test_a_network_without_a_recipe_is_told_so() -> None:
    @dataclass(frozen=True)
    class Bare:
        width: int = 12

    card = model(name="toy", settings=Bare())(lambda settings, task: Energies(settings.width, len(task.classes)))
    assert "do not inherit from" in failed(card)["shape"]


def test_inference_is_not_trained() -> None:
    names = [outcome.check for outcome in outcomes(toy(Seeded, kind="inference"))]
    assert "shape" in names and not {"gradients", "step", "learns"} & set(names)
    assert check(toy(Seeded, kind="inference")) == []


class Sorting(Majority):
    """Predicts by rank among its companions."""

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, None]:  # type: ignore[override]
        return np.arange(len(rows)) % 4, None


class Forgetful(Majority):
    def load(self, state: dict[str, np.ndarray]) -> None:
        self.counts = np.array([0, 0, 0, 9])


class Ragged(Majority):
    def front(self, waveform: np.ndarray) -> np.ndarray:
        return waveform


class Odds(Majority):
    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        guess, scores = super().predict(rows)
        return guess, scores + 1


class Lucky(Majority):
    def fit(self, *arguments: Any) -> dict[str, Any]:
        self.counts = np.bincount([np.random.randint(4)] * 3, minlength=4)
        return {}


@pytest.mark.parametrize(
    ("kind", "found", "words"),
    [
        (Sorting, "classical", "a prediction depends on the other rows"),
        (Forgetful, "classical", "restored from its state, it predicts something else"),
        (Ragged, "front", "the shape of its features depends on the clip"),
        (Odds, "classical", "they do not sum to 1"),
    ],
)
def test_a_fault_of_a_classical_model_is_found(kind: type[Majority], found: str, words: str) -> None:
    card = replace(find("majority"), build=lambda settings, task: kind(len(task.classes)))
    assert words in failed(card)[found]


def test_a_classical_model_must_repeat_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([0, 1, 2])
    monkeypatch.setattr(np.random, "randint", lambda n: next(draws))
    card = replace(find("majority"), build=lambda settings, task: Lucky(len(task.classes)))
    assert "trained again with the same seed" in failed(card)["classical"]


def test_checking_leaves_the_random_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    check(toy())
    assert torch.equal(torch.rand(1), expected)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(models, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


def test_list_shows_models_and_broken_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _, providers = discovery.installed()
    mine = replace(toy(lambda width, n: None), name="toy")
    monkeypatch.setattr(
        discovery,
        "installed",
        lambda: (
            {**found, "toy": mine},
            {"odd": "its plugin does not load: ImportError: no"},
            {**providers, "toy": "pack 2"},
        ),
    )
    code, text = run("list")
    assert code == 0
    assert "mfcc-attention" in text and "2,078,117" in text and "withdrawn preprint" in text
    assert "odd" in text and "does not load: ImportError: no" in text
    assert "(plugin pack 2)" in text and "does not build: AttributeError" in text
    listed = {line["name"]: line for line in json.loads(run("list", "--json")[1])}
    assert listed["mfcc-attention"]["parameters"] == 2_078_117
    assert listed["majority"]["parameters"] is None
    assert "released" in listed["mfcc-attention"]["profiles"]
    assert listed["odd"]["problem"] == "its plugin does not load: ImportError: no"
    code, text = run("show", "toy")
    assert code == 0 and "not counted: 'NoneType' object has no attribute" in " ".join(text.split())


@pytest.mark.parametrize("name", cards())
def test_show_explains_every_setting_and_variant(name: str) -> None:
    card = find(name)
    code, text = run("show", name)
    lines = text.splitlines()
    assert code == 0
    for setting in vars(card.settings):
        assert any(line.startswith(f"  {setting} ") and len(line.split()) > 3 for line in lines), setting
    for variant in card.variants:
        assert any(f"{name}+{variant} " in line for line in lines)
    facts = json.loads(run("show", name, "--json")[1])
    assert facts["settings"].keys() == vars(card.settings).keys()
    assert (facts["parameters"] is None) == (facts["kind"] == "classical")
    if facts["macs"]:
        said = " ".join(text.split())
        assert f"{facts['parameters']:,} trainable parameters" in said and f"{facts['macs']:,} multiply" in said
    else:
        assert facts["kind"] == "classical" or " ".join(facts["problem"].split()) in " ".join(text.split())
    assert facts["profiles"].keys() == card.profiles.keys()


def test_show_takes_a_model_as_it_is_written() -> None:
    spec = "mfcc-attention:tiny+mean-pool"
    code, text = run("show", spec)
    facts, plain = (json.loads(run("show", name, "--json")[1]) for name in (spec, "mfcc-attention"))
    assert code == 0 and facts["spec"] == spec and plain["spec"] == "mfcc-attention"
    assert facts["parameters"] == parameters(find("mfcc-attention"), choose(spec).settings) < plain["parameters"]
    assert f"{spec}: {facts['parameters']:,} trainable" in " ".join(text.split())
    assert [facts["settings"]["pool"][key] for key in ("default", "value")] == ["flatten", "mean"]
    assert any(line.split()[:2] == ["pool", "mean"] for line in text.splitlines())


def test_check_says_in_words_what_failed_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run("check", "majority")
    assert (code, "all 3 checks hold\n" in text) == (0, True)
    found, errors, providers = discovery.installed()
    monkeypatch.setattr(discovery, "installed", lambda: ({**found, "toy": toy(NoMask)}, errors, providers))
    code, text = run("check", "toy")
    assert code == 1
    assert "FAILED   companions" in text and "beyond `lengths`" in text and f"1 of {MADE} checks failed{LEFT}" in text
    code, text = run("check", "toy", "--json")
    assert code == 1
    assert [line["check"] for line in json.loads(text) if line["problem"]] == ["companions"]


def test_a_check_that_cannot_be_made_is_no_check_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (left,) = (outcome for outcome in outcomes(toy()) if outcome.not_run)
    assert (left.check, left.problem, left.not_run) == ("devices", None, "no CUDA here")
    code, text = run("check", "cnn-3-gru")
    assert code == 0 and "not run  devices     CPU and CUDA agree.\n" + " " * 23 + "no CUDA here\n" in text
