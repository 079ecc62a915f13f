"""Conditions on test audio: the asked ratio, the same bytes for every model, what decides a result, wrong input."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from serbench.benchmark.audio.decode import decode
from serbench.benchmark.conditions.kinds import KINDS, apply, complete, find
from serbench.benchmark.conditions.snr import LIMIT_DB, active_frames, active_power, active_samples
from serbench.benchmark.source import source_hash
from serbench.errors import InputError
from serbench.protocols.parts.protocol import CLEAN, Condition
from serbench.tests.support.sounds import RATE, quick_talkers, snr_db, speech, tone, write

NOISES = sorted(name for name, kind in KINDS.items() if kind.effect.startswith("noisy."))
HEARD = sorted(name for name, kind in KINDS.items() if kind.effect)
#: one of every kind that changes sound, and clean
EVERY = {
    **dict.fromkeys(NOISES, 5.0), "clean": None, "room": 0.3, "response": None, "telephone": None, "opus": 12.0,
    "mp3": 16.0, "amr-nb": 12.2, "gain": -10.0, "clipping": 5.0, "resampled": 8_000.0, "header-rate": 11_025.0,
    "dither": 16.0, "requantized": 12.0, "shift": 10.0, "inverted": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of 0.1 to 4 s, mono and stereo, at two rates, one in a subfolder, one that is mostly silent."""
    root = tmp_path_factory.mktemp("noise")
    rng = np.random.default_rng(0)
    write(root / "short.wav", rng.standard_normal(1_600) * 0.1)
    write(root / "stereo.flac", rng.uniform(-0.5, 0.5, (44_100, 2)), 44_100)
    write(root / "deep" / "er" / "long.WAV", rng.standard_normal(64_000) * 3)
    bark = np.zeros(48_000)
    bark[10_000:16_000] = rng.standard_normal(6_000)
    write(root / "bark.wav", bark)
    (root / "LICENSE.txt").write_text("not a recording")
    (root / "._short.wav").write_bytes(b"not one either")
    return root


@pytest.fixture(scope="module", autouse=True)
def _talkers() -> Iterator[None]:
    with quick_talkers():
        yield


def condition(kind: str, level: float | None, folder: Path) -> Condition:
    return Condition(kind, level, KINDS[kind].unit, str(folder) if KINDS[kind].folder else "")


@pytest.mark.parametrize("kind", NOISES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.one_of(st.integers(1, 700), st.integers(1_000, 30_000)),
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([1e-8, 1e-3, 0.1, 30.0]),
    level=st.floats(-60, 60),
    rate=st.sampled_from([8_000, 16_000, 44_100]),
)
def test_output_has_the_asked_ratio(
    folder: Path, kind: str, n: int, seed: int, scale: float, level: float, rate: int
) -> None:
    clip = speech(n, seed, scale)
    assume(active_frames(clip, rate).any())  # a silent clip is refused
    heard = apply(clip, rate, f"c/{seed}", condition(kind, level, folder))
    assert heard.shape == clip.shape
    assert heard.dtype == np.float32
    assert abs(snr_db(clip, heard.astype(np.float64) - clip, rate) - level) < 0.1


def test_noise_is_added_up_to_the_limit() -> None:
    assert {(kind.low, kind.high) for kind in map(find, NOISES)} == {(-LIMIT_DB, LIMIT_DB)}


def test_clean_is_the_audio_itself() -> None:
    silent = np.zeros(100, np.float32)
    assert apply(silent, RATE, "c/u", CLEAN) is silent


def test_active_frames_are_those_within_30_db_of_the_loudest() -> None:
    level = np.repeat([1.0, 10 ** (-29 / 20), 10 ** (-31 / 20), 0.0, 0.5], 320)
    clip = (level * np.tile([1, -1], 800)).astype(np.float32)
    assert active_frames(clip, RATE).tolist() == [True, True, False, False, True]
    of_speech, of_noise = active_power(clip, np.repeat([2.0, 0.0, 9.0, 9.0, 1.0], 320), RATE)
    assert of_speech == pytest.approx((1 + 10**-2.9 + 0.25) / 3)
    assert of_noise == pytest.approx(5 / 3)
    assert snr_db(clip, np.full(1_600, 0.1), RATE) == pytest.approx(10 * np.log10(of_speech / 0.01))


