"""The MFCC attention network: released weights, published sizes, its front end, and the penalty."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from serbench.baselines.mfcc_attention import from_released
from serbench.baselines.networks.mfcc_attention import AttentionCnn, Dropout, MfccAttention, he_normal
from serbench.baselines.parts.features import dct, mel_filters, mfcc, resampled
from serbench.baselines.registry import Task, choose
from serbench.baselines.settings.mfcc_attention import Settings
from serbench.errors import InputError
from serbench.tests.support import reference_tensors

TASK = Task(tuple("abcdefg"))
RATE = 22_050


def golden(kind: str) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights under their authors' names, inputs and probabilities."""
    weights, out = reference_tensors.golden(f"mfcc_attention_{kind}")
    return weights, out["input"], out["probability"]


@pytest.mark.parametrize("kind", reference_tensors.ATTENTION)
def test_released_weights_give_the_released_outputs(kind: str) -> None:
    weights, vectors, expected = golden(kind)
    with torch.no_grad():
        scores = from_released(weights)(vectors).softmax(1)
    assert (scores - expected).abs().max() < 1e-5
    assert (expected - 1 / 7).abs().max() > 0.01, "the reference says nothing"


def test_released_weights_that_do_not_fit_are_named() -> None:
    weights, _, _ = golden("both")
    with pytest.raises(InputError, match=r"dense1\.kernel.*missing"):
        from_released({name: value for name, value in weights.items() if name != "dense1.kernel"})
    with pytest.raises(InputError, match=r"conv3\.weight"):
        from_released({**weights, "conv3.kernel": torch.zeros(7, 32, 32)})
    with pytest.raises(InputError, match=r"before\.1\.norm\.running_var"):
        from_released({name: value for name, value in weights.items() if name != "bn2.moving_variance"})
    with pytest.raises(InputError, match=r"attention\.1\.conv\.weight \(1, 2, 5\) instead of \(1, 2, 7\)"):
        from_released({**weights, "sa.kernel": torch.zeros(5, 2, 1)})
    from_released({**weights, "bn1.num_batches_tracked": torch.tensor(3)})


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# length of the vector, attention in the stored model, and Keras' total, which counts 1,152 running statistics
STORED = [
    (2268, "both", 37_434_661), (2060, "spatial", 34_018_325), (251, "channel", 4_388_119), (251, "spatial", 4_379_669),
    (108, "both", 2_045_221), (1296, "both", 21_509_413), (1236, "both", 20_526_373),
]  # fmt: skip


@pytest.mark.parametrize(("length", "attention", "total"), STORED)
def test_sizes_of_the_stored_models(length: int, attention: str, total: int) -> None:
    settings = choose("mfcc-attention:notebook", {"attention": attention}).settings
    with torch.device("meta"):
        network = AttentionCnn(settings, 1, length, 7)
    statistics = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    assert (size(network), size(network) + statistics) == (total - 1152, total)


def test_size_of_the_form_in_the_paper() -> None:
    with torch.device("meta"):
        assert size(AttentionCnn(choose("mfcc-attention:paper").settings, 1, 2268, 7)) == 5_485_477


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("mfcc-attention", 2_078_117),
        ("mfcc-attention+no-attention", 2_078_117 - 8_464 - 14),
        ("mfcc-attention+channel-only", 2_078_117 - 14),
        ("mfcc-attention+spatial-only", 2_078_117 - 8_464),
        ("mfcc-attention+reversed", 2_078_117),
        ("mfcc-attention+mean-pool", 2_078_117 - 95 * 256 * 64),
    ],
)
def test_sizes_of_profile_clean(spec: str, count: int) -> None:
    chosen = choose(spec)
    with torch.device("meta"):
        assert size(chosen.card.build(chosen.settings, TASK)) == count


@pytest.mark.parametrize(
    ("attention", "order"),
    [("both", ["ChannelAttention", "SpatialAttention"]), ("reversed", ["SpatialAttention", "ChannelAttention"])],
)
def test_the_order_of_the_attentions(attention: str, order: list[str]) -> None:
    settings = choose("mfcc-attention:tiny", {"attention": attention}).settings
    assert [type(layer).__name__ for layer in AttentionCnn(settings, 20, 108, 2).attention] == order


def test_watch_tells_the_weights_of_both_attentions_in_training() -> None:
    chosen = choose("mfcc-attention:tiny")
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, TASK)
    x, lengths, weights = torch.randn(4, 108, 20), torch.full((4,), 108), []
    for layer in module.network.attention:
        kept = layer.note
        layer.note = lambda weight, kept=kept: weights.append(weight.detach()) or kept(weight)
    module(x, lengths)
    facts = module.watch()
    for name, weight in zip(("channel", "spatial"), weights, strict=True):
        assert facts[f"{name}_mean"] == pytest.approx(weight.mean().item(), abs=1e-6)
        assert facts[f"{name}_deviation"] == pytest.approx(weight.std(correction=0).item(), abs=1e-6)
    module.eval()(x, lengths)
    assert module.watch() == {}


