"""The settings of ``wavfusion``, and what each means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...errors import InputError
from ..parts.card import Recipe, require
from ..parts.weights import RANDOM, check_installed, content

MODALITIES: tuple[Literal["audio", "text", "face"], ...] = ("audio", "text", "face")


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 1e-4
    lr_pretrained: float = 1e-5
    weight_decay: float = 0.01
    batch: int = 16
    epochs: int = 30
    patience: int = 5
    schedule: Literal["constant", "cosine", "step", "warmup"] = "warmup"
    clip_norm: float = 1.0
    class_weights: Literal["none", "balanced"] = "balanced"
    modalities: tuple[Literal["audio", "text", "face"], ...] = MODALITIES
    audio_encoder: str = "facebook/wav2vec2-base"
    text_encoder: str = "FacebookAI/roberta-base"
    face_encoder: str = "timm/efficientnet_b0.ra_in1k"
    face_view: Literal["speaker", "listener", "all"] = "speaker"
    layers: int = 12
    deep: int = 3
    width: int = 768
    heads: int = 12
    inner: int = 3072
    text_width: int = 768
    text_heads: int = 8
    face_width: int = 1280
    face_units: int = 64
    face_heads: int = 4
    max_seconds: float = 8.0
    max_tokens: int = 64
    fusion: Literal["gate", "scalar", "learned", "fixed", "sum", "concat"] = "gate"
    gate_input: Literal["F1F2", "F1F1"] = "F1F2"
    gate_vs_self: bool = False
    local: Literal["lvc", "lvc-stem", "conv", "conv5", "tcn", "mean", "netvlad", "squeeze", "none"] = "lvc"
    codewords: int = 64
    discrepancy: float = 1.0
    margin: float = 0.15
    margin_direction: Literal["paper", "reversed"] = "paper"
    margin_on: Literal["unfused", "fused"] = "unfused"
    pairs: Literal["any", "same-utterance"] = "any"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have, and settings that contradict each other or change nothing."""
        super().__post_init__()
        positive = ("layers", "width", "heads", "inner", "text_width", "text_heads", "face_width", "face_units")
        require(self, "at least 1", lambda value: value >= 1, *positive, "face_heads", "codewords")
        require(self, "at least 3", lambda value: value >= 3, "max_tokens")
        require(self, "above 0", lambda value: value > 0, "lr_pretrained", "max_seconds")
        require(self, "0 or more", lambda value: value >= 0, "discrepancy", "margin")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        require(self, f"0 to layers ({self.layers})", lambda value: 0 <= value <= self.layers, "deep")
        require(self, f"a multiple of heads ({self.heads})", lambda value: value % self.heads == 0, "width")
        require(self, f"a multiple of face_heads ({self.face_heads})", lambda v: v % self.face_heads == 0, "face_units")
        require(self, f"a multiple of text_heads ({self.text_heads})", lambda v: v % self.text_heads == 0, "text_width")
        require(self, "an even number", lambda value: value % 2 == 0, "text_width")
        ordered = tuple(name for name in MODALITIES if name in self.modalities)
        if not ordered or self.modalities != ordered:
            raise InputError(f"setting 'modalities': {','.join(self.modalities)} is not some of {','.join(MODALITIES)}")
        for problem, wrong in self._contradictions().items():
            if wrong:
                raise InputError(problem)

    def _contradictions(self) -> dict[str, bool]:
        others = len(set(self.modalities) - {"audio"})
        fused, pairs = "audio" in self.modalities and self.fusion != "concat", self.discrepancy and others
        return {
            "setting 'deep': 0 layers cannot fuse modalities; fusion=concat does without": (
                fused and others > 0 and self.deep == 0
            ),
            "setting 'gate_vs_self': needs audio and one other modality, and fusion other than concat": (
                self.gate_vs_self and not (fused and others == 1)
            ),
            f"setting 'fusion': {self.fusion} needs two streams to mix: audio, text and face": (
                self.fusion in ("scalar", "learned", "fixed", "sum") and not self.mixes
            ),
            "setting 'fusion': concat needs two modalities": self.fusion == "concat" and len(self.modalities) < 2,
            "setting 'gate_input': F1F1 needs two streams and fusion gate or scalar": (
                self.gate_input == "F1F1" and not (self.mixes and self.fusion in ("gate", "scalar"))
            ),
            f"setting 'local': {self.local} needs the face": self.local != "lvc" and "face" not in self.modalities,
            "settings of the discrepancy loss change nothing without it, or with one modality": (
                (self.margin_direction, self.margin_on, self.pairs) != ("paper", "unfused", "any") and not pairs
            ),
            "setting 'margin_on': fused needs audio and deep layers": (
                self.margin_on == "fused" and ("audio" not in self.modalities or self.deep == 0)
            ),
        }

    @property
    def mixes(self) -> bool:
        """Whether the deep layers have two streams."""
        fused = "audio" in self.modalities and self.fusion != "concat"
        return fused and (len(self.modalities) == 3 or self.gate_vs_self)

    @property
    def forms(self) -> Mapping[str, tuple[str, ...]]:
        """Modality -> the forms in which the encoders take it."""
        face = ("video", "track") if self.face_encoder == RANDOM else ("video",)
        forms = {"audio": ("sound",), "text": ("transcript",), "face": face}
        return {name: forms[name] for name in self.modalities}

    @property
    def contents(self) -> Mapping[str, str]:
        """Setting -> the name of exactly the weights that it means. InputError where there are none."""
        return self.weights(online=True)

    def weights(self, online: bool) -> dict[str, str]:
        """`contents`; if not ``online``, only of what is on this machine."""
        names = {f"{modality}_encoder": getattr(self, f"{modality}_encoder") for modality in self.modalities}
        for name, spec in names.items():
            if name != "face_encoder" or spec != RANDOM:
                check_installed("timm" if name == "face_encoder" else "transformers")
        return {name: content(name, spec, online) for name, spec in names.items()}


