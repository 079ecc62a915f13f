"""Parts of WavFusion: attention across modalities, the gate between two streams, a deep layer, and the margin loss."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .masking import masked_mean

Mix = Literal["gate", "scalar", "learned", "fixed", "sum"]
#: our names of the parts of a layer of wav2vec 2.0 -> those of transformers
_FEED = {"norm1": "layer_norm", "norm2": "final_layer_norm"}
_FEED |= {"inner": "feed_forward.intermediate_dense", "outer": "feed_forward.output_dense"}
_ATTENTION = {part: f"attention.{part}_proj" for part in ("q", "k", "v", "out")}


class Attention(nn.Module):
    """Queries (B, Q, D) over a source (B, K, S), true where ``mask`` (B, K): (B, Q, D)."""

    def __init__(self, width: int, source_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.k, self.v = nn.Linear(source_width, width), nn.Linear(source_width, width)
        for layer in (self.q, self.k, self.v, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """softmax(q k^T / sqrt(D / heads)) v per head."""
        q, k, v = (
            t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (self.q(x), self.k(source), self.v(source))
        )
        logits = q @ k.transpose(2, 3) * q.shape[3] ** -0.5  # (B, heads, Q, K)
        share = logits.masked_fill(~mask[:, None, None], float("-inf")).softmax(3)
        mixed: Tensor = self.out((share.to(v.dtype) @ v).transpose(1, 2).flatten(2))
        return mixed


class SelfAttention(nn.Module):
    """A sequence (B, T, D) attends to itself; residual and normalization follow."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention, self.norm = Attention(width, width, heads), nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid steps."""
        normal: Tensor = self.norm(x + self.attention(x, x, mask))
        return normal


