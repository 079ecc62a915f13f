"""``wavfusion``: audio, text and face in the last layers of wav2vec 2.0, by gated attention across modalities.

After F. Li, J. Luo and W. Xia, "WavFusion: Towards wav2vec 2.0 Multimodal Speech Emotion Recognition", MMM 2025 (arXiv
2412.05558), of which no code is public. wav2vec 2.0 base, RoBERTa base and EfficientNet are frozen up to the last
``deep`` layers of the first; there self-attention gives way to attention from the audio to the words and to the face,
and a gate P mixes the two (eqs. 8 to 11; printed eq. 10 gives the gate the same stream twice: variant ``misprint``).
The unfused streams meet in a discrepancy loss (eqs. 12 to 15).

The text leaves open, and these are our choices: the checkpoints, and EfficientNet-B0; 8 s of audio, 64 tokens, 8 images
per second of whole frames without a face detector, 64 at most; the sizes of GRUs, attention, codebook and of the maps
behind the loss; that all of a deep layer is trained and begins as pretrained where shapes agree, the gate at about 1/2;
mean over time and a linear head; optimizer, rates, batch, epochs, dropout and margin (profile ``paper``); i and j of a
triple may be different utterances. With two modalities the gate has nothing to mix and the only stream is taken, or,
in ``audio-text-self`` and ``audio-face-self``, it mixes with self-attention; ``audio`` alone has self-attention only;
without audio the means of the streams go to the head. Profile ``clean`` adds class weights, since dev UAR chooses the
epoch. ``tiny`` has random encoders, so it needs no weights; it also takes the features of a face tracker.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from .card import require
from .registry import Recipe, Task, Variant, model
from .weights import RANDOM, check_installed, content

if TYPE_CHECKING:
    from torch import nn

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
        seen = ("video", "track") if self.face_encoder == RANDOM else ("video",)
        taken = {"audio": ("sound",), "text": ("transcript",), "face": seen}
        return {name: taken[name] for name in self.modalities}

    @property
    def contents(self) -> Mapping[str, str]:
        """Setting -> the name of exactly the weights that it means. InputError where there are none."""
        return self.found(online=True)

    def found(self, online: bool) -> dict[str, str]:
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

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "paper": {"class_weights": "none"},
    "tiny": {
        "audio_encoder": RANDOM, "text_encoder": RANDOM, "face_encoder": RANDOM, "width": 32, "heads": 4, "inner": 64,
        "text_width": 32, "text_heads": 4, "face_width": 16, "face_units": 16, "codewords": 8, "lr": 3e-3,
        "lr_pretrained": 3e-3, "epochs": 20, "schedule": "constant", "class_weights": "none",
    },
}  # fmt: skip


def _without(words: str, *modalities: str) -> Variant:
    return Variant(words, {"modalities": modalities})


VARIANTS = {
    "audio": _without("audio alone: the deep layers keep self-attention", "audio"),
    "text": _without("text alone: mean of the text branch", "text"),
    "face": _without("face alone: mean of the face branch", "face"),
    "audio-text": _without("no face: the deep layers attend to the words", "audio", "text"),
    "audio-face": _without("no text: the deep layers attend to the face", "audio", "face"),
    "text-face": _without("no audio: means of both branches", "text", "face"),
    "audio-text-self": Variant(
        "no face: the gate mixes words and the audio itself", {"modalities": ("audio", "text"), "gate_vs_self": True}
    ),
    "audio-face-self": Variant(
        "no text: the gate mixes face and the audio itself", {"modalities": ("audio", "face"), "gate_vs_self": True}
    ),
    "concat": Variant("layers 12/0: means of frozen audio, of text and face", {"fusion": "concat", "deep": 0}),
    "concat-unfrozen": Variant("means, with the same audio layers trained as they are", {"fusion": "concat"}),
    "sum": Variant("the sum of both streams instead of a gate", {"fusion": "sum"}),
    "fixed-gate": Variant("the mean of both streams", {"fusion": "fixed"}),
    "scalar-gate": Variant("one gate per frame for all channels", {"fusion": "scalar"}),
    "learned-gate": Variant("one learned number for all frames and channels", {"fusion": "learned"}),
    "misprint": Variant("the gate as printed: it sees the words twice", {"gate_input": "F1F1"}),
    "no-discrepancy": Variant("no discrepancy loss", {"discrepancy": 0.0}),
    "reversed-margin": Variant("the inequality the other way round", {"margin_direction": "reversed"}),
    "fused-margin": Variant("the loss sees the audio after the deep layers", {"margin_on": "fused"}),
    "same-utterance-pairs": Variant("modalities are compared within an utterance only", {"pairs": "same-utterance"}),
    "no-lvc": Variant("the face branch without visual center", {"local": "none"}),
    "lvc-stem": Variant("a convolution before the visual center, as in its origin", {"local": "lvc-stem"}),
    "lvc-conv": Variant("a convolution in place of the visual center", {"local": "conv"}),
    "lvc-conv5": Variant("a convolution over 5 frames in its place", {"local": "conv5"}),
    "lvc-tcn": Variant("dilated convolutions in its place", {"local": "tcn"}),
    "lvc-mean": Variant("the mean over time in its place", {"local": "mean"}),
    "lvc-netvlad": Variant("NetVLAD in its place", {"local": "netvlad"}),
    "lvc-squeeze": Variant("squeeze and excitation in its place", {"local": "squeeze"}),
    "split-11-1": Variant("11 frozen layers, 1 deep", {"deep": 1}),
    "split-10-2": Variant("10 frozen layers, 2 deep", {"deep": 2}),
    "split-8-4": Variant("8 frozen layers, 4 deep", {"deep": 4}),
    "split-7-5": Variant("7 frozen layers, 5 deep", {"deep": 5}),
    "split-6-6": Variant("6 frozen layers, 6 deep", {"deep": 6}),
    "split-0-12": Variant("all 12 layers deep, over the frozen convolutions", {"deep": 12}),
}


def needs(settings: Settings) -> str | None:
    """The extra, and weights: in folders or in the cache of the hub."""
    try:
        settings.found(online=False)
    except InputError as error:
        return str(error)
    return None


@model(
    settings=Settings(),
    profiles=PROFILES,
    variants=VARIANTS,
    explain=EXPLAIN,
    origin="Li, Luo & Xia, MMM 2025, arXiv 2412.05558; no code published",
    modalities=MODALITIES,
    min_seconds=0.05,
    needs=needs,
)
def wavfusion(settings: Settings, task: Task) -> "nn.Module":
    """Deep layers of wav2vec 2.0 that attend to words and face, with a gate between them."""
    from .networks.wavfusion import WavFusion

    return WavFusion(settings, len(task.classes), task.rate_hz)
