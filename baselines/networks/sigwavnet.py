"""The network of ``sigwavnet``: wavelet bands of the waveform, a branch per band, one look over all of them."""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError
from ..settings.sigwavnet import Settings
from .masking import SLOPE, at_least, excerpt, last_valid, masked_mean, normed_leaky, steps_after, steps_before, valid
from .recurrence import Memory, run_grus
from .wavelets import Threshold, WaveletBank, universal_threshold

TAPS = 5  # of the convolution over the features of all bands


class SigWavNet(nn.Module):
    """Waveforms (B, N) -> class scores (B, C).

    Bands are ordered as the head sees them: the approximation of the last level, then the details of levels 1 to L.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: Settings, n_classes: int, rate_hz: int) -> None:
        super().__init__()
        s, bands, width = settings, settings.levels + 1, 2 * settings.hidden
        self.settings, self.max_samples = settings, round(settings.max_seconds * rate_hz)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))
        self.bank = WaveletBank(s.levels, s.sharing, s.wavelet, s.taps, s.train_filters)
        self.thresholds = nn.ModuleList()
        if s.threshold != "off" and s.threshold != "classical":
            thresholds = (
                Threshold(s.threshold, s.threshold_start, s.slope, s.train_threshold) for _ in range(s.levels)
            )
            self.thresholds.extend(thresholds)
        branches = [Branch(s.channels, s.dilations, s.spatial_attention) for _ in range(bands)]
        self.branches = nn.ModuleList(branches)
        self.grus = nn.ModuleList(
            nn.GRU(2 * s.channels, s.hidden, s.gru_layers, batch_first=True, bidirectional=True)
            for _ in range(bands if s.gru_layers else 0)
        )
        attentive = bool(s.gru_layers) and s.pooling == "attention"
        self.pools = nn.ModuleList(TemporalAttention(width) for _ in range(bands if attentive else 0))
        self.projections = nn.ModuleList(nn.Linear(2 * s.channels, width) for _ in range(0 if s.gru_layers else bands))
        self.band_weights = nn.Parameter(torch.ones(bands)) if s.channel_weighting else None
        self.head = Head(bands, n_classes, s.head_norm)
        self.min_samples = self.bank.samples(branches[0].min_steps())
        self.memory = Memory()
        self.sums: dict[str, Tensor] = {}
        self.passes = 0

    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Mean and deviation of all samples of the training rows: (B, N) and lengths (B,) each."""
        n, total, squares = 0, 0.0, 0.0
        for waveforms, lengths in batches:
            inside = waveforms[valid(lengths, waveforms.shape[1])].double()
            n, total, squares = n + inside.numel(), total + float(inside.sum()), squares + float(inside.square().sum())
        self.mean.fill_(total / n)
        self.deviation.fill_(max(squares / n - (total / n) ** 2, 0.0) ** 0.5 or 1.0)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Scores before the softmax."""
        x, lengths = excerpt(waveforms, lengths, self.max_samples, self.training)
        x = (x - self.mean) / self.deviation * valid(lengths, x.shape[1])
        x, lengths = at_least(x, lengths, self.min_samples)
        if not self.settings.mask_padding:
            lengths = torch.full_like(lengths, x.shape[1])
        approximations, details = self.decompose(x, lengths)
        steps = self.bank.steps(lengths)
        sequences, masks, counts = [], [], []  # (B, T, 2K), (B, T), (B,) of each band
        for branch, band, count in zip(self.branches, [approximations[-1], *details], [steps[-1], *steps], strict=True):
            sequence, count, spread = branch(band, count)
            if self.settings.spatial_attention:
                self._note("spatial_entropy", spread / len(self.branches))
            sequences.append(sequence)
            masks.append(valid(count, sequence.shape[1]))
            counts.append(count)
        features = torch.stack(self._pool(sequences, masks, counts), dim=1)  # (B, L + 1, 2H)
        if self.band_weights is not None:
            features = features * self.band_weights[:, None]
        self.passes += self.training
        scores: Tensor = self.head(features)
        return scores

    def decompose(self, x: Tensor, lengths: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Approximations, and details after the threshold, of each level: (B, N) -> L times (B, 1, N_l)."""
        approximations, details = self.bank(x[:, None])
        if self.settings.threshold == "off":
            return approximations, details
        for level, count in enumerate(self.bank.steps(lengths)):
            inside = valid(count, details[level].shape[2])
            if self.settings.threshold == "classical":
                edge = universal_threshold(details[level], inside, lengths)
                gain = (details[level].abs() >= edge).to(x.dtype)  # (B, 1, N_l)
                details[level] = details[level] * gain
                self._note(f"threshold_{level + 1}", edge.mean())
            else:
                details[level], gain = self.thresholds[level](details[level])
            passed = (gain.detach() > 0.5).to(gain.dtype)
            self._note(f"kept_{level + 1}", masked_mean(passed, inside).mean())
        return approximations, details

    def _pool(self, sequences: list[Tensor], masks: list[Tensor], counts: list[Tensor]) -> list[Tensor]:
        """One vector (B, 2H) per band."""
        if not self.grus:
            means = [masked_mean(x.transpose(1, 2), mask) for x, mask in zip(sequences, masks, strict=True)]
            return [project(mean) for project, mean in zip(self.projections, means, strict=True)]
        states = run_grus(cast("list[nn.GRU]", list(self.grus)), sequences, counts, self.memory)
        if self.settings.pooling == "mean":
            return [masked_mean(x.transpose(1, 2), mask) for x, mask in zip(states, masks, strict=True)]
        if self.settings.pooling == "last":
            hidden = self.settings.hidden
            return [
                torch.cat([last_valid(x, count)[:, :hidden], x[:, 0, hidden:]], dim=1)
                for x, count in zip(states, counts, strict=True)
            ]
        vectors = []
        for pool, x, mask, count in zip(self.pools, states, masks, counts, strict=True):
            vector, spread = pool(x, mask, count)
            self._note("temporal_entropy", spread / len(self.pools))
            vectors.append(vector)
        return vectors

    def carry(self, on: bool) -> None:
        """Hand the states of all GRUs from one forward pass to the next, by slot of the batch; or begin with zero.

        As the released code does from batch to batch. Turned on, the first pass begins with zero.
        """
        if on and not self.grus:
            raise InputError("sigwavnet: without a GRU (gru_layers=0) there is no state to hand on")
        self.memory.carry(on)

    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        """Focal loss (T.-Y. Lin et al., ICCV 2017) with class weights: scores (B, C), truth (B,), weights (C,).

        ``focal``: mean of w (1 - p)^gamma (-log p). ``focal-batch``, as released: the batch's mean cross-entropy takes
        the place of -log p, and the mean weight of w = samples / samples of the class.
        """
        scores, gamma = scores.float(), self.settings.gamma
        if self.settings.objective == "cross-entropy":
            smoothing = self.settings.label_smoothing
            return functional.cross_entropy(scores, truth, weight=weights, label_smoothing=smoothing)
        surprise = functional.cross_entropy(scores, truth, reduction="none")  # (B,)
        weight = weights[truth]
        if self.settings.objective == "focal-batch":
            surprise, weight = surprise.mean(), weight.mean() * weights.reciprocal().sum()
        return (weight * (1 - (-surprise).exp()) ** gamma * surprise).mean()

    def penalty(self) -> Tensor:
        """How far the filters are from orthonormal, times ``orthogonality``."""
        return self.settings.orthogonality * self.bank.departure()

    def watch(self) -> dict[str, float]:
        """Thresholds, slopes and, over the training batches since the last call, shares of details kept and entropies.

        The latter two in [0, 1]. How far the filters are from orthonormal, and their spectra from those of db10.
        """
        facts = {"orthogonality_error": float(self.bank.departure().detach())}
        if self.bank.low.shape[1] >= 20:
            facts["distance_to_db10"] = float(self.bank.distance("db10"))
        for level, threshold in enumerate(cast("Iterable[Threshold]", self.thresholds), start=1):
            edges = dict(zip(("positive", "negative", "rise", "fall"), threshold.edges(), strict=True))
            facts |= {f"threshold_{name}_{level}": float(value.detach()) for name, value in edges.items()}
        facts |= {name: float(total) / self.passes for name, total in self.sums.items()}
        self.sums, self.passes = {}, 0
        return facts

    def _note(self, name: str, value: Tensor) -> None:
        if self.training:
            self.sums[name] = self.sums.get(name, 0) + value.detach()


