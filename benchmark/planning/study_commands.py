"""A study as commands to type: the study itself, and what runs the same without it."""

import shlex

from ...baselines.registry import name_of
from ...protocols.parts.studies import StudyArm
from .request import Request
from .study import StudyRequest

_NO_ARM = StudyArm("")


def commands(request: StudyRequest, quick: bool) -> list[str]:
    """The command that runs it, then those that run each of its arms by itself under each of its protocols."""
    whole = shlex.join(["serbench", "run", request.study.file or request.study.name, *(["--quick"] if quick else [])])
    arms = request.form.arms or (_NO_ARM,)
    return [whole, *(_command(one, arm) for one in request.requests for arm in arms)]


def parts(request: StudyRequest) -> list[str]:
    """A command for each of its protocols, which runs the same but for the arms."""
    return [_command(one, _NO_ARM) for one in request.requests]


def _command(request: Request, arm: StudyArm) -> str:
    """``serbench run --protocol`` for one request under one arm."""
    words = ["serbench", "run", "--protocol", request.protocol]
    specs = [spec for spec in request.models if arm.model in ("", name_of(spec))]
    for spec in specs:
        words += ["--model", "+".join((spec, *arm.variants))]
    for corpus in request.corpora:
        words += ["--corpus", corpus]
    words += ["--seeds", str(request.seeds)] if request.seeds > 1 else []
    of_arm = [f"{name_of(spec)}.{name}={value}" for spec in specs for name, value in arm.settings]
    settings = [*request.settings, *dict.fromkeys(of_arm), *(f"{key}={value}" for key, value in arm.training)]
    others = {name_of(spec) for spec in request.models} - set(map(name_of, specs))
    for setting in settings:
        if setting.partition(".")[0] not in others:
            words += ["--set", setting]
    return shlex.join(words)
