"""What every model costs, in one table: python tests/measure/model_costs.py [MODEL ...], printed as Markdown.

Each model and profile in a process of its own, on clips of 3 s: parameters, multiply-accumulates, seconds per training
step and milliseconds per test clip, both in batches of 16, and peak memory beyond that of Python and the libraries.
Times are the shortest of several, since other work may share the cores; with one thread they are of the processor, with
two of the clock, and then threads sleep while they wait (OMP_WAIT_POLICY=passive), or a busy machine counts double.
Not a test: it takes ten minutes.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from serbench.baselines.registry import Card, Task, cards, find, settings_of
from serbench.benchmark.checks.model_list import CLASSES, SECONDS, counted, parameters
from serbench.benchmark.checks.subject import Subject, log_probabilities
from serbench.benchmark.training.batches import Batch, FeatureRows, batch_of
from serbench.benchmark.training.optimization import groups_of, optimizer_of
from serbench.benchmark.training.train import class_weights, loss_of

BATCH = 16
TASK = Task(tuple(f"class {i}" for i in range(CLASSES)))
TOKENS, IMAGES = 20, 24  # that go with 3 s of sound
HEAD = (
    "model", "profile", "parameters", "million MACs", "step, 1 thread (s)", "step, 2 threads (s)",
    "clip, 1 thread (ms)", "clip, 2 threads (ms)", "front, 1 thread (ms)", "memory (MB)",
)  # fmt: skip


def shortest(work: Callable[[], object], seconds: float = 1.0) -> float:
    """Seconds of the shortest of at least five runs, which together take at least so long."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: list[float] = []
    work()
    while len(times) < 5 or sum(times) < seconds:
        started = clock()
        work()
        times.append(clock() - started)
    return min(times)


def built(card: Card, settings: Any) -> tuple[Any, bool]:
    """The model, and whether its weights are there; where they are not, random ones of the same sizes."""
    torch.manual_seed(0)
    if not card.needs(settings):
        return card.build(settings, TASK), True
    with torch.device("meta"):
        module = card.build(settings, TASK)
    module.to_empty(device="cpu")
    for value in module.parameters():
        value.data.copy_(0.02 * torch.randn(value.shape))
    for value in module.buffers():  # means and variances
        value.fill_(1)
    for layer in module.modules():
        if hasattr(layer, "reset_parameters"):  # what knows its weights: layer normalization has ones
            layer.reset_parameters()
    return module, False


def features(card: Card, settings: Any, module: Any, complete: bool) -> list[Any]:
    """A batch of clips as the network takes them; states of missing encoders are random."""
    if hasattr(module, "encoders"):
        steps = {"audio": (SECONDS * 50 - 1, settings.width), "text": (TOKENS, settings.text_width)}
        steps["face"] = (IMAGES, settings.face_width)
        return [{name: torch.randn(steps[name]) for name in settings.modalities} for _ in range(BATCH)]
    if not complete:  # of the probe: the mean of each layer
        return [torch.randn(settings.layers + 1, settings.width) for _ in range(BATCH)]
    return Subject(card, "", settings).features(module, noise())


