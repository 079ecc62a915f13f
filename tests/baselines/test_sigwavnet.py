"""SigWavNet: released weights, published sizes, its wavelets and thresholds, its loss, and what padding may not do."""

import math
from dataclasses import replace

import numpy as np
import pytest
import pywt
import torch
from torch import Tensor, nn
from torch.nn import functional

from serbench.baselines.networks import sigwavnet as network
from serbench.baselines.networks.masking import valid
from serbench.baselines.registry import Task, choose, find
from serbench.baselines.settings.sigwavnet import Settings
from serbench.baselines.sigwavnet import VARIANTS, from_released
from serbench.errors import InputError
from serbench.tests.support import reference_tensors

TASK = Task(tuple("abcd"))
KINDS = reference_tensors.SIGWAVNET


def golden(kind: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return reference_tensors.golden(f"sigwavnet_{kind}")


def build(spec: str = "sigwavnet:tiny", seed: int = 0, **overrides: str) -> network.SigWavNet:
    chosen = choose(spec, overrides)
    torch.manual_seed(seed)
    module = chosen.card.build(chosen.settings, TASK)
    assert isinstance(module, network.SigWavNet)
    return module


def size(spec: str, n_classes: int = 4, **overrides: str) -> int:
    chosen = choose(spec, overrides)
    with torch.device("meta"):
        module = chosen.card.build(chosen.settings, Task(tuple("abcdefg"[:n_classes])))
    return sum(p.numel() for p in module.parameters())


def together(clips: list[Tensor]) -> tuple[Tensor, Tensor]:
    return nn.utils.rnn.pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])


