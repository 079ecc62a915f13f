"""What names a trial and a cell: hashes of content, and which of our source text decides a result."""

import hashlib
import json
from importlib.util import resolve_name
from typing import Any

from ..prepared.home import MAKERS

_EVERY_KIND = ("training.augment", "training.data", "training.fit", "training.trainer")
_ASKED = (*_EVERY_KIND, "prepared.modalities", "prepared.video", "training.batches", "training.scoring")
_TRAINED = (*_ASKED, "training.optimization", "training.train")
#: kind of model -> the modules of the harness, beside model, protocol and condition, whose text decides its result:
#: what the loop of networks does is nothing to a classical model, which hears sound only and makes no batches
HARNESS = {
    kind: (
        *MAKERS,
        *(resolve_name(f"..{name}", f"{__package__}") for name in modules),
        *(resolve_name(f"...{name}", f"{__package__}") for name in others),
    )
    for kind, modules, others in (
        ("network", _TRAINED, ("seeds", "results.statistics.metrics")),
        ("classical", _EVERY_KIND, ("seeds", "results.statistics.metrics")),
        ("inference", _ASKED, ("seeds", "results.statistics.metrics")),
    )
}


def name_of(*names: str) -> str:
    """A name for names, as `digest` gives: quicker, for the many."""
    return hashlib.sha256("|".join(names).encode()).hexdigest()[:32]


def digest(*facts: Any) -> str:
    """A name for content: 32 hexadecimal digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode()).hexdigest()[:32]
