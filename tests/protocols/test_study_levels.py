"""What the open questions of the four papers compare can be said by settings and variants of their models."""

import itertools
from collections.abc import Iterator, Mapping

import pytest
import torch

from serbench.baselines.registry import Task, choose

Level = tuple[str, Mapping[str, str]]


def grid(*specs: str, **values: str) -> list[Level]:
    """Every spec with every combination of settings; values are written "a b c"."""
    lists = [text.split() for text in values.values()]
    return [(spec, dict(zip(values, chosen, strict=True))) for spec in specs for chosen in itertools.product(*lists)]


def attention() -> list[Level]:
    return grid(*(f"sigwavnet{end}" for end in ("", "+no-spatial-attention", "+mean-pool", "+last-state",
                                                "+no-spatial-attention+mean-pool")))  # fmt: skip


def depths() -> Iterator[Level]:
    for n in (3, 5, 11, 18):
        yield from grid(f"cnn-{n}-gru", gru_layers=f"1 {n}", hidden="16 64")


FEATURES = ("", "+with-deltas", "+with-f0", "+with-energy", "+with-voice", "+with-zcr", "+with-chroma", "+with-all")
FUSIONS = (
    "+concat", "+concat-unfrozen", "+sum", "+fixed-gate", "+scalar-gate", "+learned-gate", "", "+misprint",
    "+audio-text-self",
)  # fmt: skip
SPLITS = ("+split-11-1", "+split-10-2", "", "+split-8-4", "+split-6-6", "+split-0-12")
LOCAL = ("conv", "conv5", "tcn", "mean", "netvlad", "squeeze")
LEVELS: dict[str, list[Level]] = {
    "fixed or learned filters": grid("sigwavnet", train_filters="true false", sharing="CQF PerLayer PerFilter"),
    "threshold": grid("sigwavnet", threshold="off aliased asymmetric two-slope softplus", train_threshold="true false"),
    "attention of sigwavnet": attention(),
    "thresholds in noise": grid("sigwavnet", threshold="off asymmetric aliased classical"),
    "initial filters": grid(
        "sigwavnet", wavelet="db10 db2 db4 sym10 coif3 haar sinc orthonormal random delta", sharing="PerFilter CQF"
    ),
    "dilations": [("sigwavnet", {"dilations": value}) for value in ("1,1", "2,1", "3,2", "4,4")],
    "orthogonality": grid("sigwavnet", orthogonality="0 0.01 0.1 1", sharing="CQF PerLayer PerFilter"),
    "attention of mfcc-attention": grid(
        "mfcc-attention", "mfcc-attention:notebook", attention="none channel spatial both reversed"
    ),
    "features": [(f"mfcc-attention{end}", {}) for end in FEATURES],
    "depth": list(depths()),
    "first kernel": grid("cnn-5-gru", "cnn-18-gru", first_taps="40 80 160 320 640"),
    "one step of a GRU": grid(
        *(f"cnn-{n}-gru{end}" for n in (5, 18) for end in ("", "+over-time", "+no-gru", "+mean-state"))
    ),
    "objective": grid("sigwavnet", objective="focal focal-batch", gamma="0 1 2 5")
    + grid("sigwavnet", objective="cross-entropy", class_weights="none balanced"),
    "head": grid("sigwavnet", head_norm="instance none affine temperature"),
    "shared normalization": grid("cnn-11-gru", reuse_first_norm="true false"),
    "fusion": [(f"wavfusion{end}", {}) for end in FUSIONS],
    "discrepancy loss": grid("wavfusion", discrepancy="0 0.01 0.1 0.5 1 2 5 10", margin="0.05 0.15 0.3 0.5"),
    "local part": [("wavfusion", {"codewords": k}) for k in ("8", "32", "64", "128")]
    + [(f"wavfusion+{v}", {}) for v in ("no-lvc", "lvc-stem", *(f"lvc-{v}" for v in LOCAL))],
    "layers": [(f"wavfusion{end}", {}) for end in ("+concat", *SPLITS, *(f"+concat-unfrozen{end}" for end in SPLITS))],
}


@pytest.mark.parametrize("question", LEVELS)
def test_every_level_can_be_chosen_and_built_and_differs_from_the_others(question: str) -> None:
    seen = []
    for spec, settings in LEVELS[question]:
        chosen = choose(spec, settings)
        with torch.device("meta"):
            module = chosen.card.build(chosen.settings, Task(tuple("abcd")))
        assert sum(p.numel() for p in module.parameters()) > 0
        seen.append((chosen.card.name, chosen.settings))
    assert all(a != b for a, b in itertools.combinations(seen, 2))
