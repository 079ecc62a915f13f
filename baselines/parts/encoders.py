"""Frozen encoders of sound, words and faces: one clip in, its vectors over time out.

wav2vec 2.0 and RoBERTa come through transformers, EfficientNet through timm, each from the place that a setting names
(`weights`). ``random-tiny`` stands for encoders that are made here from a fixed seed: a random wav2vec 2.0 and RoBERTa
of the sizes asked for, words hashed into its vocabulary, and a random projection of small images or of a face
tracker's features. Every clip is encoded alone and without padding, so nothing of its companions enters (the group
normalization of wav2vec 2.0 base would let padding in). Nothing is loaded before the first clip comes.
"""

import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError
from .features import resampled
from .weights import RANDOM, content, extra, folder_of, weights_of

RATE_HZ = 16_000  # of wav2vec 2.0
_VOCABULARY = 1000  # of the random text encoder
_CONV = ((10, 8, 8), (5, 8, 8))  # kernels and strides of the random audio encoder: 320 samples, as the real one
_SMALL = 8  # pixels on a side that the random face encoder sees


@dataclass(frozen=True)
class Sizes:
    """Of a transformer: layers, units, heads, units of the feed-forward part."""

    layers: int
    width: int
    heads: int
    inner: int


@dataclass(frozen=True)
class AudioEncoder:
    """Waveform (N,) float32 -> states (T, width) after ``layer`` layers, one per 20 ms; the first ``seconds`` of it."""

    spec: str
    sizes: Sizes
    layer: int
    seconds: float
    rate_hz: int

    @property
    def key(self) -> dict[str, Any]:
        """What decides the states, beside the text of this module."""
        return _key("transformers", content("audio_encoder", self.spec), self)

    def __call__(self, clip: np.ndarray, device: torch.device) -> Tensor:
        """Normalized to mean 0 and variance 1, as wav2vec 2.0 base was trained."""
        x = torch.from_numpy(clip[: round(self.seconds * self.rate_hz)]).to(device)
        if self.rate_hz != RATE_HZ:
            x = resampled(x[None], self.rate_hz, RATE_HZ)[0]
        x = (x - x.mean()) / (x.var(correction=0) + 1e-7).sqrt()
        with torch.inference_mode():
            states: tuple[Tensor, ...] = (
                wav2vec2(self.spec, self.sizes).to(device)(x[None], output_hidden_states=True).hidden_states
            )
        return states[self.layer][0]


@dataclass(frozen=True)
class TextEncoder:
    """Transcript -> last states (T, width) of at most ``tokens`` tokens."""

    spec: str
    width: int
    tokens: int

    @property
    def key(self) -> dict[str, Any]:
        """What decides the states, beside the text of this module."""
        return _key("transformers", content("text_encoder", self.spec), self)

    def __call__(self, clip: str, device: torch.device) -> Tensor:
        """An empty transcript still has its two marks of begin and end."""
        encode, model = roberta(self.spec, self.width)
        tokens = torch.tensor([encode(clip, self.tokens)], device=device)
        with torch.inference_mode():
            states: Tensor = model.to(device)(tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        return states[0]


@dataclass(frozen=True)
class FaceEncoder:
    """Images (T, H, W, 3) uint8 -> a vector (T, width) each; a tracker's features (T, F) only if random.

    ``view``: whom the images show, where a video has two people side by side.
    """

    spec: str
    width: int
    view: str = "speaker"

    @property
    def key(self) -> dict[str, Any]:
        """What decides the vectors, beside the text of this module."""
        return _key("timm", content("face_encoder", self.spec), self)

    def __call__(self, clip: np.ndarray, device: torch.device) -> Tensor:
        """Whole images of any size: the network pools over places."""
        x = torch.from_numpy(clip).to(device)
        if self.spec == RANDOM:
            return projected(x, self.width)
        if x.dim() != 4:
            raise InputError(f"face_encoder '{self.spec}' takes images, not features of shape {tuple(x.shape)}")
        model, mean, deviation = efficientnet(self.spec, self.width)
        with torch.inference_mode():
            images = (x.permute(0, 3, 1, 2) / 255 - mean.to(device)) / deviation.to(device)  # (T, 3, H, W)
            vectors: Tensor = model.to(device)(images)
        return vectors


def _key(library: str, weights: str, encoder: Any) -> dict[str, Any]:
    facts = asdict(encoder) | {"spec": weights, "torch": version("torch")}
    if library != "timm" or weights != RANDOM:
        facts[library] = version(library)
    return {"kind": type(encoder).__name__, **facts}


@lru_cache(maxsize=2)
def wav2vec2(spec: str, sizes: Sizes) -> nn.Module:
    """The frozen wav2vec 2.0; InputError where the checkpoint has other sizes or another kind of layers."""
    transformers = extra("transformers")
    if spec == RANDOM:
        kernels, strides = _CONV
        config = transformers.Wav2Vec2Config(
            hidden_size=sizes.width, num_hidden_layers=sizes.layers, num_attention_heads=sizes.heads,
            intermediate_size=sizes.inner, conv_dim=(sizes.width,) * len(kernels), conv_kernel=kernels,
            conv_stride=strides, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=sizes.heads,
        )  # fmt: skip
        return _seeded(lambda: transformers.Wav2Vec2Model(config))
    folder = folder_of("audio_encoder", spec)
    config = _config("audio_encoder", folder, "wav2vec2")
    own = [config.get(name) for name in _SIZES]
    if own != [*asdict(sizes).values()]:
        fixes = ", ".join(f"{name}={value}" for name, value in zip(asdict(sizes), own, strict=True))
        raise InputError(f"audio_encoder '{spec}': its sizes are {fixes}; set those of the model to them")
    if config.get("do_stable_layer_norm"):
        raise InputError(f"audio_encoder '{spec}': normalizes before its layers; one that does after is needed (base)")
    processor = folder / "preprocessor_config.json"
    if processor.is_file() and json.loads(processor.read_text()).get("do_normalize") is False:
        raise InputError(f"audio_encoder '{spec}': takes waveforms as they are; one that normalizes them is needed")
    return _frozen(loaded(transformers.Wav2Vec2Model, "audio_encoder", folder))


_SIZES = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")


@lru_cache(maxsize=2)
def roberta(spec: str, width: int) -> tuple[Any, nn.Module]:
    """Tokens of a text (function of text and greatest number), and the frozen RoBERTa."""
    transformers = extra("transformers")
    if spec == RANDOM:
        config = transformers.RobertaConfig(
            vocab_size=_VOCABULARY, hidden_size=width, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=2 * width, max_position_embeddings=514,
        )  # fmt: skip
        return hashed, _seeded(lambda: transformers.RobertaModel(config, add_pooling_layer=False))
    folder = folder_of("text_encoder", spec)
    _same_width("text", spec, width, _config("text_encoder", folder, "roberta")["hidden_size"])
    model = loaded(transformers.RobertaModel, "text_encoder", folder, add_pooling_layer=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))

    def encode(text: str, most: int) -> list[int]:
        tokens: list[int] = tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return tokens

    return encode, _frozen(model)