@pytest.mark.parametrize("kind", KINDS)
def test_released_weights_give_the_released_bands_outputs_and_gradient(kind: str) -> None:
    weights, expected = golden(kind)
    module = from_released(weights)
    assert isinstance(module, network.SigWavNet)
    x = expected["input"].clone().requires_grad_()
    lengths = torch.full((len(x),), x.shape[1])
    approximations, details = module.bank(x[:, None])
    _, thresholded = module.decompose(x, lengths)
    for name, bands in (("approximation", approximations), ("detail", details), ("detail_thresholded", thresholded)):
        for level, band in enumerate(bands, start=1):
            assert (band - expected[f"{name}.{level}"]).abs().max() < 1e-5, f"{name}.{level}"
    log_probabilities = module(x, lengths).log_softmax(1)
    assert (log_probabilities - expected["log_prob"]).abs().max() < 1e-5
    loss = functional.nll_loss(log_probabilities, expected["target"])
    assert (loss - expected["loss"]).abs().max() < 1e-5
    (gradient,) = torch.autograd.grad(loss, x)
    assert (gradient - expected["grad_input"]).abs().max() < 1e-4 * expected["grad_input"].abs().max()
    assert (expected["log_prob"] + math.log(log_probabilities.shape[1])).abs().max() > 0.01, (
        "the reference says nothing"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_read_from_released_weights(kind: str) -> None:
    weights, expected = golden(kind)
    module = from_released(weights)
    s = module.settings
    assert (s.levels, s.channels, s.hidden, s.gru_layers, s.head_norm) == (4, 8, 6, 2, "instance")
    assert s.sharing == ("PerLayer" if kind in ("cqf", "perlayer") else "PerFilter")
    assert s.threshold == ("aliased" if kind == "aliased" else "asymmetric")
    assert not module.training and module.head.conv.out_channels == expected["log_prob"].shape[1]
    before = weights["conv1_3.bias"].clone()
    module.head.conv.bias.data.zero_()
    assert torch.equal(weights["conv1_3.bias"], before), "the caller's weights must stay"


def test_released_weights_that_do_not_fit_are_named() -> None:
    weights, _ = golden("perfilter")
    for missing, words in (
        ("conv1ds.2.gru1.weight_hh_l1", r"grus\.3\.weight_hh_l1"),
        ("kernelsH_.1.kernel", r"kernelsH_\.1\.kernel.*missing"),
        ("HardThresholdAssymH.0.thrN", r"HardThresholdAssymH\.0\.thrN"),
        ("conv1_3.bias", "missing"),
    ):
        with pytest.raises(InputError, match=words):
            from_released({name: value for name, value in weights.items() if name != missing})
    with pytest.raises(InputError, match="spare"):
        from_released({**weights, "spare": torch.zeros(1)})
    with pytest.raises(InputError, match="without a prefix"):
        from_released({f"param.{name}": value for name, value in weights.items()})


# published sizes: levels -> parameters for (hidden, GRU layers) of (32, 3) (32, 6) (32, 9) (64, 3) ... (128, 9)
PUBLISHED = {
    4: (3650201, 3932441, 4214681, 4731161, 5848601, 6966041, 8551961, 12998681, 17445401),
    6: (5110297, 5505433, 5900569, 6623641, 8188057, 9752473, 11972761, 18198169, 24423577),
    8: (6570393, 7078425, 7586457, 8516121, 10527513, 12538905, 15393561, 23397657, 31401753),
    10: (8030489, 8651417, 9272345, 10408601, 12866969, 15325337, 18814361, 28597145, 38379929),
}  # fmt: skip


@pytest.mark.parametrize("levels", PUBLISHED)
def test_published_sizes(levels: int) -> None:
    grid = [(hidden, layers) for hidden in (32, 64, 128) for layers in (3, 6, 9)]
    for (hidden, layers), count in zip(grid, PUBLISHED[levels], strict=True):
        sizes = {"levels": str(levels), "hidden": str(hidden), "gru_layers": str(layers)}
        assert size("sigwavnet:released", **sizes) == count, sizes


@pytest.mark.parametrize(
    ("spec", "n_classes", "count"),
    [
        ("sigwavnet", 4, 8_516_121),
        ("sigwavnet", 7, 8_516_259),
        ("sigwavnet+one-kernel-threshold", 4, 8_515_821),
        ("sigwavnet+layer-wise-threshold", 4, 8_515_961),
        ("sigwavnet+no-threshold", 4, 8_516_121 - 3 * 8),
        ("sigwavnet+two-slope", 4, 8_516_121 + 8),
        ("sigwavnet+aliased-threshold", 4, 8_516_121),
        ("sigwavnet+classical-threshold", 4, 8_516_121 - 3 * 8),
        ("sigwavnet+no-spatial-attention", 4, 8_516_121 - 9 * (459_008 + 256)),
        ("sigwavnet+mean-pool", 4, 8_516_121 - 9 * 49_152),
        ("sigwavnet+last-state", 4, 8_516_121 - 9 * 49_152),
        ("sigwavnet+no-gru", 4, 8_516_121 - 9 * (272_640 + 49_152) + 9 * (256 * 128 + 128)),
        ("sigwavnet+no-channel-weighting", 4, 8_516_121 - 9),
    ],
)
def test_sizes_of_variants(spec: str, n_classes: int, count: int) -> None:
    assert size(spec, n_classes) == count


def test_sizes_of_one_branch() -> None:
    with torch.device("meta"):
        module = find("sigwavnet").build(Settings(), TASK)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in module.named_modules()}
    expected = {"conv1": 1_024, "conv2": 164_096, "conv3": 459_008, "score": 256}
    assert {name: counts[f"branches.0.{name}"] for name in expected} == expected
    assert (counts["grus.0"], counts["pools.0"], counts["head"]) == (272_640, 49_152, 184)


def test_published_lengths() -> None:
    module = build("sigwavnet", channels="1", hidden="3", gru_layers="0")
    bands = module.bank.steps(torch.tensor([64_000]))
    assert [int(n) for n in bands] == [31991, 15986, 7984, 3983, 1982, 982, 482, 232]
    branch = module.branches[1]
    assert [len(branch(torch.zeros(1, 1, int(n)), n)[0][0]) for n in bands] == [1997, 996, 496, 246, 121, 59, 27, 12]


@pytest.mark.parametrize(
    ("levels", "samples"), [(4, 1342), (5, 2702), (6, 5422), (7, 10_862), (8, 21_742), (9, 43_502), (10, 87_022)]
)
def test_published_minimum(levels: int, samples: int) -> None:
    assert build(levels=str(levels)).min_samples == samples
    assert levels != 8 or find("sigwavnet").min_seconds == samples / 16_000


def test_filters_that_are_not_trained_stay() -> None:
    for spec in ("sigwavnet:tiny+fixed-filters", "sigwavnet:tiny+db10"):
        assert not [name for name, p in build(spec).named_parameters() if p.requires_grad and "bank" in name]


