"""The log-mel CRNN: its front against librosa, normalization over valid frames, masks in training, its size."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from serbench.baselines.networks.logmel_crnn import BandAndTimeMasks, Block, LogmelCrnn
from serbench.baselines.registry import Task, choose
from serbench.errors import InputError

TASK = Task(tuple("abcdefg"))


def network(spec: str = "logmel-crnn:tiny", rate_hz: int = 16_000, **overrides: str) -> LogmelCrnn:
    chosen = choose(spec, overrides)
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, Task(TASK.classes, rate_hz))
    assert isinstance(module, LogmelCrnn)
    return module


def test_it_is_small() -> None:
    assert sum(p.numel() for p in network("logmel-crnn").parameters()) < 300_000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050])
def test_the_front_is_librosas_log_mel(rate_hz: int) -> None:
    import librosa

    clips = torch.randn(2, 20_000, generator=torch.Generator().manual_seed(0)) * 0.1
    lengths = torch.tensor([20_000, 9_001])  # what lies behind the second is not looked at
    features, frames = network("logmel-crnn", rate_hz).front(clips, lengths)
    window, hop = round(0.025 * rate_hz), round(0.010 * rate_hz)
    for clip, n, output, steps in zip(clips.numpy(), lengths.tolist(), features.numpy(), frames.tolist(), strict=True):
        mels = librosa.feature.melspectrogram(
            y=clip[:n], sr=rate_hz, n_fft=1 << (window - 1).bit_length(), win_length=window, hop_length=hop, n_mels=64
        )
        assert steps == mels.shape[1]
        assert np.abs(output[:steps] - np.log(np.maximum(mels.T, np.exp(-14)))).max() < 1e-3


def test_bands_are_scaled_by_valid_frames_of_the_training_rows() -> None:
    module = network()
    rows = [torch.randn(n, 16) * 3 + torch.arange(16) for n in (30, 50, 41)]
    padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=99.0)
    module.adapt([(padded[:2], torch.tensor([30, 50])), (padded[2:], torch.tensor([41]))])
    frames = torch.cat(rows)
    assert torch.allclose(module.mean, frames.mean(0), atol=1e-4)
    assert torch.allclose(module.deviation, frames.std(0, correction=0), atol=1e-4)


def test_a_block_normalizes_as_torch_does_where_nothing_is_padded() -> None:
    block, x = Block(3, 5, 2), torch.randn(4, 3, 20, 8)
    norm = nn.BatchNorm2d(5)
    output, lengths = block(x, torch.full((4,), 20))
    assert lengths.tolist() == [10] * 4
    assert torch.allclose(output, norm(block.conv(x)).relu(), atol=1e-5)
    assert torch.allclose(block.mean, norm.running_mean, atol=1e-6)
    assert torch.allclose(block.eval()(x, torch.full((4,), 20))[0], norm.eval()(block.conv(x)).relu(), rtol=2e-2)


def test_zeros_behind_the_clips_change_nothing_even_in_training() -> None:
    x, lengths = torch.randn(3, 40, 16), torch.tensor([40, 33, 7])
    scores = []
    for zeros in (0, 1, 30):
        module = network("logmel-crnn:tiny+no-masks").train()
        scores.append(module(functional.pad(x, (0, 0, 0, zeros)), lengths))
    assert torch.allclose(scores[0], scores[1], atol=1e-5) and torch.allclose(scores[0], scores[2], atol=1e-5)


def test_masks_blank_at_most_what_is_set_and_only_in_training() -> None:
    settings = choose("logmel-crnn", {"band_masks": "1", "band_width": "5", "time_masks": "1"}).settings
    torch.manual_seed(0)
    lengths = torch.tensor([100, 40] * 200)
    kept = BandAndTimeMasks(settings)(torch.ones(400, 100, 64), lengths)
    bands, times = kept.amax(1).eq(0).sum(1), kept.amax(2).eq(0).sum(1)
    assert bands.min() == 0 and bands.max() == 5
    assert (times[::2].max(), times[1::2].max()) == (15, 6)  # 0.15 of each clip
    assert kept[1::2, 40:].amax(2).eq(1).all()  # never behind its end
    assert bands.float().mean().item() == pytest.approx(2.5, abs=0.4)
    module, x = network("logmel-crnn"), torch.randn(2, 50, 64)
    module.eval()
    assert torch.equal(module(x, torch.tensor([50, 50])), module(x, torch.tensor([50, 50])))


def test_mean_pool_gives_every_frame_the_same_weight() -> None:
    module = network("logmel-crnn:tiny+mean-pool").eval()
    attentive = network("logmel-crnn:tiny").eval()
    attentive.load_state_dict({**attentive.state_dict(), **module.state_dict()})
    assert attentive.attention is not None
    nn.init.zeros_(attentive.attention.weight)
    x, lengths = torch.randn(2, 30, 16), torch.tensor([30, 11])
    assert torch.allclose(module(x, lengths), attentive(x, lengths), atol=1e-6)


@pytest.mark.parametrize(
    ("setting", "value"), [("channels", ""), ("channels", "8,0"), ("band_width", "64"), ("time_share", "1")]
)
def test_sizes_that_no_network_can_have_are_refused(setting: str, value: str) -> None:
    with pytest.raises(InputError, match=setting):
        choose("logmel-crnn", {setting: value})