def test_weights_begin_as_keras_has_them() -> None:
    torch.manual_seed(0)
    network = AttentionCnn(Settings(), 20, 108, 7)
    kernel = network.before[1].conv.weight
    limit = (6 / (256 * 7 + 256 * 7)) ** 0.5
    assert 0.999 * limit < kernel.abs().max() <= limit
    drawn = he_normal(nn.Linear(200, 2000)).weight
    assert drawn.std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.01)
    assert drawn.abs().max() <= 2 * 0.1 / 0.87962566
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))


def test_the_penalty_is_the_squared_kernels() -> None:
    network = AttentionCnn(choose("mfcc-attention:paper", {"filters": "4", "reduction": "2"}).settings, 1, 100, 3)
    kernels = [p for name, p in network.named_parameters() if name.endswith(("conv.weight", "dense1.weight"))]
    expected = [p for p in kernels if p.dim() == 2 or p.shape[1] in (1, 4)]  # without spatial attention
    assert len(expected) == 4 and len(kernels) == 5
    assert network.penalty().item() == pytest.approx(1e-3 * sum(p.double().square().sum().item() for p in expected))
    network.penalty().backward()
    assert torch.allclose(expected[1].grad, 2e-3 * expected[1])


def test_dropout_keeps_the_mean_and_only_acts_in_training() -> None:
    layer, x = Dropout(0.2), torch.ones(400, 400)
    torch.manual_seed(0)
    dropped = layer(x)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert layer.eval()(x) is x


def chirp(samples: int, loudness: float = 0.3) -> np.ndarray:
    time = np.arange(samples) / RATE
    noise = np.random.default_rng(samples).standard_normal(samples)
    tone = np.sin(2 * np.pi * (150 * time + 400 * time**2)) * np.exp(-2 * time)
    return (loudness * tone + 1e-5 * noise).astype(np.float32)


def together(clips: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    batch = nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
    return batch, torch.tensor([len(clip) for clip in clips])


def test_mfcc_are_those_of_librosa_whatever_the_companions() -> None:
    import librosa

    # the loud clip would lift the floor of the quiet ones if the maximum were the batch's
    clips = [chirp(55_125, 0.001), chirp(30_000, 1e-6), chirp(12_288), chirp(2_500), np.zeros(9_000, np.float32)]
    coefficients = mfcc(*together(clips), RATE)
    assert coefficients.shape == (5, 108, 20)
    for clip, rows in zip(clips, coefficients.numpy(), strict=True):
        expected = librosa.feature.mfcc(y=clip, sr=RATE).T
        assert np.abs(rows[: len(expected)] - expected).max() < 2e-3  # dB; values reach 1100
        assert not rows[len(expected) :].any()


def test_filters_and_cosines_are_those_of_librosa_and_scipy() -> None:
    import librosa
    from scipy.fft import dct as reference

    expected = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128)
    assert np.abs(mel_filters(RATE, 2048, 128).numpy().T - expected).max() < 1e-6
    assert np.abs(dct(128, 20).numpy() - reference(np.eye(128), norm="ortho")[:, :20]).max() < 1e-6


def test_constants_made_in_inference_can_be_trained_through() -> None:
    mel_filters.cache_clear()
    with torch.inference_mode():
        mfcc(*together([chirp(5_000)]), RATE)
    power = torch.ones(3, 1025, requires_grad=True)
    (power @ mel_filters(RATE, 2048, 128)).sum().backward()
    assert power.grad is not None and power.grad.any()


def network(spec: str = "mfcc-attention:tiny", rate_hz: int = 16_000, **changes: str) -> MfccAttention:
    chosen = choose(spec, {"filters": "8", "reduction": "2", **changes})
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, Task(TASK.classes, rate_hz))
    assert isinstance(module, MfccAttention)
    return module


def test_the_excerpt_is_2_5_s_from_0_6_s_and_short_clips_begin_at_0() -> None:
    module = network(rate_hz=RATE)  # no resampling, so the excerpt can be cut by hand
    clips = [chirp(n) for n in (90_000, 68_355, 30_000, 24_255, 24_254, 4_410)]  # 24,255 samples are 1.1 s
    coefficients, frames = module.front(*together(clips))
    assert frames.tolist() == [108] * 6
    for index, clip in enumerate(clips):
        cut = clip[13_230 : 13_230 + 55_125] if len(clip) >= 24_255 else clip
        padded = torch.zeros(1, 55_125)
        padded[0, : len(cut)] = torch.from_numpy(cut)
        expected = mfcc(padded, torch.tensor([55_125]), RATE)[0]
        assert torch.allclose(coefficients[index], expected, atol=1e-3), f"clip {index}"


