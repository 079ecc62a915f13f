"""The network of ``wavfusion``: branches for words and face, deep layers of wav2vec 2.0 that listen to them, a head."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..parts.encoders import AudioEncoder, FaceEncoder, Sizes, TextEncoder, wav2vec2
from ..settings.wavfusion import Settings
from .fusion import DeepLayer, Discrepancy, Mixer, SelfAttention, margin_loss, mean_over_time
from .local import local_part
from .masking import valid
from .recurrence import run_grus

COMMON = (256, 128)  # units of the maps behind the discrepancy loss


class WavFusion(nn.Module):
    """States of frozen encoders by modality (B, T_m, width_m), lengths (B,) by modality -> class scores (B, C).

    ``encoders`` make the states of one clip; they are no part of the module, so they are neither trained nor stored.
    """

    def __init__(self, settings: Settings, n_classes: int, rate_hz: int) -> None:
        super().__init__()
        self.settings = s = settings
        sizes = Sizes(s.layers, s.width, s.heads, s.inner)
        self.encoders = {
            "audio": AudioEncoder(s.audio_encoder, sizes, s.layers - s.deep, s.max_seconds, rate_hz),
            "text": TextEncoder(s.text_encoder, s.text_width, s.max_tokens),
            "face": FaceEncoder(s.face_encoder, s.face_width, s.face_view),
        }
        self.encoders = {name: self.encoders[name] for name in s.modalities}
        widths = {"audio": s.width, "text": s.text_width, "face": s.face_units}
        widths = {name: widths[name] for name in s.modalities}
        self.text = TextBranch(s.text_width, s.text_heads) if "text" in widths else None
        self.face = FaceBranch(s) if "face" in widths else None
        self.deep = nn.ModuleList([_deep_layer(s, widths) for _ in range(s.deep)] if "audio" in widths else [])
        self.dropout = nn.Dropout(s.dropout)
        self.joined = s.fusion == "concat" or "audio" not in widths
        self.head = nn.Linear(sum(widths.values()) if self.joined else s.width, n_classes)
        self.discrepancy = Discrepancy(widths, *COMMON) if s.discrepancy and len(widths) > 1 else None
        self._vectors: Tensor | None = None  # of the discrepancy loss, from the last forward pass in training
        self._terms: list[Tensor] = []
        if self.deep and not self.head.weight.is_meta:
            self._begin_pretrained(sizes)

    def forward(self, x: Mapping[str, Tensor], lengths: Mapping[str, Tensor]) -> Tensor:
        """Class scores; in training the vectors of the discrepancy loss are kept for `loss`."""
        masks = {name: valid(lengths[name], states.shape[1]) for name, states in x.items()}
        streams = dict(x)
        if self.text is not None:
            streams["text"] = self.text(x["text"], lengths["text"], masks["text"])
        if self.face is not None:
            streams["face"] = self.face(x["face"], lengths["face"], masks["face"])
        means = {name: mean_over_time(streams[name], masks[name]) for name in self.settings.modalities}
        unfused = dict(means)
        if self.deep:
            h, sources = streams["audio"], {name: (streams[name], masks[name]) for name in streams}
            for layer in self.deep:
                h = layer(h, masks["audio"], sources)
            means["audio"] = mean_over_time(h, masks["audio"])
        if self.discrepancy is not None and self.training:
            self._vectors = self.discrepancy(means if self.settings.margin_on == "fused" else unfused)
        pooled = torch.cat(list(means.values()), 1) if self.joined else means["audio"]
        scores: Tensor = self.head(self.dropout(pooled))
        return scores

    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        """Cross-entropy + lambda times the discrepancy of the last forward pass."""
        s = self.settings
        loss = functional.cross_entropy(scores.float(), truth, weight=weights, label_smoothing=s.label_smoothing)
        terms = [loss]
        if self._vectors is not None:
            flipped, same = s.margin_direction == "reversed", s.pairs == "same-utterance"
            terms.append(margin_loss(self._vectors, truth, s.margin, flipped, same))
            loss = loss + s.discrepancy * terms[1]
            self._vectors = None
        self._terms.append(torch.stack(terms).detach())
        return loss

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """New parameters at the learning rate, pretrained ones at their share of it."""
        pretrained = [value for layer in self.deep for value in _as_deep(layer).pretrained().values()]
        ids = {id(value) for value in pretrained}
        new = [value for value in self.parameters() if id(value) not in ids]
        return [(new, 1.0), (pretrained, self.settings.lr_pretrained / self.settings.lr)]

    def watch(self) -> dict[str, float]:
        """Mean of the loss terms over the steps since the last call; mean and variance of the gate of each layer."""
        facts: dict[str, float] = {}
        if self._terms:
            means = torch.stack(self._terms).mean(0).tolist()
            facts |= dict(zip(("cross_entropy", "discrepancy"), means, strict=False))
            self._terms = []
        for number, layer in enumerate(self.deep, start=1):
            mixer = _as_deep(layer).mixer
            if mixer is not None and (moments := mixer.watch()):
                facts |= {f"gate_{number}_mean": moments[0], f"gate_{number}_variance": moments[1]}
        return facts

    def _begin_pretrained(self, sizes: Sizes) -> None:
        layers = wav2vec2(self.settings.audio_encoder, sizes).get_submodule("encoder.layers")
        first = sizes.layers - len(self.deep)
        for index, layer in enumerate(self.deep):
            _as_deep(layer).load(layers.get_submodule(str(first + index)))


def _as_deep(layer: nn.Module) -> DeepLayer:
    if not isinstance(layer, DeepLayer):
        raise TypeError(f"{type(layer).__name__} is no deep layer")
    return layer


def _deep_layer(s: Settings, widths: Mapping[str, int]) -> DeepLayer:
    """Listens to the other modalities, or, where there is none or nothing is mixed, to the audio itself."""
    others = {name: width for name, width in widths.items() if name != "audio"}
    sources = {"self": s.width} if s.fusion == "concat" or not others else others
    if s.gate_vs_self:
        sources = {**others, "self": s.width}
    mixer = None
    if len(sources) == 2 and s.fusion != "concat":
        mixer = Mixer(s.width, s.fusion, s.gate_input == "F1F1")
    return DeepLayer(s.width, s.heads, s.inner, sources, mixer, s.dropout)


class TextBranch(nn.Module):
    """States of words (B, T, D) -> GRU in both directions -> self-attention -> (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width // 2, batch_first=True, bidirectional=True)
        self.attention = SelfAttention(width, heads)

    def forward(self, x: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid tokens."""
        attended: Tensor = self.attention(run_grus([self.gru], [x], [lengths])[0], mask)
        return attended


class FaceBranch(nn.Module):
    """Vectors of images (B, T, F) -> (B, T, V): the whole by GRU and self-attention, details by a visual center.

    Or by what is compared with it, `local_part`.
    """

    def __init__(self, s: Settings) -> None:
        super().__init__()
        units = s.face_units
        self.norm = nn.LayerNorm(s.face_width)
        self.gru = nn.GRU(s.face_width, units, batch_first=True)
        self.attention = SelfAttention(units, s.face_heads)
        self.reduce = nn.Linear(s.face_width, units) if s.local != "none" else None
        self.local = local_part(s.local, units, s.codewords) if s.local != "none" else None
        self.join = nn.Linear(units if self.local is None else 2 * units, units)

    def forward(self, x: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        x = self.norm(x)
        parts = [self.attention(run_grus([self.gru], [x], [lengths])[0], mask)]
        if self.local is not None and self.reduce is not None:
            parts.append(self.local(self.reduce(x), mask))
        joined: Tensor = self.join(torch.cat(parts, 2))
        return joined