EXPLAIN = {
    "lr_pretrained": "learning rate of what begins as pretrained: the deep layers, except new keys, values and gates",
    "modalities": "what is used: some of audio,text,face, in this order",
    "audio_encoder": "wav2vec 2.0: a folder, owner/name or owner/name@revision of the hub, or random-tiny",
    "text_encoder": "RoBERTa, in the same ways",
    "face_encoder": "an image network of timm, in the same ways",
    "face_view": "whom the face encoder sees where a video shows two people side by side",
    "layers": "of the audio encoder, all of them",
    "deep": "its last layers, which are trained and fuse; the others are frozen",
    "width": "units of the audio encoder",
    "heads": "attention heads of the audio encoder and of every attention in the deep layers",
    "inner": "units of the feed-forward part of the audio encoder",
    "text_width": "units of the text encoder, and of the text branch",
    "text_heads": "of the self-attention over words",
    "face_width": "values of the face encoder per image",
    "face_units": "of the face branch",
    "face_heads": "of the self-attention over images",
    "max_seconds": "of audio; the rest is left out",
    "max_tokens": "of a transcript, with the marks of begin and end; the rest is left out",
    "fusion": "of two streams: gate (per channel), scalar (a gate per frame), learned (one number), fixed (halves), "
    "sum; or concat of means",
    "gate_input": "F1F2: both streams; F1F1: the first one twice, as printed",
    "gate_vs_self": "with one other modality: the gate mixes with self-attention of the audio",
    "local": "second part of the face branch: lvc, lvc-stem (with the origin's convolution); instead conv, conv5 (over "
    "3, 5 frames), tcn (dilated), mean (over time), netvlad, squeeze (and excite); or none",
    "codewords": "of the visual center, and of netvlad",
    "discrepancy": "lambda, the weight of the discrepancy loss; 0 is without",
    "margin": "alpha, by which one emotion across modalities shall be closer than two emotions within one",
    "margin_direction": "paper, or reversed: the two similarities exchanged",
    "margin_on": "the audio in the loss: unfused (before the deep layers) or fused (after them)",
    "pairs": "of one emotion across modalities: any of the batch, or of the same utterance",
    "dropout": "in the deep layers and before the head",
}
