"""The options of `run` and `plan`, under the names that they have on the command line."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...protocols.parts import studies
from ..audio import allowed
from ..device import check_precision, resolve
from .experiment import Experiment, check
from .frozen import FrozenPlan, read, write
from .frozen import freeze as freeze_request
from .request import DEFAULT_CORPORA, DEFAULT_MODELS, Request, each_map
from .study import Changes, StudyRequest, ask, check_names, check_study


@dataclass(frozen=True)
class RunOptions:
    """What is to be run, a study or a protocol, and how and where to.

    ``label_map``: a file of the user's own; ``allow_pair``: clips A=B that
    are no copies, or files of such lines; ``distinct``: names that may be one are two. ``frozen``: the file of a
    frozen plan, which says what these options leave open. ``seeds`` None: 1, or as the study has it. ``jobs`` None: as
    many as there are cores where networks train on the CPU, else 1. ``out`` None: the newest run of the same plans,
    else a new folder; ``again``: always a new one. ``blind``: the run folder does not say who made it and where.
    """

    study: str | None = None
    protocol: str | None = None
    quick: bool = False
    frozen: Path | None = None
    model: tuple[str, ...] = ()
    corpus: tuple[str, ...] = ()
    seeds: int | None = None
    set: tuple[str, ...] = ()
    jobs: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    out: Path | None = None
    keep_weights: bool = False
    again: bool = False
    label_map: Path | None = None
    allow_pair: tuple[str, ...] = ()
    distinct: bool = False
    blind: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """`set`, with what has an option of its own."""
        own = [f"label_map={self.label_map}"] if self.label_map else []
        own += [f"allow_pairs={allowed.read(self.allow_pair)}"] if self.allow_pair else []
        return (*self.set, *own, *(["distinct=true"] if self.distinct else []))

    def command(self) -> list[str]:
        """`run` with these options, in the words of the command line."""
        words = ["run", *([self.study] if self.study else [])]
        for name, value in vars(self).items():
            option = f"--{name.replace('_', '-')}"
            if name == "study" or value == getattr(RunOptions, name):
                continue
            if value is True:
                words.append(option)
            else:
                for each in value if isinstance(value, tuple) else (value,):
                    words += [option, str(each)]
        return words

    def check(self) -> None:
        """Raise InputError for jobs, a device or a precision that cannot be had. Imports torch where any is named."""
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs {self.jobs}: at least one training at a time is needed")
        check_precision(self.precision)
        if (self.device, self.precision) != ("auto", "fp32"):
            check_precision(self.precision, resolve(self.device))


def experiments(options: RunOptions) -> tuple[list[Experiment], StudyRequest | None]:
    """What the options ask for, checked: an experiment for each protocol and label map, and the study if it is one.

    Raises InputError for names and values that nobody has or that do not fit each other; opens no corpus.
    """
    if options.study is None:
        return [check(request) for request in _requests(options)], None
    study = _study(options, options.study)
    return study.experiments, study


def _requests(options: RunOptions) -> list[Request]:
    if options.protocol is None:
        raise InputError("what is to be run? Name a study (`serbench studies list`) or give --protocol P")
    if options.frozen is not None:
        raise InputError(f"--frozen {options.frozen}: is the plan of a study; name the study")
    if options.quick:
        raise InputError("--quick: is the short form of a study; --protocol has none")
    models, corpora = options.model or DEFAULT_MODELS, options.corpus or DEFAULT_CORPORA
    seeds = 1 if options.seeds is None else options.seeds
    return list(each_map(Request(options.protocol, models, corpora, seeds, options.settings)))


def _study(options: RunOptions, name: str) -> StudyRequest:
    if options.protocol is not None:
        raise InputError(f"{name} and --protocol {options.protocol}: a study has its protocol; give one of them")
    if options.seeds is not None and options.seeds < 1:
        raise InputError(f"--seeds {options.seeds}: at least one seed is needed")
    study = studies.find(name)
    forms = check_study(study)
    changes, quick = Changes(options.model, options.corpus, options.seeds or 0, options.settings), options.quick
    if options.frozen is not None:
        frozen = read(options.frozen)
        if frozen.study != study.name:
            raise InputError(f"{options.frozen}: is the frozen plan of study {frozen.study}, not of {study.name}")
        changes, quick = _as_frozen(frozen, changes), quick or bool(frozen.content["quick"])
    as_it_is = forms.get(quick) if changes == Changes() else None
    request = as_it_is or ask(study, quick, changes)
    if not study.missing:
        check_names(request)
    return request


def _as_frozen(frozen: FrozenPlan, changes: Changes) -> Changes:
    """What the user says, and else what the plan says."""
    plan = frozen.content
    return Changes(
        changes.models or tuple(plan["models"]),
        changes.corpora or tuple(plan["corpora"]),
        changes.seeds or plan["seeds"],
        (*plan["settings"], *changes.settings),
    )


def freeze(options: RunOptions, out: Path | None) -> FrozenPlan:
    """The plan of a study, checked; written to ``out`` if it is named. Raises InputError for whatever does not fit."""
    _, study = experiments(options)
    if study is None or study.study.missing:
        raise InputError(f"study {options.study} cannot be run: {'; '.join(study.study.missing if study else ())}")
    plan = freeze_request(study, options.quick)
    if out is not None:
        write(plan, out)
    return plan
