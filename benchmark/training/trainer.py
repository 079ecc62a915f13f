"""One way to use every kind of model: build, fit, predict, keep and load its weights."""

import contextlib
import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...baselines.registry import ModelChoice, Task, modules_of
from ...errors import InputError
from ...protocols.parts.protocol import CLEAN, HONEST, Condition, Practice
from ...results.statistics.metrics import tally, uar
from ...seeds import derive, stream
from ..environment import installed
from ..planning.identity import digest
from ..source import source_hash
from .augment import CopyMaker
from .batches import Batch, Clip, FeatureRows, arranged, batch_of, padded
from .data import NO_COPIES, Data, Front
from .fit import Fit
from .scoring import predict
from .train import fit

#: what features are computed with
LIBRARIES = ("torch", "torchaudio", "librosa", "numpy", "scipy", "transformers", "timm", "opensmile")
BATCH = 64  # clips per batch when nothing is trained


@dataclass(frozen=True)
class Streams:
    """The facts that randomness may depend on: names of (model and settings), of the train rows, and the seed."""

    settings: str
    rows: str
    seed: int


@dataclass
class TrainedModel:
    """A model that can predict, with what its training left behind."""

    model: Any
    fit: Fit
    facts: dict[str, Any]


class Trainer:
    """Builds, fits and asks models on one device and in one precision, over one run's data."""

    def __init__(self, data: Data, rate_hz: int, device: torch.device, precision: str) -> None:
        self.data, self.rate_hz, self.device, self.precision = data, rate_hz, device, precision

    def build(self, choice: ModelChoice, classes: Sequence[str], streams: Streams) -> Any:
        """The untrained model; its weights depend on the streams alone."""
        torch.manual_seed(derive("weights", streams.settings, streams.rows, streams.seed))
        model = choice.card.build(choice.settings, Task(tuple(classes), self.rate_hz))
        return model.to(self.device) if isinstance(model, nn.Module) else model

    def learn(
        self,
        choice: ModelChoice,
        classes: Sequence[str],
        train: "LabelledRows",
        dev: "LabelledRows",
        streams: Streams,
        carried: bool = False,
        begin: Any = None,
    ) -> TrainedModel:
        """Fit on train, choose on dev.

        ``carried``: a recurrent network hands its state from batch to batch; ``begin``: a trained network of the same
        kind, with whose weights it begins.
        """
        model = self.build(choice, classes, streams)
        order = stream("order", streams.rows, streams.seed)
        if choice.card.kind == "network":
            if begin is not None:
                model.load_state_dict(begin.state_dict())
            torch.manual_seed(derive("dropout", streams.settings, streams.rows, streams.seed))
            rows, dev_rows = (self._rows(choice, model, part, len(classes)) for part in (train, dev))
            if hasattr(model, "adapt"):
                model.adapt(_batches(rows.features))
            facts = {name: encoder.key for name, encoder in getattr(model, "encoders", {}).items()}
            training = fit(model, choice.settings, rows, dev_rows, order, self._autocast(), carried)
            guess = predict(model, rows, choice.settings.batch, self._autocast(), carried=carried).argmax(1).numpy()
            return TrainedModel(model, _seen_again(training, train.truth, guess, len(classes)), facts)
        training = Fit(0, 0, 0)
        if choice.card.kind == "inference":
            return TrainedModel(model, training, {})
        features, dev_features = (self._stacked(choice, model, part, CLEAN) for part in (train, dev))
        facts = model.fit(features, train.truth, dev_features, dev.truth, order)
        return TrainedModel(model, _seen_again(training, train.truth, model.predict(features)[0], len(classes)), facts)

    def predict(
        self,
        choice: ModelChoice,
        model: Any,
        part: "LabelledRows",
        condition: Condition,
        n_classes: int,
        practice: Practice = HONEST,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Class indices (n,) and log-probabilities (n, C) or None, in the order of the rows."""
        network = choice.card.kind != "classical" and isinstance(model, nn.Module)
        features: Any = (
            self._rows(choice, model, part, n_classes, condition)
            if network
            else self._stacked(choice, model, part, condition)
        )
        if practice.statistics == "test":
            model = _adapted(choice, model, _batches(features.features) if network else features)
        if network:
            batch = getattr(choice.settings, "batch", BATCH)
            order = arranged(features, batch, practice.order, stream("test order", *sorted(part.rows)))
            carried = practice.state == "carried"
            scores = predict(model, features, batch, self._autocast(), order, carried)
            return scores.argmax(1).numpy(), scores.numpy()
        guess, scores = model.predict(features)
        return guess, scores

    def _autocast(self) -> Any:
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def _rows(
        self, choice: ModelChoice, module: nn.Module, part: "LabelledRows", n_classes: int, condition: Condition = CLEAN
    ) -> FeatureRows:
        truth = torch.as_tensor(part.truth, device=self.device)
        least = math.ceil(choice.card.min_seconds * self.rate_hz)
        if hasattr(module, "encoders"):
            return FeatureRows(self._encoded(choice, module, part, condition), truth, n_classes)
        if hasattr(module, "front"):
            key = front_key(choice, module, self.device, self.precision)
            arrays = self.data.features(key, self._front(module, least), part.rows, condition, self._maker(part))
        else:
            maker = self._maker(part)
            arrays = [lengthen(self.data.waveform(row, condition, maker), least) for row in part.rows]
        return FeatureRows([torch.from_numpy(a).to(self.device) for a in arrays], truth, n_classes)

    def _maker(self, part: "LabelledRows") -> CopyMaker:
        return replace(part.maker, device=self.device)

    def _encoded(self, choice: ModelChoice, module: Any, part: "LabelledRows", condition: Condition) -> list[Clip]:
        """What frozen encoders make of each modality of the rows, by name; models with the same encoders share it."""
        least = math.ceil(choice.card.min_seconds * self.rate_hz)

        def values(name: str, encoder: Encoder) -> list[np.ndarray]:
            def encode(clip: Any) -> np.ndarray:
                return encoded(encoder, name, clip, self.device, least).cpu().numpy()

            maker = self._maker(part)
            view: Any = getattr(encoder, "view", "speaker")
            return self.data.encoded(name, encoder_key(choice, encoder), encode, part.rows, condition, maker, view)

        features = {name: values(name, encoder) for name, encoder in module.encoders.items()}
        return [
            {name: torch.from_numpy(v[i]).to(self.device) for name, v in features.items()}
            for i in range(len(part.rows))
        ]

    def _front(self, module: Any, least: int) -> Front:
        def front(clips: list[np.ndarray]) -> list[np.ndarray]:
            waveforms, lengths = padded([torch.from_numpy(lengthen(clip, least)).to(self.device) for clip in clips])
            with torch.inference_mode():
                features, valid = module.front(waveforms, lengths)
            return [f[:n].cpu().numpy() for f, n in zip(features, valid.tolist(), strict=True)]

        return front

    def _stacked(self, choice: ModelChoice, model: Any, part: "LabelledRows", condition: Condition) -> np.ndarray:
        if not part.rows:
            return np.zeros((0,), dtype=np.float32)

        def front(clips: list[np.ndarray]) -> list[np.ndarray]:
            return [np.asarray(model.front(clip), dtype=np.float32) for clip in clips]

        key = front_key(choice, model, self.device, self.precision)
        return np.stack(self.data.features(key, front, part.rows, condition, self._maker(part)))


@dataclass(frozen=True)
class LabelledRows:
    """Row ids, their class indices (n,) int64, and how copies among them are made."""

    rows: tuple[str, ...]
    truth: np.ndarray
    maker: CopyMaker = NO_COPIES


def _seen_again(training: Fit, truth: np.ndarray, guess: np.ndarray, n_classes: int) -> Fit:
    """The fit with what the kept model makes of its own training rows: who does not know these has not trained."""
    counts = np.bincount(truth * n_classes + np.asarray(guess), minlength=n_classes**2).reshape(n_classes, n_classes)
    return replace(training, train_uar=float(uar(tally(counts))), train_guesses=int(np.count_nonzero(counts.sum(0))))


def lengthen(waveform: np.ndarray, least: int) -> np.ndarray:
    """The clip (N,), with zeros up to ``least`` samples where it is shorter than the model's declared minimum."""
    return waveform if len(waveform) >= least else np.pad(waveform, (0, least - len(waveform)))


def front_key(choice: ModelChoice, model: Any, device: torch.device, precision: str) -> str:
    """Name of the fixed features: the model's sources with its own ``front_key``, or with all of its settings.

    And what computes them: libraries, kind of device and precision.
    """
    facts = getattr(model, "front_key", None)
    text = source_hash(modules_of(choice.card))
    about = (choice.card.name, choice.card.version, text, asdict(choice.settings) if facts is None else facts)
    return digest("front", *about, device.type, precision, [installed(package) for package in LIBRARIES])


class Encoder(Protocol):
    """A frozen encoder of a network with several modalities, as its ``encoders`` name them."""

    @property
    def key(self) -> dict[str, Any]:
        """What decides its features, beside the text of its module and of what that imports."""
        ...

    def __call__(self, clip: Any, device: torch.device) -> Tensor:
        """Sound (N,), transcript, or face (images or a track) of one clip -> vectors (T, D)."""
        ...


def encoded(encoder: Encoder, modality: str, clip: Any, device: torch.device, least: int) -> Tensor:
    """Features (T, D) of one clip in one modality; sound shorter than ``least`` samples gets zeros."""
    features = encoder(lengthen(clip, least) if modality == "audio" else clip, device)
    if features.dim() != 2 or not len(features):
        raise ValueError(
            f"{type(encoder).__name__} gave {tuple(features.shape)} for a clip; (T, D), T > 0, was expected"
        )
    return features.float()


def encoder_key(choice: ModelChoice, encoder: Encoder) -> str:
    """Name of what an encoder makes: its facts, and the text of its module and of what that imports."""
    card = replace(choice.card, module=type(encoder).__module__, sources=())
    return digest("encoder", encoder.key, source_hash(modules_of(card)))


def state_of(model: Any) -> dict[str, Tensor]:
    """Weights as tensors, whatever the kind of model."""
    if isinstance(model, nn.Module):
        return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    return {name: torch.from_numpy(np.array(value, order="C")) for name, value in model.state().items()}


def load_state(model: Any, state: dict[str, Tensor]) -> None:
    """Undo `state_of`."""
    if isinstance(model, nn.Module):
        model.load_state_dict(state)
    else:
        model.load({name: value.numpy() for name, value in state.items()})


def _adapted(choice: ModelChoice, model: Any, rows: Any) -> Any:
    """A copy of the model, normalized by the statistics of ``rows``. InputError for a model that has none."""
    if not hasattr(model, "adapt"):
        raise InputError(f"{choice.spec}: normalizes by no statistics of its training rows, so test has none to give")
    changed = copy.deepcopy(model)
    changed.adapt(rows)
    return changed


def _batches(features: Sequence[Clip]) -> Iterator[Batch]:
    for start in range(0, len(features), BATCH):
        yield batch_of(features[start : start + BATCH])
