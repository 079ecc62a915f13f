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
epoch; the rate rises and falls by epochs, not by steps. ``tiny`` has random encoders, so it needs no weights; it also
takes the features of a face tracker.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .parts.weights import RANDOM
from .registry import Task, Variant, model
from .settings.wavfusion import EXPLAIN, MODALITIES, Settings

if TYPE_CHECKING:
    from torch import nn


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
        settings.weights(online=False)
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
