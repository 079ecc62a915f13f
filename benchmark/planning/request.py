"""A request: a protocol, models, corpora, seeds and settings as the user typed them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...errors import InputError
from ...protocols.parts.protocol import Arm
from ..corpora.synthetic import NAMES as SYNTHETIC

DEFAULT_MODELS = ("majority", "functionals-svm", "mfcc-attention")
DEFAULT_CORPORA = ("synth-a", "synth-b")

_MAPS = "label_map="


@dataclass(frozen=True)
class Request:
    """What `run` and `plan` are asked for; ``corpora`` are NAME or NAME=DIR, ``settings`` are key=value.

    ``arms`` are a study's own.
    """

    protocol: str
    models: tuple[str, ...] = DEFAULT_MODELS
    corpora: tuple[str, ...] = DEFAULT_CORPORA
    seeds: int = 1
    settings: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether any corpus of the run is built in: then its numbers are no finding."""
        return any(corpus.partition("=")[0] in SYNTHETIC for corpus in self.corpora)


def each_map(request: Request) -> Iterator[Request]:
    """A request for every label map that ``label_map=A,B`` names. Raises InputError for one that is named twice."""
    lists = [text for text in request.settings if text.startswith(_MAPS)]
    if len(lists) != 1:
        yield request
        return
    names = [name.strip() for name in lists[0].removeprefix(_MAPS).split(",")]
    if not all(names):
        raise InputError(f"--set {lists[0]}: names of label maps with a comma between two, as basic4,arousal2")
    unique(f"--set {lists[0]}:", names)
    others = tuple(text for text in request.settings if text not in lists)
    for name in names:
        yield replace(request, settings=(*others, _MAPS + name))


def unique(option: str, values: Sequence[str]) -> None:
    """InputError for a value that is given twice."""
    doubled = [value for value, n in Counter(values).items() if n > 1]
    if doubled:
        raise InputError(f"{option} {doubled[0]}: given twice; give it once")
