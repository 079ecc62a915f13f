"""``egemaps-svm``: the 88 functionals of eGeMAPS and a support vector machine.

F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
IEEE Trans. Affective Computing 7 (2), 2016; version 02 as openSMILE computes it. openSMILE is not free software: its
audEERING Research License allows non-commercial use, and commercial research that is no product development. It is
installed only with the extra ``egemaps``.
"""

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..errors import InputError
from .parts import svm
from .parts.card import always
from .parts.svm import Svm, SvmSettings
from .registry import Task, model

SHORTEST_S = 0.1  # openSMILE gives no values for less
MISSING = (
    "openSMILE is not installed; pip install 'serbench[egemaps]' brings it under the audEERING Research "
    "License: non-commercial use, and commercial research that is no product development"
)


class EgemapsSvm(Svm):
    """88 functionals of a clip -> a class."""

    def __init__(self, settings: SvmSettings, rate_hz: int) -> None:
        super().__init__(settings)
        self.rate_hz = rate_hz
        opensmile = _opensmile()
        self.front_key: dict[str, Any] = {"opensmile": opensmile.__version__, "set": "eGeMAPSv02"}

    @cached_property
    def smile(self) -> Any:
        """The extractor; made late, since it takes half a second."""
        opensmile = _opensmile()
        return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """(N,) -> (88,); a clip below 0.1 s is padded with zeros."""
        missing = round(SHORTEST_S * self.rate_hz) - len(waveform)
        long_enough = np.pad(waveform, (0, max(0, missing)))
        values: np.ndarray = self.smile(long_enough, self.rate_hz).reshape(-1)
        return values.astype(np.float32)


def _opensmile() -> Any:
    try:
        return import_module("opensmile")
    except ModuleNotFoundError as error:
        raise InputError(f"egemaps-svm: {MISSING}") from error


def needs(settings: SvmSettings) -> str | None:
    """openSMILE."""
    return None if find_spec("opensmile") else MISSING


@model(
    kind="classical",
    settings=SvmSettings(),
    origin="Eyben et al., IEEE Trans. Affective Computing 7, 2016; openSMILE, for research and non-commercial use",
    explain=svm.EXPLAIN,
    needs=needs,
    adapts=always,
    seeded=False,
)
def egemaps_svm(settings: SvmSettings, task: Task) -> EgemapsSvm:
    """88 eGeMAPS functionals, standardized, and an SVM with a radial kernel (extra egemaps, its own license)."""
    return EgemapsSvm(settings, task.rate_hz)