def hashed(text: str, most: int) -> list[int]:
    """Numbers of words and punctuation marks between those of begin and end; equal words have equal numbers."""
    words = re.findall(r"\w+|[^\w\s]", text.lower())[: most - 2]
    return [0, *(4 + zlib.crc32(word.encode()) % (_VOCABULARY - 4) for word in words), 2]


@lru_cache(maxsize=2)
def efficientnet(spec: str, width: int) -> tuple[nn.Module, Tensor, Tensor]:
    """The frozen image network without its classifier, and mean and deviation (3, 1, 1) of its images."""
    timm, safetensors = extra("timm"), extra("safetensors.torch")
    folder = folder_of("face_encoder", spec)
    config = json.loads((folder / "config.json").read_text())
    if config.get("architecture") not in timm.list_models():
        raise InputError(f"face_encoder '{spec}': config.json names no architecture that timm knows")
    model = timm.create_model(config["architecture"], pretrained=False, num_classes=0)
    _same_width("face", spec, width, model.num_features)
    file = weights_of(folder)
    state = safetensors.load_file(file) if file.suffix == ".safetensors" else torch.load(file, weights_only=True)
    wrong = model.load_state_dict(state, strict=False)
    if wrong.missing_keys:
        raise InputError(f"face_encoder '{spec}': weights are missing: {', '.join(wrong.missing_keys[:3])}")
    scale = config.get("pretrained_cfg", {})
    mean, deviation = (scale.get(name, usual) for name, usual in _IMAGENET.items())
    return _frozen(model), torch.tensor(mean)[:, None, None], torch.tensor(deviation)[:, None, None]


_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def projected(x: Tensor, width: int) -> Tensor:
    """Images (T, H, W, 3), made small, or features (T, F) -> (T, width), always by the same random matrix."""
    if x.dim() == 4:
        small = functional.adaptive_avg_pool2d(x.permute(0, 3, 1, 2) / 255, _SMALL)  # (T, 3, 8, 8)
        x = (small - 0.5).flatten(1)
    matrix = torch.randn(x.shape[1], width, generator=torch.Generator().manual_seed(0)) / x.shape[1] ** 0.5
    vectors: Tensor = x.float() @ matrix.to(x.device)
    return vectors


def _config(setting: str, folder: Path, kind: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    if config.get("model_type") != kind:
        raise InputError(f"{setting} '{folder}': a checkpoint of {config.get('model_type')}, not of {kind}")
    return config


def _same_width(which: str, spec: str, width: int, own: int) -> None:
    if own != width:
        raise InputError(f"{which}_encoder '{spec}': its vectors have {own} values; set {which}_width={own}")


def loaded(kind: Any, setting: str, folder: Path, **options: bool) -> nn.Module:
    """The network of a checkpoint, complete: a weight that it lacks is an InputError, not a random number."""
    with _quiet():
        model, facts = kind.from_pretrained(str(folder), output_loading_info=True, **options)
    if missing := sorted(set(facts["missing_keys"]) - {"masked_spec_embed"}):  # that one is for training
        raise InputError(f"{setting} '{folder}': weights are missing: {', '.join(missing[:3])}")
    network: nn.Module = model
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and the report of unused weights that loading prints."""
    logging = extra("transformers").utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _seeded(build: Any) -> nn.Module:
    """The same weights at every call; the generator of the harness does not notice."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.manual_seed(0)
        return _frozen(build())


def _frozen(model: nn.Module) -> nn.Module:
    model.float().eval().requires_grad_(False)
    return model
