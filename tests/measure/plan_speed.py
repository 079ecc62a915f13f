"""Time and memory of planning a large grid: python tests/measure/plan_speed.py [levels seeds].

A sweep over the learning rate of one network on the speaker folds of a built-in corpus: by default 100,080 trials. Not
a test: it says nothing of a machine that has other work.
"""

import resource
import sys
import time

from serbench.benchmark.planning.plan import Plan
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.planning.summary import summarize


def main(levels: int = 1_667, seeds: int = 10) -> None:
    """Plan the grid twice, the second time with everything that a process reads once; and print what that took."""
    small = seconds(lambda: planned(1, 1))
    before = peak()
    for name in ("first", "again"):
        found: list[Plan] = []
        took = seconds(lambda found=found: found.append(planned(levels, seeds)))
        (plan,) = found
        trials = len({cell.trial.key for cell in plan.cells})
        framed, told = seconds(plan.frame), seconds(lambda plan=plan: summarize(plan))
        print(f"{name}: {trials} trials in {took:.2f} s; as a frame {framed:.2f} s, as a summary {told:.2f} s")
    print(f"a plan of one level {small:.2f} s; peak {peak():.0f} MB, {before:.0f} MB of it before the large plan")


def planned(levels: int, seeds: int) -> Plan:
    """The sweep."""
    rates = ",".join(f"{1e-6 * (k + 1):.6g}" for k in range(levels))
    request = Request("sweep", ("mfcc-attention",), ("synth-a",), seeds, (f"sweep.grid=mfcc-attention.lr={rates}",))
    return plan_of(request).plan


def seconds(call: object) -> float:
    """How long a call takes, by the clock."""
    started = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - started


def peak() -> float:
    """The most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