def memory() -> float:
    """Most that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def noise() -> list[np.ndarray]:
    drawn = np.random.default_rng(0).standard_normal((BATCH, SECONDS * TASK.rate_hz))
    return list((0.1 * drawn).astype(np.float32))


def step(module: nn.Module, settings: Any, rows: FeatureRows, batch: Batch) -> Callable[[], None]:
    """A step of training, as the harness makes it."""
    optimizer, weights = optimizer_of(settings, groups_of(module, settings)), class_weights(settings, rows)

    def work() -> None:
        module.train()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss_of(module, settings, module(*batch), rows.truth, weights))
        optimizer.step()

    return work


def measure(name: str, profile: str) -> list[float | None]:
    """A line of the table, beside its first two cells."""
    card, before = find(name), memory()
    settings = settings_of(card, profile)
    if card.kind == "classical":
        return [*classical(card, settings), memory() - before]
    module, complete = built(card, settings)
    clips = features(card, settings, module, complete)
    batch, rows = batch_of(clips), FeatureRows(clips, torch.arange(BATCH) % CLASSES, CLASSES)
    if hasattr(module, "adapt"):
        module.adapt([batch])
    work = step(module, settings, rows, batch)
    steps, tests = [], []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        steps.append(shortest(work, seconds=2.0))
        tests.append(1000 * shortest(lambda: log_probabilities(module, batch)) / BATCH)
    peak = memory() - before
    torch.set_num_threads(1)
    front = None
    if complete and hasattr(module, "front"):
        waveforms, lengths = torch.from_numpy(np.stack(noise())), torch.full((BATCH,), SECONDS * TASK.rate_hz)
        with torch.no_grad():
            front = 1000 * shortest(lambda: module.front(waveforms, lengths)) / BATCH
    one = batch_of(clips[:1])
    return [parameters(card, settings), counted(module, one) / 1e6, *steps, *tests, front, peak]


def classical(card: Card, settings: Any) -> list[float | None]:
    """What it takes to describe and to tell a clip, trained on 160."""
    torch.set_num_threads(1)
    model, clips = card.build(settings, TASK), noise()
    rows = np.stack([np.asarray(model.front(clip), dtype=np.float32) for clip in clips])
    many = np.concatenate([rows * (1 + 0.01 * k) for k in range(10)])
    model.fit(many, np.arange(len(many)) % CLASSES, many[:0], np.zeros(0, dtype=int), np.random.default_rng(0))
    tell = 1000 * shortest(lambda: model.predict(rows)) / BATCH
    front = 1000 * shortest(lambda: model.front(clips[0]))
    return [None, None, None, None, tell, None, front]


def _eager(config: Any) -> Any:
    """With attention as plain products, which can be counted."""
    config._attn_implementation = "eager"
    return config


def encoders() -> dict[str, tuple[int, int]]:
    """Frozen encoder -> parameters and MACs of what goes with 3 s of sound; nothing is allocated or loaded."""
    import timm
    import transformers

    with torch.device("meta"):
        speech = transformers.Wav2Vec2Model(_eager(transformers.Wav2Vec2Config()))
        roberta = transformers.RobertaConfig(vocab_size=50_265, max_position_embeddings=514)
        words = transformers.RobertaModel(roberta, add_pooling_layer=False)
        face = timm.create_model("efficientnet_b0", num_classes=0)
        inputs: dict[str, tuple[nn.Module, Tensor]] = {
            "wav2vec 2.0 base": (speech, torch.zeros(1, SECONDS * 16_000)),
            f"RoBERTa base, {TOKENS} tokens": (words, torch.zeros(1, TOKENS, dtype=torch.long)),
            f"EfficientNet-B0, {IMAGES} images of 224 x 224": (face, torch.zeros(IMAGES, 3, 224, 224)),
        }
    return {
        name: (sum(p.numel() for p in network.parameters()), counted(network, (x,)))
        for name, (network, x) in inputs.items()
    }


def cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(wanted: Sequence[str]) -> None:
    """Print it, a line as soon as it is measured."""
    print(f"| {' | '.join(HEAD)} |\n| --- | --- {'| --: ' * (len(HEAD) - 2)}|")
    for card in cards().values():
        if card.kind == "classical" and (missing := card.needs(card.settings)):
            print(f"| {card.name} | not measured: {missing.partition(';')[0]} |{' |' * (len(HEAD) - 2)}")
            continue
        for profile in card.profiles if card.name in wanted or not wanted else ():
            command = [sys.executable, __file__, "--one", card.name, profile]
            environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            cells = [cell(v) for v in json.loads(done.stdout)] if not done.returncode else [done.stderr.split("\n")[-2]]
            print(f"| {' | '.join((card.name, profile, *cells))} |", flush=True)


def main(arguments: Sequence[str]) -> None:
    """The table with what it was measured on, or a line of it."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(*arguments[1:])))
        return
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    machine = f"{model[0].partition(': ')[2] if model else platform.processor()}, {len(model)} cores, no GPU"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "timm", "librosa"))
    print(f"Machine: {machine}. Python {platform.python_version()}, {libraries}.\n")
    table(arguments)
    print("\nFrozen encoders, which run once per clip:\n")
    for name, (count, work) in encoders().items():
        print(f"- {name}: {count:,} parameters, {work / 1e6:,.0f} million MACs")


if __name__ == "__main__":
    main(sys.argv[1:])
