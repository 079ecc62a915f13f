"""How often the rule of verdicts is wrong, simulated: the page `results/measured/verdicts.md`.

python tests/measure/verdict_rates.py [REPLAYS]; about ten minutes with 10,000 for each figure.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from serbench.results.papers.verdicts import WIDEST, predict
from serbench.seeds import stream
from serbench.tests.support.simulations import ReplayDesign, leak_blamed, outside, replay_words, stopped_early

RUNS, DEVIATIONS, SPLIT_DEVIATIONS = (2, 3, 5, 10), (0.3, 0.5, 1.0, 2.0, 4.0), (1.0, 2.0, 3.0)
SCORES = (
    ("scores without steps, published with 1 decimal", None, 1),
    ("57 test rows, 1 decimal", 57, 1),
    ("428 test rows, 2 decimals", 428, 2),
    ("2,240 test rows, no decimal", 2240, 0),
)
#: splits, seeds on each, the same ones on each, runs that are missing
LAYOUTS = (
    (2, 2, True, 0),
    (3, 3, True, 0),
    (5, 5, True, 0),
    (3, 5, True, 4),
    (3, 1, False, 0),
    (5, 1, False, 0),
    (5, 2, False, 0),
)
HEAD = """# How often the rule of verdicts is wrong

    python tests/measure/verdict_rates.py > results/measured/verdicts.md

Simulated with the functions that `serbench tables` calls, {trials:,} replays for each figure; the Monte-Carlo error of
figures up to 7 is at most {error:.1f} points. One published run and all runs of ours are of one system with a mean
between 80 and 81 %; "sd" is between its runs, in points. A figure is the share of **all** replays, in %, whose verdict
is "above" or "below", which is wrong here. The rule aims at 5 %; the tests of the suite allow 7 %. The sentence under
every table with verdicts quotes the largest figure of the sections "One split" and "Several splits", that of runs
which are added, and that of new speakers, each rounded up.
"""


def main(trials: int) -> None:
    """Print the page."""
    worst = 100 * (0.07 * 0.93 / trials) ** 0.5
    print(HEAD.format(trials=trials, error=worst))
    print("## One split, as published\n")
    for title, rows, decimals in SCORES:
        cells = [
            [outside(replay_words(ReplayDesign(k, sd, rows=rows, decimals=decimals), trials)) for sd in DEVIATIONS]
            for k in RUNS
        ]
        _table([f"{title}: runs", *(f"sd {sd:g}" for sd in DEVIATIONS)], zip(RUNS, cells, strict=True))
    print("## Several splits, since the published one cannot be had\n")
    pairs = [(split, sd) for split in SPLIT_DEVIATIONS for sd in (0.5, 2.0)]
    head = ["splits × seeds", *(f"split sd {split:g}, sd {sd:g}" for split, sd in pairs)]
    _table(head, ((_name(*layout), [_of_layout(layout, pair, trials) for pair in pairs]) for layout in LAYOUTS))
    print('With one split, these would be wrong verdicts; `serbench tables` prints "inconclusive" instead:\n')
    _table(head, [("1 × 5", [_of_layout((1, 5, True, 0), pair, trials) for pair in pairs])])
    print("## Runs that are added until they decide\n")
    print("The rule holds for a number of runs that was fixed before. One by one, from 2 on, until above or below:\n")
    cells = [[stopped_early(most, sd, trials // 4) for sd in (0.5, 2.0)] for most in (5, 10)]
    _table(["at most", "sd 0.5", "sd 2"], zip((5, 10), cells, strict=True))
    print("## New speakers that cost nothing\n")
    print('"Only with the leak" where scores with new speakers are those of the same system:\n')
    cells = [[leak_blamed(k, sd, trials) for sd in DEVIATIONS] for k in RUNS]
    _table(["runs", *(f"sd {sd:g}" for sd in DEVIATIONS)], zip(RUNS, cells, strict=True))
    _beside(trials)


def _of_layout(layout: tuple[int, int, bool, int], pair: tuple[float, float], trials: int) -> float:
    splits, runs, crossed, lost = layout
    return outside(replay_words(ReplayDesign(runs, pair[1], splits, pair[0], crossed, lost), trials))


def _name(splits: int, runs: int, crossed: bool, lost: int) -> str:
    which = "the same seeds on each" if crossed else "seeds of its own on each"
    return f"{splits} × {runs}, {which}{f', {lost} missing' if lost else ''}"


def _beside(trials: int) -> None:
    """What the figures cost and where they do not hold."""
    print("## Beside it\n")
    print('Of an identical system, "reproduced", the rest inconclusive or wrong:\n')
    cells = [[_share(ReplayDesign(k, sd), "reproduced", trials) for sd in DEVIATIONS] for k in RUNS]
    head = ["runs", *(f"sd {sd:g}" for sd in DEVIATIONS)]
    _table(head, zip(RUNS, cells, strict=True))
    print('A published system that is 5 points better, called "above":\n')
    cells = [[_share(ReplayDesign(k, sd, ahead=5.0), "above", trials) for sd in DEVIATIONS] for k in RUNS]
    _table(head, zip(RUNS, cells, strict=True))
    print("Above or below where runs are not normal (exponential, to the right), for which the rates do not hold:\n")
    cells = [[outside(replay_words(ReplayDesign(k, sd, skewed=True), trials)) for sd in DEVIATIONS] for k in RUNS]
    _table(head, zip(RUNS, cells, strict=True))
    print("The rule before, which first asked whether the interval was narrow: above or below, of the decided:\n")
    former = [[_former(ReplayDesign(k, sd), trials) for sd in DEVIATIONS] for k in RUNS]
    _table(head, zip(RUNS, former, strict=True))


def _share(design: ReplayDesign, word: str, trials: int) -> float:
    words = replay_words(design, trials)
    return words[word] / words.total()


def _former(design: ReplayDesign, trials: int) -> float | None:
    """Among replays with an interval of at most `WIDEST`; None where there are fewer than 100."""
    rng = stream("former rule", repr(design), trials)
    words: Counter[bool] = Counter()
    for _ in range(trials):
        values, seeds, splits, published = design.scores(rng)
        p = predict(values, seeds, (splits,), 0.0)
        if p.low is not None and p.high is not None and p.high - p.low <= WIDEST:
            words[not p.low - 0.0005 <= published <= p.high + 0.0005] += 1
    return words[True] / words.total() if words.total() >= 100 else None


def _table(head: Sequence[str], rows: Iterable[tuple[object, Sequence[float | None]]]) -> None:
    print(f"| {' | '.join(head)} |\n| --- |{' --: |' * (len(head) - 1)}")
    for name, cells in rows:
        print(f"| {name} | {' | '.join('–' if x is None else f'{100 * x:.1f}' for x in cells)} |", flush=True)
    print()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
