"""Reverberation, channel, perturb and noise from the command to the table; every model hears the same bytes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.training import data
from serbench.errors import InputError
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import options_from
from serbench.protocols.parts.protocol import Condition
from serbench.tests.support.sounds import quick_talkers, write
from serbench.tests.support.tiny import serbench, tiny_corpus
from serbench.tests.support.utterances import EMODB, make, run

PROTOCOLS = ("noise", "reverberation", "channel", "perturb")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"), speakers=3, takes=4)


@pytest.fixture(scope="module")
def responses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("responses")
    rng = np.random.default_rng(0)
    for k in range(2):
        write(folder / f"{k}.wav", rng.standard_normal(4_000) * 10 ** (-3 * np.arange(4_000) / 3_000))
    return folder


def scores(corpus: Path, out: Path, protocol: str, *more: str) -> dict[str, dict[str, float]]:
    """Model -> condition -> UAR."""
    models = ("--model", "functionals-svm", "--model", "majority")
    with quick_talkers():
        code, _, err = serbench(
            "run", "--protocol", protocol, "--corpus", f"mine={corpus}", *models, *more, "--out", out
        )
    assert code == 0, err
    found: dict[str, dict[str, float]] = {}
    for line in json.loads(serbench("show", out, "--json")[1]):
        found.setdefault(line["model"], {})[line["condition"]] = line["metrics"]["uar"]["mean"]
    return found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_they_share_the_folds_of_speaker_independent(name: str) -> None:
    table = make("emodb", EMODB)
    assert run(name, table).split == run("speaker-independent", table).split
    protocol = find(name)
    conditions = protocol.conditions(protocol.options)
    assert conditions[0] == Condition() and len({c.name for c in conditions}) == len(conditions) > 4
    assert "speaker" in protocol.promises and protocol.null == "chance"


def test_options_make_conditions() -> None:
    def names(protocol: str, **values: str) -> list[str]:
        chosen = find(protocol)
        return [c.name for c in chosen.conditions(options_from(chosen, values))]

    assert names("reverberation", rt60="0.5", dir="/rooms") == ["clean", "room 0.5 s", "response"]
    assert names("reverberation", kinds="response", dir="/rooms") == ["clean", "response"]
    assert names("channel", kinds="telephone, amr-nb", amr_nb="4.75") == ["clean", "telephone", "amr-nb 4.75 kbit/s"]
    assert names("perturb", kinds="inverted,gain", gain="-1,1") == ["clean", "inverted", "gain -1 dB", "gain 1 dB"]
    assert names("noise", kinds="music,impulsive", snr="30") == ["clean", "music 30 dB", "impulsive 30 dB"]


@pytest.mark.parametrize(
    ("protocol", "values", "message"),
    [
        ("reverberation", {"kinds": "hall"}, "unknown kind of reverberation 'hall'"),
        ("reverberation", {"kinds": "response"}, "reverberation.dir=DIR"),
        ("reverberation", {"rt60": "inf"}, "inf is not a level in s"),
        ("channel", {"kinds": "opuss"}, "did you mean 'opus'"),
        ("channel", {"kinds": ""}, "channel.kinds: none given"),
        ("channel", {"header_rate": "8000,8000"}, "channel.header_rate: 8000.0 is given twice"),
        ("perturb", {"shift": ""}, "perturb.shift: none given"),
        ("perturb", {"gian": "1"}, "did you mean 'gain'"),
        ("channel", {"amr_nb": "4.75"}, r"channel\.amr_nb: .* channel\.kinds=telephone,opus,.*,header-rate,amr-nb"),
        ("channel", {"kinds": "telephone", "opus": "12"}, r"set channel\.kinds=telephone,opus$"),
        ("channel", {"kinds": "telephone", "opus": "12", "mp3": "8"}, r"channel\.kinds=telephone,opus,mp3$"),
        ("channel", {"kinds": "telephone", "opus": "24,12,6"}, r"set channel\.kinds=telephone,opus$"),
        ("perturb", {"kinds": "inverted", "white": "30"}, r"perturb\.white: .* set perturb\.kinds=inverted,white$"),
        ("reverberation", {"kinds": "response", "dir": "/r", "rt60": "1"}, r"reverberation\.kinds=response,room$"),
    ],
)
def test_wrong_options_are_refused(protocol: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        options_from(find(protocol), values)


def test_a_level_out_of_range_ends_with_code_2(corpus: Path) -> None:
    for protocol, setting, said in (
        ("reverberation", "reverberation.rt60=9", "from 0.15 to 3"),
        ("channel", "channel.mp3=20", "one of 8, 16, 24"),
        ("perturb", "perturb.dither=0", "from 2 to 24"),
        ("channel", "channel.amr_nb=4.75", "amr-nb is not among the kinds"),
    ):
        code, _, err = serbench("plan", "--protocol", protocol, "--corpus", f"mine={corpus}", "--set", setting)
        assert code == 2 and said in err, err


@pytest.mark.parametrize("name", PROTOCOLS)
def test_from_the_command_to_the_table(name: str, corpus: Path, responses: Path, tmp_path: Path) -> None:
    settings = {
        "noise": ("noise.kinds=babble,music,impulsive", "noise.snr=10"),
        "reverberation": (f"reverberation.dir={responses}", "reverberation.rt60=0.3"),
        "channel": ("channel.kinds=telephone,mp3,header-rate", "channel.mp3=16"),
        "perturb": ("perturb.kinds=gain,shift,inverted",),
    }
    chosen = [part for setting in settings[name] for part in ("--set", setting)]
    found = scores(corpus, tmp_path / "run", name, *chosen)
    assert found["functionals-svm"].keys() == found["majority"].keys()
    assert set(found["majority"].values()) == {0.5}
    assert found["functionals-svm"]["clean"] > 0.9
    text = serbench("show", tmp_path / "run")[1]
    assert ("Answers that stay the same" in text) == (name == "perturb")
    assert ("Answers that stay the same" in (tmp_path / "run" / "tables" / "table.md").read_text()) == (
        name == "perturb"
    )
    code, out, err = serbench("protocols", "show", name, "--corpus", f"mine={corpus}", *chosen)
    assert code == 0, err
    assert all(condition in out for condition in found["majority"])


def test_every_model_and_every_run_hears_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[tuple[str, str], set[str]] = {}
    times: dict[tuple[str, str], int] = {}

    def listening(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
        made = apply(waveform, rate_hz, utterance, condition)
        place = (utterance, condition.name)
        heard.setdefault(place, set()).add(hashlib.sha256(made.tobytes()).hexdigest())
        times[place] = times.get(place, 0) + 1
        return made

    apply = data.apply
    monkeypatch.setattr(data, "apply", listening)
    room, here = ("--set", "reverberation.rt60=0.3"), ("--corpus", f"mine={corpus}", "--jobs", "1")
    what = ("--protocol", "reverberation", *room, *here)
    short = ("--set", "mfcc-attention.epochs=1")
    for model in (("functionals-svm",), ("mfcc-attention:tiny", *short)):
        code, _, err = serbench("run", *what, "--model", *model, "--out", tmp_path / model[0].partition(":")[0])
        assert code == 0, err
    tested = {place: n for place, n in times.items() if place[1] == "room 0.3 s"}
    assert len(tested) == 24 and min(tested.values()) >= 2
    assert all(len(heard[place]) == 1 for place in tested)
