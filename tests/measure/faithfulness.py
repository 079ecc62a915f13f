"""How near the models are to the released ones, and what a step of SigWavNet costs.

    python tests/measure/faithfulness.py

Prints two tables as Markdown: the largest error of every reference tensor, and a step of SigWavNet with plain
recurrences and with ours, alternating in one process. Not a test: the tests hold errors below 1e-5 and say nothing of
time. ``--steps 0`` leaves the second table out.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from serbench.baselines import cnn_n_gru, mfcc_attention, sigwavnet
from serbench.baselines.networks import sigwavnet as network
from serbench.baselines.registry import Task, choose
from serbench.tests.support.reference_tensors import ATTENTION, DEPTHS, SIGWAVNET, golden


def main(steps: int) -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    print("| reference | tensor | values | largest error | largest value |")
    print("| --- | --- | --: | --: | --: |")
    for reference, name, found, expected in tensors():
        error, largest = (found - expected).abs().max().item(), expected.abs().max().item()
        print(f"| {reference} | {name} | {expected.numel():,} | {error:.1e} | {largest:.3g} |")
    if steps:
        print()
        step_costs(steps)


def tensors() -> Iterator[tuple[str, str, Tensor, Tensor]]:
    """(reference, name, found, expected) of everything that the references hold."""
    for kind in SIGWAVNET:
        weights, expected = golden(f"sigwavnet_{kind}")
        module = sigwavnet.from_released(weights)
        assert isinstance(module, network.SigWavNet)
        x = expected["input"].clone().requires_grad_()
        lengths = torch.full((len(x),), x.shape[1])
        approximations, details = module.bank(x[:, None])
        _, thresholded = module.decompose(x, lengths)
        bands = {"approximation": approximations, "detail": details, "detail_thresholded": thresholded}
        for name, levels in bands.items():
            pairs = [(band.flatten(), expected[f"{name}.{k}"].flatten()) for k, band in enumerate(levels, start=1)]
            found, wanted = (torch.cat(side) for side in zip(*pairs, strict=True))
            yield f"sigwavnet {kind}", f"{name}, {len(pairs)} levels", found, wanted
        log_probabilities = module(x, lengths).log_softmax(1)
        loss = functional.nll_loss(log_probabilities, expected["target"])
        (gradient,) = torch.autograd.grad(loss, x)
        yield f"sigwavnet {kind}", "log_prob", log_probabilities, expected["log_prob"]
        yield f"sigwavnet {kind}", "loss", loss, expected["loss"]
        yield f"sigwavnet {kind}", "grad_input", gradient, expected["grad_input"]
    for n in DEPTHS:
        weights, out = golden(f"cnn_{n}_gru")
        lengths = torch.full((len(out["input"]),), out["input"].shape[1])
        found = cnn_n_gru.from_released(weights)(out["input"], lengths).log_softmax(1)
        yield f"cnn-{n}-gru", "log_prob", found, out["log_prob"]
    for kind in ATTENTION:
        weights, out = golden(f"mfcc_attention_{kind}")
        found = mfcc_attention.from_released(weights)(out["input"]).softmax(1)
        yield f"mfcc-attention {kind}", "probability", found, out["probability"]


@contextmanager
def plain_recurrences() -> Iterator[None]:
    """Every GRU by itself, as `torch.nn.GRU` runs it."""
    module = vars(network)
    ours = module["run_grus"]

    def one_by_one(grus: list[nn.GRU], inputs: list[Tensor], *_: object) -> list[Tensor]:
        return [gru(x)[0] for gru, x in zip(grus, inputs, strict=True)]

    module["run_grus"] = one_by_one
    try:
        yield
    finally:
        module["run_grus"] = ours


def step_costs(steps: int) -> None:
    """Processor seconds of forward, loss and backward at the default size, 16 clips of 3 s; then a profile of ours."""
    chosen, truth = choose("sigwavnet"), torch.arange(4).repeat(4)
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, Task(tuple("abcd")))
    x, lengths = torch.randn(16, 48_000), torch.full((16,), 48_000)

    def step() -> None:
        module.zero_grad()
        module.loss(module(x, lengths), truth, torch.ones(4)).backward()

    took = defaultdict(list)
    for _ in range(steps + 1):  # the first of each warms up
        for name in ("plain", "ours"):
            started = time.process_time()
            if name == "plain":
                with plain_recurrences():
                    step()
            else:
                step()
            took[name].append(time.process_time() - started)
    print("| recurrences | processor seconds of a step, least | median |")
    print("| --- | --: | --: |")
    for name, seconds in took.items():
        print(f"| {name} | {min(seconds[1:]):.2f} | {statistics.median(seconds[1:]):.2f} |")
    print(f"\nRatio of the least: {min(took['plain'][1:]) / min(took['ours'][1:]):.2f}\n")
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as found:
        step()
    events = sorted(found.key_averages(), key=lambda e: -e.self_cpu_time_total)
    total = sum(e.self_cpu_time_total for e in events)
    print("| operation | share of a step (%) | calls |\n| --- | --: | --: |")
    for event in events[:10]:
        print(f"| {event.key} | {100 * event.self_cpu_time_total / total:.1f} | {event.count:,} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3, help="measured steps of each; 0: none")
    main(parser.parse_args().steps)
