"""Options of protocols, from text and in what they do; the conditions of `noise`."""

from dataclasses import dataclass

import pytest

from serbench.benchmark.conditions.kinds import KINDS
from serbench.benchmark.conditions.noisy import noise_of
from serbench.errors import InputError
from serbench.protocols.parts import noises
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import options_from
from serbench.protocols.parts.protocol import Protocol
from serbench.tests.support.utterances import EMODB, make, run


def test_noise_has_the_folds_of_speaker_independent_and_25_conditions() -> None:
    table = make("emodb", EMODB)
    assert run("noise", table).split == run("speaker-independent", table).split
    protocol = find("noise")
    conditions = protocol.conditions(protocol.options)
    assert [c.name for c in conditions[:3]] == ["clean", "white 20 dB", "white 15 dB"]
    assert len(conditions) == len({c.name for c in conditions}) == 1 + 4 * 6
    assert {c.level for c in conditions[1:]} == {20, 15, 10, 5, 0, -5}


def test_noise_options() -> None:
    protocol = find("noise")
    some = protocol.conditions(options_from(protocol, {"snr": "10, -2.5", "kinds": "pink", "dir": "/sounds"}))
    assert [c.name for c in some] == ["clean", "pink 10 dB", "pink -2.5 dB", "recorded 10 dB", "recorded -2.5 dB"]
    assert [c.source for c in some] == ["", "", "", "/sounds", "/sounds"]
    alone = protocol.conditions(options_from(protocol, {"kinds": "recorded", "dir": "/sounds", "snr": "0"}))
    assert [c.name for c in alone] == ["clean", "recorded 0 dB"]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("noise", {"snrs": "5"}, "unknown option of noise 'snrs'; did you mean 'snr'"),
        ("speaker-independent", {"folds": "5"}, "unknown option of speaker-independent 'folds'"),
        ("noise", {"snr": "5,loud"}, "noise.snr=5,loud: 'loud' is no number"),
        ("noise", {"snr": "nan"}, "nan is not a level"),
        ("noise", {"snr": ""}, "noise.snr: none given"),
        ("noise", {"snr": "5,5"}, "5.0 is given twice"),
        ("noise", {"kinds": "pinc"}, "unknown kind of noise 'pinc'; did you mean 'pink'"),
        ("noise", {"kinds": "recorded"}, "noise.dir=DIR"),
        ("random", {"folds": "2"}, "at least 3"),
        ("random", {"folds": "ten"}, "'ten' is no whole number"),
        ("random", {"repeats": "0"}, "at least 1"),
    ],
)
def test_wrong_options_are_refused(name: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        options_from(find(name), values)


@dataclass(frozen=True)
class Typed:
    whole: int = 1
    real: float = 1.0
    word: str = ""
    switch: bool = False
    words: tuple[str, ...] = ()


def test_options_are_typed_by_their_dataclass() -> None:
    protocol = Protocol("x", 1, "", find("noise").split, frozenset(), frozenset(), "either", options=Typed())
    values = {"whole": "3", "real": "2.5", "word": "a,b", "switch": "true", "words": "a, b"}
    assert options_from(protocol, values) == Typed(3, 2.5, "a,b", True, ("a", "b"))
    assert options_from(protocol, {}) == Typed()
    with pytest.raises(InputError, match="write true or false"):
        options_from(protocol, {"switch": "yes"})


def test_names_of_noises_are_those_that_conditions_know() -> None:
    made = {name for name, kind in KINDS.items() if kind.effect.startswith("noisy.")}
    assert {*noises.ALL} == made and len(set(noises.ALL)) == len(noises.ALL)
    for name in made - {noises.RECORDED}:  # its text is part of every key of its kind
        assert noise_of(name).__module__ in KINDS[name].modules
