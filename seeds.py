"""Randomness has an owner: every stream is derived from a purpose and the facts it may depend on.

The purposes in use, and what each may depend on: split (corpus, protocol version, repeat); noise (utterance,
condition); order and training augmentation (corpus, fold, seed); weights and dropout (model, settings, fold, seed);
interval (the rows that are scored). Nothing else is passed, so two models hear the same clips in the same noise.
"""

import hashlib
import json

import numpy as np


def derive(purpose: str, *facts: str | int) -> int:
    """A seed in [0, 2**63) that depends on the purpose and the facts alone."""
    digest = hashlib.sha256(json.dumps([purpose, *facts]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(purpose: str, *facts: str | int) -> np.random.Generator:
    """Generator for one purpose: ``stream("noise", utterance, condition)`` is the same for every model."""
    return np.random.default_rng(derive(purpose, *facts))
