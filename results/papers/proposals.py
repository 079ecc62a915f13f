"""What is to be run for the values of a paper that nothing is held against yet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .comparisons import ClaimLine
from .verdicts import ENOUGH_SPLITS, OUR_RECIPE

ENOUGH_SEEDS = 5  # of a command that is proposed
NAMED = 3  # models that a line names


@dataclass(frozen=True, slots=True)
class Proposal:
    """A command that fills lines of a table. ``lacks``: why it cannot be run here; ``cost``: what it takes."""

    protocol: str
    corpora: tuple[str, ...]
    models: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    seeds: int = ENOUGH_SEEDS
    lacks: str = ""
    cost: str = ""

    @property
    def command(self) -> str:
        """As it is typed."""
        words = [*(f"--corpus {c}" for c in self.corpora), *(f"--model {m}" for m in self.models)]
        words += [f"--set {name}={value}" for name, value in self.settings.items()]
        return f"serbench run --protocol {self.protocol} {' '.join(words)} --seeds {self.seeds}"


def texts(of: Sequence[Proposal]) -> list[str]:
    """Commands with their costs, then what is missing here, each with what it is missing for."""
    lines = [f"To run: {p.command}" + (f"  # {p.cost}" if p.cost else "") for p in of if not p.lacks]
    for lack in dict.fromkeys(p.lacks for p in of if p.lacks):
        alike = [p for p in of if p.lacks == lack]
        models, protocols = dict.fromkeys(m for p in alike for m in p.models), dict.fromkeys(p.protocol for p in alike)
        named = list(models)[:NAMED]
        more = f" and {len(models) - NAMED} more" if len(models) > NAMED else ""
        lines.append(f"Cannot be run here: {', '.join(named)}{more} under {', '.join(protocols)}: {lack}.")
    return lines


Judge = Callable[[Proposal], Proposal]


def as_it_is(proposal: Proposal) -> Proposal:
    """Nothing is known of what this machine has."""
    return proposal


def proposals(
    lines: Sequence[ClaimLine], protocols: set[str], models: set[str], judge: Judge = as_it_is
) -> Iterable[Proposal]:
    """What fills the lines without runs; ``judge`` adds what a proposal costs, or lacks, on this machine.

    One that lacks anything is judged again for each corpus and model alone, so that what can be run is proposed.
    """
    for proposal in _grouped(lines):
        missing = _not_installed(proposal, protocols, models)
        whole = replace(proposal, lacks=missing) if missing else judge(proposal)
        if not whole.lacks:
            yield whole
            continue
        single = [replace(proposal, corpora=(c,), models=(m,)) for c in proposal.corpora for m in proposal.models]
        judged = [
            replace(each, lacks=missing) if (missing := _not_installed(each, protocols, models)) else judge(each)
            for each in single
        ]
        yield from (each for each in judged if not each.lacks)
        for lack in dict.fromkeys(each.lacks for each in judged if each.lacks):
            alike = [each for each in judged if each.lacks == lack]
            corpora, specs = (dict.fromkeys(e.corpora[0] for e in alike), dict.fromkeys(e.models[0] for e in alike))
            yield replace(proposal, corpora=tuple(corpora), models=tuple(specs), lacks=lack)


def _not_installed(proposal: Proposal, protocols: set[str], models: set[str]) -> str:
    names = (spec.partition("+")[0].partition(":")[0] for spec in proposal.models)
    absent = [f"no protocol {proposal.protocol}"] * (proposal.protocol not in protocols)
    return ", ".join(dict.fromkeys([*absent, *(f"no model {name}" for name in names if name not in models)]))


def _grouped(lines: Sequence[ClaimLine]) -> Iterable[Proposal]:
    """A proposal for each protocol, set of settings and set of models: what is run on one corpus only stays there."""
    wanted: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, dict[str, None]]] = {}
    for line in lines:
        if line.verdict is None or line.verdict.word in ("not comparable", OUR_RECIPE):
            continue
        lacking = {line.protocol: line.replayed, line.task.honest: line.honest}
        for protocol in (name for name, ours in lacking.items() if ours is None):
            models = wanted.setdefault((protocol, _settings(line, protocol)), {}).setdefault(line.task.corpus, {})
            models[line.model] = None
    for (protocol, settings), by_corpus in wanted.items():
        for specs in dict.fromkeys(map(tuple, by_corpus.values())):
            corpora = tuple(corpus for corpus, of in by_corpus.items() if tuple(of) == specs)
            yield Proposal(protocol, corpora, specs, dict(settings))


def _settings(line: ClaimLine, protocol: str) -> tuple[tuple[str, str], ...]:
    name, task, honest = line.model.partition("+")[0].partition(":")[0], line.task, protocol == line.task.honest
    of_model = {**(line.of_protocol if honest else {}), **line.settings}
    settings = {"label_map": task.label_map, **{f"{name}.{k}": f"{v:g}" for k, v in of_model.items()}}
    if honest and task.rate_hz:
        settings["rate_hz"] = task.rate_hz
    if protocol in task.protocols:
        settings |= {f"{protocol}.{key}": value for key, value in task.options.items()}
    if protocol == line.protocol and task.unknown_split:
        settings[f"{protocol}.repeats"] = str(ENOUGH_SPLITS)
    return tuple(settings.items())