def test_zero_cells_are_frames_that_a_clip_does_not_have() -> None:
    module = network("mfcc-attention", rate_hz=RATE, short_clips="zero-cells")
    clips = [chirp(n) for n in (90_000, 30_000, 13_231, 13_230, 4_410)]
    coefficients, _ = module.front(*together(clips))
    present = [int(row.abs().sum(1).gt(0).sum()) for row in coefficients]
    assert present == [108, 1 + (30_000 - 13_230) // 512, 1, 0, 0]
    import librosa

    expected = librosa.feature.mfcc(y=clips[1][13_230:], sr=RATE).T
    assert np.abs(coefficients[1, : len(expected)].numpy() - expected).max() < 2e-3


@pytest.mark.parametrize("cells", [("crossings", "mfcc"), ("mfcc",), ("crossings",)])
def test_table_has_the_rows_of_the_notebooks(cells: tuple[str, ...]) -> None:
    """As a notebook writes them with librosa's defaults: 2.5 s from 0.6 s, block after block, missing cells 0."""
    import librosa

    name = "released" if len(cells) == 2 else f"released-{cells[0]}"
    module = network(f"mfcc-attention:{name}", rate_hz=RATE)
    clips = [chirp(n) for n in (90_000, 68_355, 30_000, 15_300, 13_230)]
    table, lengths = module.front(*together(clips))
    width = {"crossings": 108, "mfcc": 2160}
    assert table.shape == (5, sum(width[name] for name in cells), 1) and lengths.tolist() == [table.shape[1]] * 5
    for row, clip in zip(table[..., 0].numpy(), clips, strict=True):
        heard = clip[13_230 : 13_230 + 55_125]
        blocks = {
            "crossings": lambda y: librosa.feature.zero_crossing_rate(y=y)[0],
            "mfcc": lambda y: librosa.feature.mfcc(y=y, sr=RATE).T.ravel(),
        }
        values = np.concatenate([blocks[cell](heard) for cell in cells]) if len(heard) else np.zeros(0)
        assert np.abs(row[: len(values)] - values).max(initial=0) < 2e-3 and not row[len(values) :].any()
    scores = module.eval()(table, lengths)
    assert scores.shape == (5, 7) and bool(scores.isfinite().all())


def test_layout_table_reads_no_features_and_others_no_cells() -> None:
    with pytest.raises(InputError, match="layout framed does not read it"):
        choose("mfcc-attention", {"cells": "mfcc"})
    with pytest.raises(InputError, match="setting 'features': layout table does not read it"):
        choose("mfcc-attention:released", {"features": "mfcc,chroma"})


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100])
def test_any_rate_becomes_the_same_tone_in_108_frames(rate_hz: int) -> None:
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(3 * rate_hz) / rate_hz)[None]
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(3 * RATE) / RATE)[None]
    waveforms = resampled(tone, rate_hz, RATE)
    assert waveforms.shape == expected.shape
    assert (waveforms - expected)[:, 100:-100].abs().max() < 5e-3  # the edges ring
    features, frames = network(rate_hz=rate_hz).front(tone, torch.tensor([3 * rate_hz]))
    assert features.shape == (1, 108, 20) and frames.tolist() == [108]


@pytest.mark.parametrize(("spec", "axes"), [("mfcc-attention:tiny", (0, 1)), ("mfcc-attention:notebook", (0,))])
def test_scaling_is_of_the_training_rows(spec: str, axes: tuple[int, ...]) -> None:
    module = network(spec)
    rows = torch.randn(50, 108, 20) * 7 + torch.arange(20) * 30
    rows[:, :, 3] = 2.5  # a constant must not be divided by nothing
    lengths = torch.full((25,), 108)
    module.adapt([(rows[:25], lengths), (rows[25:], lengths)])
    values = rows.double().numpy()
    mean, deviation = values.mean(axes), values.std(axes)
    deviation[..., 3] = 1
    assert np.allclose(module.mean.numpy(), mean.reshape(-1), atol=1e-3)
    assert np.allclose(module.deviation.numpy(), deviation.reshape(-1), rtol=1e-4)
    assert {"mean", "deviation"} <= module.state_dict().keys()


def test_layout_vector_is_frame_after_frame() -> None:
    module = network("mfcc-attention:notebook").eval()
    features = torch.randn(2, 108, 20)
    with torch.no_grad():
        direct = module.network(torch.stack([clip.reshape(-1) for clip in features]))
        assert torch.equal(module(features, torch.tensor([108, 108])), direct)


def test_profiles_are_the_published_recipes() -> None:
    recipe = {"optimizer": "adam", "lr": 1e-5, "eps": 1e-7, "norm_momentum": 0.01, "l2": 1e-3, "dropout": 0.2}
    for profile, batch, blocks in (("notebook", 16, 2), ("released", 16, 2), ("paper", 64, 3)):
        settings = choose(f"mfcc-attention:{profile}").settings
        assert recipe.items() <= vars(settings).items()
        layout = "table" if profile == "released" else "vector"
        assert (settings.batch, settings.blocks, settings.layout) == (batch, blocks, layout)
    clean = choose("mfcc-attention").settings
    assert (clean.optimizer, clean.lr, clean.batch, clean.epochs) == ("adamw", 3e-4, 64, 100)