def test_the_rest_belongs_to_the_last_frame_and_a_short_clip_is_one_frame() -> None:
    for n, frames in ((0, 0), (1, 1), (319, 1), (320, 1), (639, 1), (640, 2), (700, 2)):
        assert len(active_frames(np.ones(n, np.float32), RATE)) == frames
    only_the_rest = np.zeros(700, np.float32)
    only_the_rest[-1] = 1
    assert active_frames(only_the_rest, RATE).tolist() == [False, True]
    assert np.flatnonzero(active_samples(only_the_rest, RATE)).tolist() == [*range(320, 700)]
    assert len(active_samples(np.zeros(0, np.float32), RATE)) == 0


@pytest.mark.parametrize("kind", NOISES)
def test_loud_clips_are_neither_clipped_nor_renormalized(folder: Path, kind: str) -> None:
    clip = speech(8_000, 1, scale=5.0)
    heard = apply(clip, RATE, "c/u", condition(kind, -5, folder))
    assert np.abs(heard).max() > 5
    half = apply(clip / 2, RATE, "c/u", condition(kind, -5, folder))
    np.testing.assert_allclose(half * 2, heard, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_depends_on_utterance_and_condition_alone(folder: Path, kind: str) -> None:
    clip = speech(8_000, 1)
    at_5 = condition(kind, 5, folder)
    heard = apply(clip, RATE, "c/u", at_5)
    assert np.array_equal(apply(clip, RATE, "c/u", complete(at_5)), heard)
    other = apply(clip, RATE, "c/v", at_5)
    assert abs(np.corrcoef(heard - clip, other - clip)[0, 1]) < 0.5
    assert not np.allclose(apply(clip, RATE, "c/u", condition(kind, 5.5, folder)), heard, rtol=1e-3)


OTHER_PROCESS = f"""
import sys, hashlib, numpy as np
clip = (0.5 * np.sin(np.arange(20_000) / 7)).astype(np.float32)
for name, level in {EVERY!r}.items():
    for module in [module for module in sys.modules if module.startswith("serbench")]:
        del sys.modules[module]  # so that every kind imports what it needs
    from serbench.benchmark.conditions.kinds import KINDS, apply
    from serbench.protocols.parts.protocol import Condition
    if name == "babble":
        from serbench.benchmark.conditions import noise
        noise.TALKER_SECONDS = 2.0
    source = sys.argv[1] if KINDS[name].folder else ""
    made = apply(clip, 16_000, "c/u", Condition(name, level, KINDS[name].unit, source))
    ours = [m for m, module in sys.modules.items() if m.startswith("serbench.") and hasattr(module, "np")]
    print(name, hashlib.sha256(made.tobytes()).hexdigest(), *ours)
assert not {{"torch", "sklearn", "librosa"}} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def elsewhere(folder: Path) -> list[list[str]]:
    """What another process made: kind, hash of the bytes, and the modules that were imported for it."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(folder)], capture_output=True, text=True, check=True
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_two_processes_make_the_same_bytes(folder: Path, elsewhere: list[list[str]]) -> None:
    clip = (0.5 * np.sin(np.arange(20_000) / 7)).astype(np.float32)
    made = {}
    for kind, there, *_ in elsewhere:
        here = apply(clip, RATE, "c/u", condition(kind, EVERY[kind], folder))
        assert here.dtype == np.float32
        made[kind] = hashlib.sha256(here.tobytes()).hexdigest()
        assert made[kind] == there, kind
    assert EVERY.keys() == made.keys() == {*HEARD, "clean"}
    assert len(set(made.values())) == len(made)


def test_a_kind_names_every_module_that_decides_its_result(elsewhere: list[list[str]]) -> None:
    for kind, _, *imported in elsewhere:
        assert set(imported) - {"serbench.seeds"} <= set(find(kind).modules), kind
    for kind in KINDS.values():
        assert kind.effect == "" or kind.modules[0].endswith(f"conditions.{kind.effect.rpartition('.')[0]}")
        source_hash(kind.modules)  # they exist


def test_a_plan_imports_no_effect() -> None:
    """Levels are checked and kinds are found without filters and synthesizers."""
    code = (
        "import sys; from serbench.benchmark.conditions.kinds import KINDS, complete, find\n"
        "from serbench.protocols.parts.protocol import Condition\n"
        "[find(kind) for kind in KINDS]; complete(Condition('room', 0.3, 's'))\n"
        "complete(Condition('opus', 12, 'kbit/s'))\n"
        "assert not {'scipy', 'soundfile', 'soxr'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def damaged(tmp_path: Path) -> Condition:
    write(tmp_path / "d" / "cut.wav", tone(100, 1))
    path = tmp_path / "d" / "cut.wav"
    path.write_bytes(path.read_bytes()[:1_000])
    return condition("recorded", 5, tmp_path / "d")


def changed(tmp_path: Path) -> Condition:
    write(tmp_path / "e" / "one.wav", tone(100, 1))
    return Condition("recorded", 5, "dB", str(tmp_path / "e"), "0123")


def empty(tmp_path: Path) -> Condition:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "notes.txt").write_text("no audio")
    return condition("recorded", 5, tmp_path / "f")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: Condition("whit", 5, "dB"), "did you mean 'white'"),
        (lambda p: Condition("white"), "the level is a number of dB from -60 to 60"),
        (lambda p: Condition("white", 5), "a number of dB"),
        (lambda p: Condition("pink", float("nan"), "dB"), "a number of dB"),
        (lambda p: Condition("pink", 61, "dB"), "from -60 to 60"),
        (lambda p: Condition("clean", 3, "dB"), "'clean' has no level"),
        (lambda p: Condition("telephone", 3, "kHz"), "'telephone' has no level"),
        (lambda p: Condition("room", 0.3, "ms"), "a number of s from 0.15 to 3"),
        (lambda p: Condition("room", 9, "s"), "a number of s from 0.15 to 3"),
        (lambda p: Condition("mp3", 20, "kbit/s"), "a number of kbit/s, one of 8, 16, 24, 32"),
        (lambda p: Condition("response"), "which recordings"),
        (lambda p: Condition("response", source=str(p / "nowhere")), "no such folder"),
        (lambda p: Condition("recorded", 5, "dB"), "which recordings"),
        (lambda p: condition("recorded", 5, p / "nowhere"), "no such folder"),
        (empty, "no recordings in it or below it"),
        (changed, "changed since 'recorded 5 dB' was planned"),
        (damaged, "cut.wav: truncated"),
    ],
)
def test_wrong_conditions_are_told(tmp_path: Path, make: Callable[[Path], Condition], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        apply(tone(100, 1), RATE, "c/u", make(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (np.zeros(5_000, np.float32), "c/u: silent"),
        (np.zeros(0, np.float32), "c/u: silent"),
        (np.array([0.1, np.nan], np.float32), "c/u: samples that are not finite"),
        (np.array([0.1, np.inf], np.float32), "c/u: samples that are not finite"),
    ],
)
def test_clips_without_a_ratio_are_named(clip: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        apply(clip, RATE, "c/u", Condition("white", 5, "dB"))


@pytest.mark.parametrize("kind", HEARD)
def test_clips_that_are_not_finite_are_named(kind: str, folder: Path) -> None:
    with pytest.raises(InputError, match="c/u: samples that are not finite"):
        apply(np.array([0.1, np.nan] * 500, np.float32), RATE, "c/u", condition(kind, EVERY[kind], folder))


@pytest.mark.parametrize("kind", sorted({*HEARD} - {*NOISES}))
def test_silence_stays_silent_where_nothing_is_added(kind: str, folder: Path) -> None:
    heard = apply(np.zeros(8_000, np.float32), RATE, "c/u", condition(kind, EVERY[kind], folder))
    assert np.abs(heard).max() <= (2.0**-15 if kind == "dither" else 1e-4)
    assert heard.dtype == np.float32


def test_real_speech_in_every_noise(corpora_folder: Path) -> None:
    for path in sorted((corpora_folder / "emodb" / "wav").glob("*.flac"))[::60]:
        sound = decode(path)
        clip = sound.samples[0]
        for kind in NOISES:
            for level in (30.0, 20.0, 15.0, 10.0, 5.0, 0.0, -5.0):
                heard = apply(clip, sound.rate_hz, path.stem, condition(kind, level, corpora_folder / "noise"))
                assert abs(snr_db(clip, heard.astype(np.float64) - clip, sound.rate_hz) - level) < 0.1