def test_focal_loss_per_clip() -> None:
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    truth, weights = torch.tensor([0, 1, 2, 3, 0, 0]), torch.tensor([0.5, 1.0, 2.0, 0.5])
    p = scores.softmax(1)[range(6), truth]
    expected = (weights[truth] * (1 - p) ** 2 * -p.log()).mean()
    assert build().loss(scores, truth, weights).item() == pytest.approx(expected.item(), rel=1e-6)
    plain = build(objective="cross-entropy").loss(scores, truth, weights)
    assert plain.item() == pytest.approx(functional.cross_entropy(scores, truth, weights).item(), rel=1e-6)
    free = build(gamma="0").loss(scores, truth, torch.ones(4))
    assert free.item() == pytest.approx(functional.cross_entropy(scores, truth).item(), rel=1e-6)


def test_focal_loss_as_released() -> None:
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    truth, counts = torch.tensor([0, 1, 2, 3, 0, 0]), torch.tensor([30.0, 10.0, 20.0, 40.0])
    balanced = counts.sum() / (4 * counts)  # mean 1 over clips; the authors' weights are 4 times as large
    crossed = functional.cross_entropy(scores, truth)
    expected = (counts.sum() / counts)[truth].mean() * (1 - (-crossed).exp()) ** 2 * crossed
    module = build("sigwavnet:released", levels="1", channels="1", hidden="3", gru_layers="1")
    assert module.loss(scores, truth, balanced).item() == pytest.approx(expected.item(), rel=1e-6)
    assert module.settings.class_weights == "balanced"


@pytest.mark.parametrize(("n_classes", "ceiling"), [(4, 0.334), (7, 0.200)])
def test_the_released_head_cannot_be_sure(n_classes: int, ceiling: float) -> None:
    torch.manual_seed(0)
    features, heads = 50 * torch.randn(300, 9, 128), {}
    for norm in ("instance", "none", "affine", "temperature"):
        heads[norm] = network.Head(9, n_classes, norm)
        if norm == "affine":
            heads[norm].norm.weight.data.fill_(200)
        if norm == "temperature":
            heads[norm].log_scale.data.fill_(math.log(200))
    highest = {norm: head(features).softmax(1).max().item() for norm, head in heads.items()}
    assert 1 / n_classes < highest["instance"] < ceiling
    assert min(highest["none"], highest["affine"], highest["temperature"]) > 0.6


def clips(*seconds: float) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(round(16_000 * s), generator=generator) * 0.1 + 0.02 for s in seconds]


@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_companions_change_nothing(variant: str) -> None:
    module = build("sigwavnet:tiny" + f"+{variant}" * bool(variant)).eval()
    mine = clips(0.7, 0.02, 1.1)
    module.adapt([together(mine)])
    with torch.no_grad():
        x, lengths = together(mine)
        batch = module(functional.pad(x, (0, 3001)), lengths)
        alone = torch.cat([module(clip[None], torch.tensor([len(clip)])) for clip in mine])
    assert (batch - alone).abs().max() < 1e-5
    assert (batch[0] - batch[2]).abs().max() > 1e-4, "the scores say nothing"


def test_companions_change_released_predictions() -> None:
    module = build("sigwavnet:released", levels="3", channels="8", hidden="8", gru_layers="1").eval()
    short, long = clips(0.5, 1.5)
    with torch.no_grad():
        alone = module(short[None], torch.tensor([len(short)]))
        batch = module(*together([short, long]))
    assert (batch[:1] - alone).abs().max() > 1e-3
    assert find("sigwavnet").companions == {"released"}


def test_what_lies_behind_the_end_is_never_read() -> None:
    module = build("sigwavnet:tiny").eval()
    x, lengths = together(clips(0.5, 1.0))
    noise = torch.where(valid(lengths, x.shape[1]), x, 100.0)
    with torch.no_grad():
        assert torch.equal(module(x, lengths), module(noise, lengths))