class Mixer(nn.Module):
    """Two streams (B, T, D) -> P * first + (1 - P) * second, or their sum.

    ``gate``: P = sigmoid(W [first, second] + b), one per channel; ``scalar``: one per frame; ``learned``: one number
    for everything; ``fixed``: 1/2. With ``misprint`` the gate sees the first stream twice.
    """

    def __init__(self, width: int, mix: Mix, misprint: bool) -> None:
        super().__init__()
        self.mix, self.misprint = mix, misprint
        self.gate: nn.Linear | None = None
        if mix in ("gate", "scalar"):
            self.gate = nn.Linear(2 * width, width if mix == "gate" else 1)
            nn.init.xavier_uniform_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)
        self.logit = nn.Parameter(torch.zeros(())) if mix == "learned" else None
        self.moments: list[Tensor] = []  # mean and mean square of P over valid frames, of every training batch

    def forward(self, first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        if self.logit is not None:
            p = self.logit.sigmoid().expand(*mask.shape, 1)
        elif self.gate is not None:
            p = self.gate(torch.cat([first, first if self.misprint else second], 2)).sigmoid()  # (B, T, D or 1)
        else:
            return first + second if self.mix == "sum" else (first + second) / 2
        if self.training:
            of_valid = p.detach().float() * mask[:, :, None]
            total = mask.sum() * p.shape[2]
            self.moments.append(torch.stack([of_valid.sum(), of_valid.square().sum()]) / total)
        mixed: Tensor = p * first + (1 - p) * second
        return mixed

    def watch(self) -> tuple[float, float] | None:
        """Mean and variance of P since the last call."""
        if not self.moments:
            return None
        mean, square = torch.stack(self.moments).mean(0).tolist()
        self.moments = []
        return mean, max(0.0, square - mean**2)


class DeepLayer(nn.Module):
    """A layer of wav2vec 2.0 in which attention to other modalities replaces, or joins, attention to itself.

    H (B, T, D), sources (B, K, S) by name ("self" is H) -> H: LN1(H + drop(F)), then LN2(H + drop(FFN(H))). F is what
    the only stream found, or the mix of two.
    """

    def __init__(
        self, width: int, heads: int, inner: int, sources: Mapping[str, int], mixer: Mixer | None, drop: float
    ) -> None:
        super().__init__()
        self.streams = nn.ModuleDict({name: Attention(width, size, heads) for name, size in sources.items()})
        self.mixer = mixer
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(drop)

    def forward(self, h: Tensor, mask: Tensor, sources: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """``sources``: name -> its frames and their mask."""
        streams = [
            attend(h, *((h, mask) if name == "self" else sources[name])) for name, attend in self.streams.items()
        ]
        fused = streams[0] if self.mixer is None else self.mixer(streams[0], streams[1], mask)
        h = self.norm1(h + self.dropout(fused))
        normal: Tensor = self.norm2(h + self.dropout(self.outer(functional.gelu(self.inner(h)))))
        return normal

    def pretrained(self) -> dict[str, nn.Parameter]:
        """Parameters that begin as those of a layer of wav2vec 2.0, by their names there and in `streams`.

        Of an attention to vectors of another width only queries and output.
        """
        width = self.norm1.normalized_shape[0]
        parameters: dict[str, nn.Parameter] = {}
        for part, name in _FEED.items():
            parameters |= {f"{name}.{p}|": value for p, value in self.get_submodule(part).named_parameters()}
        for stream, attention in self.streams.items():
            for part, name in _ATTENTION.items():
                linear = attention.get_submodule(part)
                if linear.weight.shape == (width, width):
                    parameters |= {f"{name}.{p}|{stream}": value for p, value in linear.named_parameters()}
        return parameters

    def load(self, layer: nn.Module) -> None:
        """Begin as a layer of wav2vec 2.0 of transformers."""
        state = layer.state_dict()
        with torch.no_grad():
            for name, value in self.pretrained().items():
                value.copy_(state[name.partition("|")[0]])


class Discrepancy(nn.Module):
    """One vector (B, 128) of length 1 per modality from its mean over time: an own linear map, then a common one.

    Its loss wants utterances of one emotion to be closer across modalities than those of different emotions are within
    one (Li, Wang & Cui, CVPR 2023, for the triples).
    """

    def __init__(self, widths: Mapping[str, int], hidden: int, common: int) -> None:
        super().__init__()
        self.own = nn.ModuleDict({name: nn.Linear(width, hidden) for name, width in widths.items()})
        self.common = nn.Linear(hidden, common)

    def forward(self, means: Mapping[str, Tensor]) -> Tensor:
        """Means (B, width) by modality -> (M, B, common), in the order of the modalities."""
        vectors = torch.stack([own(means[name]) for name, own in self.own.items()])
        return functional.normalize(self.common(vectors).float(), dim=2)


def margin_loss(vectors: Tensor, truth: Tensor, margin: float, flipped: bool, same_utterance: bool) -> Tensor:
    """Mean of max(0, margin - cos(f_i, f_j) + cos(f_i, f_k)) over all triples; 0 where there is none.

    ``vectors`` (M, B, S) of length 1, ``truth`` (B,). i and j: same emotion, different modality (``same_utterance``:
    also the same utterance); i and k: same modality, different emotion. ``flipped`` exchanges the two cosines.
    """
    modalities, n, _ = vectors.shape
    flat = vectors.flatten(0, 1)
    cosine = flat @ flat.T  # (M B, M B)
    modality = torch.arange(modalities, device=truth.device).repeat_interleave(n)
    emotion, utterance = truth.repeat(modalities), torch.arange(n, device=truth.device).repeat(modalities)
    crossed, alike = modality[:, None] != modality, emotion[:, None] == emotion
    positive = crossed & (utterance[:, None] == utterance if same_utterance else alike)
    negative = ~crossed & ~alike
    triples = positive[:, :, None] & negative[:, None]  # (i, j, k)
    gap = cosine[:, :, None] - cosine[:, None]
    hinge = (margin + (gap if flipped else -gap)).relu()
    return (hinge * triples).sum() / triples.sum().clamp(min=1)


def mean_over_time(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over valid steps: (B, T, D) -> (B, D)."""
    return masked_mean(x.transpose(1, 2), mask)
