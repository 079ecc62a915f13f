"""What older records and plans do not say, and what is taken in its place: the one place that parses printed names.

Format 1 is that of serbench 0.1.0. It named conditions and arms and left it to the reader to take the names apart.
"""

import re
from collections.abc import Mapping
from typing import Any

#: fields that format 1 lacks, and format 2 has
SINCE_2 = (
    "format", "target", "role", "condition_kind", "condition_level", "condition_unit", "arm_factors", "test_order",
)  # fmt: skip
SINCE_3 = ("seeded",)  # fields that format 2 lacks as well
SINCE_4 = ("train_uar", "train_guesses")
LACKING = {1: (*SINCE_2, *SINCE_3, *SINCE_4), 2: (*SINCE_3, *SINCE_4), 3: SINCE_4}
_FLOOR = "majority"  # the only model under every table in 0.1.0
_SEEDLESS = frozenset({"majority", "functionals-svm", "egemaps-svm"})  # the models of ours without luck before format 3


def completed(values: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A record of an older format with the fields that came later; ``format`` stays as it is."""
    unknown = dict.fromkeys(SINCE_4)
    if number == 3:
        return {**values, **unknown}
    of_1 = {**(since_1(values) if number == 1 else values), **unknown}
    name = values["model"].partition(":")[0].partition("+")[0]
    seedless = values["provider"] == "serbench" and name in _SEEDLESS and not values["options"].get("augment")
    return {**of_1, "seeded": not seedless}


def since_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record of format 1 with the fields that came later; ``format`` stays 1."""
    more = {"format": 1, "target": "classes", "arm_factors": factors_of(values["arm"]), **of_plan(values)}
    return {**values, **more, "test_order": order_of(values["arm"])}


def of_plan(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of a plan lacks, by the names of its ``model`` and ``condition``."""
    kind, level, unit = condition_parts(cell["condition"])
    role = "floor" if cell["model"] == _FLOOR else "model"
    return {"role": role, "condition_kind": kind, "condition_level": level, "condition_unit": unit}


def condition_parts(name: str) -> tuple[str, float | None, str]:
    """Kind, level and unit of a condition's name.

    >>> condition_parts("white -5 dB"), condition_parts("clean")
    (('white', -5.0, 'dB'), ('clean', None, ''))
    """
    parts = re.fullmatch(r"(.+?) (-?[\d.]+(?:e[+-]?\d+)?) ?(.*)", name)
    return (parts[1], float(parts[2]), parts[3]) if parts else (name, None, "")


def factors_of(arm: str) -> dict[str, str]:
    """Factor -> level as text; empty for an arm that is a name.

    >>> factors_of("lr=1e-3 batch=16"), factors_of("no-gru"), factors_of("carried, by class")
    ({'lr': '1e-3', 'batch': '16'}, {}, {})
    """
    pairs = [part.partition("=") for part in arm.split()]
    return {name: level for name, _, level in pairs} if all(n and e and v for n, e, v in pairs) else {}


def order_of(arm: str) -> str:
    """How the test rows of an arm lie in batches.

    >>> order_of("carried, by class, reversed"), order_of("zero, by class"), order_of("base")
    ('class-reversed', 'class', 'length')
    """
    return "length" if "by class" not in arm else "class-reversed" if "reversed" in arm else "class"