@pytest.mark.parametrize("seconds", [0.001, 0.2, 20.0])
def test_very_short_and_very_long_clips(seconds: float) -> None:
    module = build("sigwavnet", channels="4", hidden="4", gru_layers="1").eval()
    (clip,) = clips(seconds)
    with torch.no_grad():
        scores = module(clip[None], torch.tensor([len(clip)]))
    assert scores.isfinite().all()
    middle = (
        clip[(len(clip) - 128_000) // 2 :][:128_000] if seconds > 8 else functional.pad(clip, (0, 21_742 - len(clip)))
    )
    with torch.no_grad():
        expected = module(middle[None], torch.tensor([len(middle)]))
    assert torch.allclose(scores, expected, atol=1e-5)


def test_standardization_is_of_the_training_rows() -> None:
    module = build()
    rows = clips(0.3, 0.1, 0.2)
    module.adapt([together(rows[:2]), together(rows[2:])])
    samples = torch.cat(rows).double()
    assert module.mean.item() == pytest.approx(samples.mean().item(), rel=1e-4)
    assert module.deviation.item() == pytest.approx(samples.std(correction=0).item(), rel=1e-4)
    module.adapt([(torch.zeros(1, 50), torch.tensor([50]))])
    assert module.deviation.item() == 1


@pytest.mark.slow
def test_the_default_size_steps_as_with_plain_recurrences(monkeypatch: pytest.MonkeyPatch) -> None:
    module, truth = build("sigwavnet"), torch.arange(4).repeat(4)
    x, lengths = torch.randn(16, 48_000), torch.full((16,), 48_000)
    results = []
    for plain in (False, True):
        if plain:
            one_way = lambda grus, xs, *_: [gru(x)[0] for gru, x in zip(grus, xs, strict=True)]  # noqa: E731
            monkeypatch.setattr(network, "run_grus", one_way)
        module.zero_grad()
        scores = module(x, lengths)
        module.loss(scores, truth, torch.ones(4)).backward()
        results.append((scores.detach(), {name: p.grad.clone() for name, p in module.named_parameters()}))
    (ours, fast), (theirs, slow) = results
    assert torch.allclose(ours, theirs, atol=1e-6)
    largest = max(g.abs().max() for g in slow.values())
    assert all((fast[name] - slow[name]).abs().max() < 1e-5 * largest for name in slow)


@pytest.mark.parametrize("variant", ["", *VARIANTS])
def test_every_trainable_parameter_learns(variant: str) -> None:
    module = build("sigwavnet:tiny" + f"+{variant}" * bool(variant))
    x, lengths = together(clips(0.4, 0.3, 0.5))
    module.adapt([(x, lengths)])
    x[:, 1000:1500] *= 30  # what even a classical threshold lets pass
    loss = module.loss(module(5 * x, lengths), torch.tensor([0, 1, 2]), torch.ones(4)) + module.penalty()
    loss.backward()
    reached = {
        name: p.grad is not None and bool(p.grad.any()) for name, p in module.named_parameters() if p.requires_grad
    }
    flat = {"conv1.bias", "conv2.bias", "conv3.bias"}  # normalization takes them away again, up to rounding
    assert [name for name, ok in reached.items() if not ok and not name.endswith(tuple(flat))] == []


def test_the_seed_decides() -> None:
    first, again, other = (build(seed=seed, wavelet="orthonormal").state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["bank.low"], other["bank.low"])
    x, lengths = together(clips(0.4, 0.3))
    results = [build()(x, lengths) for _ in range(2)]
    assert torch.equal(*results)


def test_the_penalty_is_the_departure_from_orthonormal() -> None:
    assert build("sigwavnet:tiny+orthogonality").penalty().item() == pytest.approx(0, abs=1e-9)
    module = build("sigwavnet:tiny+orthogonality", wavelet="random")
    assert module.penalty().item() == pytest.approx(0.1 * module.bank.departure().item()) and module.penalty() > 0.01
    assert build("sigwavnet:tiny", wavelet="random").penalty().item() == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_says_and_does_something(variant: str) -> None:
    plain, chosen = choose("sigwavnet").settings, choose(f"sigwavnet+{variant}").settings
    assert chosen != plain and chosen == replace(plain, **VARIANTS[variant].settings)


def test_the_published_ablation_is_there() -> None:
    published = [variant.summary for variant in VARIANTS.values() if variant.summary.startswith("published: ")]
    assert len(published) == 7  # and the eighth row is the model itself
    switches = {(v.settings.get("sharing", "PerFilter"), v.settings.get("train_filters", True),
                 v.settings.get("threshold", "on"), v.settings.get("gru_layers", 3))
                for v in VARIANTS.values() if v.summary.startswith("published: ")}  # fmt: skip
    assert len(switches) == 7


def test_watch_says_where_thresholds_and_attention_are() -> None:
    module = build()
    x, lengths = together(clips(0.4, 0.3))
    module.adapt([(x, lengths)])
    for _ in range(2):
        module(x, lengths)
    facts = module.watch()
    assert facts["threshold_positive_2"] == 0.5 and facts["threshold_rise_1"] == 10 and facts["threshold_fall_1"] == -10
    assert {f"kept_{level}" for level in (1, 2, 3)} <= facts.keys()
    assert all(0 <= facts[name] <= 1 for name in facts if name.startswith(("kept", "spatial", "temporal")))
    assert 0.5 < facts["temporal_entropy"] <= 1 and 0 < facts["kept_1"] < 1
    module(x * 1e-6, lengths)  # far below the thresholds
    assert module.watch()["kept_1"] == 0
    module.eval()(x, lengths)
    assert "kept_1" not in module.watch()
    module.train()
    for variant, missing in (("no-gru", "temporal_entropy"), ("no-spatial-attention", "spatial_entropy")):
        module = build(f"sigwavnet:tiny+{variant}")
        module(x, lengths)
        facts = module.watch()
        assert missing not in facts and "kept_1" in facts


def test_watch_says_where_the_filters_are() -> None:
    assert build().watch()["orthogonality_error"] == pytest.approx(0, abs=1e-9)
    assert build().watch()["distance_to_db10"] == pytest.approx(0, abs=1e-6)
    facts = build(wavelet="delta").watch()
    assert facts["orthogonality_error"] == pytest.approx(0, abs=1e-9) and facts["distance_to_db10"] > 0.3
    assert build(wavelet="random").watch()["orthogonality_error"] > 0.1
    assert "distance_to_db10" not in build(wavelet="haar", taps="2").watch()


def test_the_classical_threshold_is_hard_and_learns_nothing() -> None:
    module = build("sigwavnet:tiny+classical-threshold", max_seconds="0")
    assert not module.thresholds
    x, lengths = together([20 * clip for clip in clips(0.3, 0.2)])
    x[:, 1000:1200] *= 30
    plain = build("sigwavnet:tiny+no-threshold", max_seconds="0").decompose(x, lengths)[1]
    for level, (before, after) in enumerate(zip(plain, module.decompose(x, lengths)[1], strict=True), start=1):
        for clip, n in enumerate(lengths.tolist()):
            steps = int(module.bank.steps(torch.tensor(n))[level - 1])
            row = before[clip, 0, :steps].detach().numpy()
            edge = np.median(np.abs(row)) / 0.6745 * np.sqrt(2 * np.log(n))
            assert np.allclose(after[clip, 0, :steps].detach(), pywt.threshold(row, edge, "hard"), atol=1e-6)
        module.passes = 1
    facts = module.watch()
    assert 0.02 < facts["kept_1"] < 0.1 and facts["threshold_1"] > 5  # of the noise nothing stays, of the burst much
    module(x, lengths).sum().backward()
    assert module.bank.high.grad.any() and module.bank.high.grad.isfinite().all()


def test_half_precision_runs() -> None:
    module = build()
    x, lengths = together(clips(0.4, 0.3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = module.loss(module(x, lengths), torch.tensor([0, 1]), torch.ones(4))
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in module.parameters() if p.grad is not None)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_gradients() -> None:
    module = build()
    x, lengths = together(clips(0.4, 0.3, 0.5))
    gradients = []
    for device in ("cpu", "cuda", "cuda"):
        module.to(device).zero_grad()
        scores = module(x.to(device), lengths.to(device))
        module.loss(scores, torch.tensor([0, 1, 2], device=device), torch.ones(4, device=device)).backward()
        gradients.append({name: p.grad.cpu().clone() for name, p in module.named_parameters() if p.grad is not None})
    assert all(torch.equal(gradients[1][name], gradients[2][name]) for name in gradients[1])
    largest = max(g.abs().max() for g in gradients[0].values())
    assert all((gradients[0][name] - gradients[1][name]).abs().max() < 1e-3 * largest for name in gradients[0])


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("sharing", "QMF", "one of CQF, PerLayer, PerFilter"),
        ("wavelet", "db99", "unknown wavelet 'db99'; did you mean 'db9'"),
        ("wavelet", "bior2.2", "unknown wavelet"),
        ("wavelet", "db20", "'taps': 20 is not at least 40, the length of db20"),
        ("dilations", "3,0", "two numbers of at least 1"),
        ("levels", "11", "from 1 to 10"),
        ("taps", "7", "even"),
        ("hidden", "2", "at least 3"),
        ("threshold_start", "0", "above 0"),
        ("gamma", "0.5", "0, or at least 1"),
        ("label_smoothing", "0.1", "without cross-entropy"),
    ],
)
def test_settings_that_cannot_be(setting: str, value: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        choose("sigwavnet", {setting: value})
    assert words in str(caught.value)