class Branch(nn.Module):
    """A band (B, 1, T) and lengths -> a sequence (B, T / 16, 2K), its lengths, and the entropy of the attention."""

    def __init__(self, channels: int, dilations: tuple[int, int], attention: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, channels, 7, stride=4, dilation=dilations[0])
        self.conv2 = nn.Conv1d(channels, 2 * channels, 5, stride=4, dilation=dilations[1])
        self.conv3 = nn.Conv1d(2 * channels, 2 * channels, 7, padding=3) if attention else None
        self.score = nn.Conv1d(2 * channels, 1, 1, bias=False) if attention else None

    def min_steps(self) -> int:
        """The shortest band: two positions, since normalization leaves nothing of one."""
        return steps_before(self.conv1, steps_before(self.conv2, 2))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spatial attention after Jetley et al., ICLR 2018: the whole band, weighted, is added to every position."""
        x = self.conv1(x)  # (B, K, T / 4)
        lengths = steps_after(self.conv1, lengths)
        x = self.conv2(normed_leaky(x, valid(lengths, x.shape[2])))  # (B, 2K, T / 16)
        lengths = steps_after(self.conv2, lengths)
        mask = valid(lengths, x.shape[2])
        x = normed_leaky(x, mask)
        if self.conv3 is None or self.score is None:
            return x.transpose(1, 2), lengths, x.new_zeros(())
        context = normed_leaky(self.conv3(x), mask)  # (B, 2K, T / 16)
        weight = attention(self.score(x + context).squeeze(1), mask)  # (B, T / 16)
        band = torch.bmm(x, weight[:, :, None])  # (B, 2K, 1)
        return functional.leaky_relu(x + band, SLOPE).transpose(1, 2), lengths, entropy(weight, mask)


class TemporalAttention(nn.Module):
    """States (B, T, W) -> a vector (B, W): Luong et al., EMNLP 2015, score "general", asked by the last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(2 * width, width, bias=False)

    def forward(self, states: Tensor, mask: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The vector, and the entropy of the attention."""
        query = last_valid(states, lengths)  # (B, W)
        scores = torch.bmm(states, (query @ self.key.weight)[:, :, None]).squeeze(2)  # (W_1 o) . q = o . (q W_1)
        weight = attention(scores, mask)  # (B, T)
        context = torch.bmm(weight[:, None], states).squeeze(1)  # (B, W)
        return torch.tanh(self.out(torch.cat([context, query], dim=1))), entropy(weight, mask)


class Head(nn.Module):
    """Vectors of all bands (B, L + 1, 2H) -> scores (B, C): a convolution along the features, averaged.

    ``instance``, as released: each class row has mean 0 and variance 1 before the rectifier, so that scores can hardly
    differ and no class gets much more than 1 / C. ``temperature`` and ``affine`` learn a scale, one or per class.
    """

    def __init__(self, bands: int, n_classes: int, norm: str) -> None:
        super().__init__()
        self.conv = nn.Conv1d(bands, n_classes, TAPS)
        self.norm = nn.InstanceNorm1d(n_classes, affine=norm == "affine") if norm != "none" else nn.Identity()
        self.log_scale = nn.Parameter(torch.zeros(())) if norm == "temperature" else None

    def forward(self, features: Tensor) -> Tensor:
        """Scores before the softmax."""
        scores: Tensor = functional.leaky_relu(self.norm(self.conv(features)), SLOPE).mean(2)
        return scores if self.log_scale is None else scores * self.log_scale.exp()


def attention(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over valid positions: (B, T)."""
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=1)


@torch.no_grad()
def entropy(weight: Tensor, mask: Tensor) -> Tensor:
    """Mean entropy of attention weights (B, T), as a share of the entropy of equal weights."""
    highest = mask.sum(1).clamp(min=2).log()
    share: Tensor = torch.special.entr(weight).sum(1) / highest
    return share.mean()
