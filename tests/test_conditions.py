"""Noise on test audio: the asked ratio, the promised spectra, the same bytes for every model, and wrong input."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serbench.benchmark import noise, recordings
from serbench.benchmark.audio import decode
from serbench.benchmark.conditions import KINDS, apply, complete, find
from serbench.benchmark.environment import source_hash
from serbench.benchmark.snr import active_frames, active_power, snr_db
from serbench.errors import InputError
from serbench.protocols.protocol import CLEAN, Condition

RATE = 16_000
NOISES = sorted(KINDS.keys() - {"clean"})


def tone(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def speech(n: int, seed: int, scale: float = 0.1) -> np.ndarray:
    """Noise in bursts of 30 ms whose level varies over 60 dB, with pauses; never silent as a whole."""
    rng = np.random.default_rng(seed)
    level = 10 ** rng.uniform(-3, 0, n // 480 + 1) * (rng.random(n // 480 + 1) > 0.3)
    level[rng.integers(len(level))] = 1.0
    return (scale * rng.standard_normal(n) * np.repeat(level, 480)[:n] + scale * 1e-6).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


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


@pytest.fixture(autouse=True)
def _voices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Eight quick stand-ins for the talkers, but where a test wants the real ones."""
    if "real_talkers" not in request.fixturenames:
        monkeypatch.setattr(noise, "talkers", stand_ins)


@pytest.fixture
def real_talkers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The talkers of the synthesizer, who talk for two seconds only."""
    monkeypatch.setattr(noise, "TALKER_SECONDS", 2.0)
    make = noise.talkers
    make.cache_clear()
    yield
    make.cache_clear()


def stand_ins(rate_hz: int) -> tuple[np.ndarray, ...]:
    return tuple(noise.looped(speech(3 * rate_hz, seed), rate_hz) for seed in range(noise.TALKERS))


def condition(kind: str, level: float, folder: Path) -> Condition:
    return Condition(kind, level, "dB", str(folder) if kind == "recorded" else "")


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
    heard = apply(clip, rate, f"c/{seed}", condition(kind, level, folder))
    assert heard.shape == clip.shape
    assert heard.dtype == np.float32
    assert abs(snr_db(clip, heard.astype(np.float64) - clip, rate) - level) < 0.1


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


OTHER_PROCESS = """
import sys, hashlib, numpy as np
from serbench.benchmark import noise
from serbench.benchmark.conditions import apply
from serbench.protocols.protocol import Condition
noise.TALKER_SECONDS = 2.0
clip = np.sin(np.arange(20_000) / 7).astype(np.float32)
for kind in ("white", "pink", "speech-shaped", "recorded", "babble"):
    made = apply(clip, 16_000, "c/u", Condition(kind, 5.0, "dB", sys.argv[1] if kind == "recorded" else ""))
    ours = [name for name, module in sys.modules.items() if name.startswith("serbench.") and hasattr(module, "np")]
    print(kind, hashlib.sha256(made.tobytes()).hexdigest(), *ours)
assert not {"torch", "sklearn", "librosa"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def elsewhere(folder: Path) -> list[list[str]]:
    """What another process made: kind, hash of the bytes, and the modules that it had imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(folder)], capture_output=True, text=True, check=True
    )
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("real_talkers")
def test_two_processes_make_the_same_bytes(folder: Path, elsewhere: list[list[str]]) -> None:
    clip = np.sin(np.arange(20_000) / 7).astype(np.float32)
    for kind, there, *_ in elsewhere:
        here = apply(clip, RATE, "c/u", condition(kind, 5, folder))
        assert hashlib.sha256(here.tobytes()).hexdigest() == there, kind
    assert sorted(kind for kind, *_ in elsewhere) == NOISES


def test_a_kind_names_every_module_that_decides_its_result(elsewhere: list[list[str]]) -> None:
    named = {"serbench.seeds"}
    for kind, _, *imported in elsewhere:
        named |= set(find(kind).modules)
        assert set(imported) <= named, kind
    for kind in KINDS:
        source_hash(find(kind).modules)  # they exist


def density(samples: np.ndarray, edges_hz: np.ndarray) -> np.ndarray:
    """Mean power per Hz between the edges."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    band = np.digitize(np.fft.rfftfreq(len(samples), 1 / RATE), edges_hz) - 1
    return np.array([power[band == i].mean() for i in range(len(edges_hz) - 1)])


@pytest.mark.parametrize(("kind", "slope"), [("white", 0.0), ("pink", -1.0)])
def test_slope_of_the_spectrum(kind: str, slope: float) -> None:
    samples = noise.NOISES[kind](60 * RATE, RATE, np.random.default_rng(1))
    edges = np.geomspace(30, 7_900, 30)
    fitted = np.polyfit(np.log10(edges[:-1] * edges[1:]) / 2, np.log10(density(samples, edges)), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.02)
    assert np.square(samples, dtype=np.float64).mean() == pytest.approx(1, rel=0.03)


def test_pink_has_nothing_below_20_hz() -> None:
    power = np.abs(np.fft.rfft(noise.pink(RATE, RATE, np.random.default_rng(1)))) ** 2
    assert power[:20].max() < 1e-6 * power[20:100].mean()


def test_speech_shaped_noise_has_the_published_level_in_every_band() -> None:
    samples = noise.speech_shaped(120 * RATE, RATE, np.random.default_rng(2))
    bands = noise.SPEECH_EDGES_HZ[noise.SPEECH_EDGES_HZ < RATE / 2]
    measured = 10 * np.log10(density(samples, bands) * np.diff(bands))
    published = np.array(noise.SPEECH_BANDS_DB[: len(measured)])
    assert len(measured) == 21  # 63 Hz to 6.3 kHz
    error = measured - published
    assert np.abs(error - error.mean()).max() < 0.5
    assert noise.SPEECH_EDGES_HZ[:2] == pytest.approx([56.2, 70.8], abs=0.1)
    # the published levels are those of speech at 70 dB
    assert 10 * np.log10(sum(10 ** (level / 10) for level in noise.SPEECH_BANDS_DB)) == pytest.approx(70, abs=0.1)


def test_babble_is_all_talkers_equally_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    voices = tuple(noise.looped(tone(500 + 100 * i, 2) * 3.0**i, RATE) for i in range(noise.TALKERS))
    monkeypatch.setattr(noise, "talkers", lambda rate_hz: voices)
    made = noise.babble(RATE, RATE, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(made)) ** 2
    heard = [power[500 + 100 * i - 3 : 500 + 100 * i + 4].sum() for i in range(noise.TALKERS)]
    assert max(heard) < 1.5 * min(heard)
    assert sum(heard) > 0.95 * power.sum()


@pytest.mark.usefixtures("real_talkers")
def test_talkers_are_eight_different_voices() -> None:
    voices = noise.talkers(RATE)
    assert len(voices) == noise.TALKERS == 8
    for voice in voices:
        assert voice.dtype == np.float32
        assert len(voice) == pytest.approx(noise.TALKER_SECONDS * RATE, rel=0.01)
        assert np.square(voice, dtype=np.float64).mean() == pytest.approx(1, rel=1e-4)
    among = np.corrcoef([voice[: round(1.9 * RATE)] for voice in voices]) - np.eye(8)
    assert np.abs(among).max() < 0.2


def test_a_loop_repeats_without_a_step() -> None:
    loop = noise.looped(tone(100, 0.105), RATE)  # its end does not meet its start
    assert len(loop) == round(0.095 * RATE)
    endless = noise.wrapped(loop, len(loop) - 50, 4 * len(loop))
    assert np.array_equal(endless[50 : 50 + len(loop)], loop)
    assert np.abs(np.diff(endless)).max() < 1.5 * np.abs(np.diff(loop)).max()
    assert not noise.looped(np.zeros(5, np.float32), RATE).any()


def test_halves_are_disjoint_in_content_and_blind_to_names(tmp_path: Path) -> None:
    sounds = [tone(100 + i, 0.05) for i in range(11)]
    for i, sound in enumerate(sounds):
        written = write(tmp_path / "a" / f"{i}.wav", sound).read_bytes()
        (tmp_path / "b" / f"x{7 * i % 11}").mkdir(parents=True)
        (tmp_path / "b" / f"x{7 * i % 11}" / f"copy of {i}.wav").write_bytes(written)
        (tmp_path / "b" / f"again {i}.wav").write_bytes(written)
    one, two = recordings.recordings(str(tmp_path / "a")), recordings.recordings(str(tmp_path / "b"))
    halves = [{path.read_bytes() for path in half} for half in (one.test, one.train)]
    assert [len(half) for half in halves] == [6, 5]
    assert not halves[0] & halves[1]
    assert one.content == two.content
    assert [{path.read_bytes() for path in half} for half in (two.test, two.train)] == halves
    write(tmp_path / "c" / "one.wav", sounds[0])
    single = recordings.recordings(str(tmp_path / "c"))
    assert (len(single.test), len(single.train)) == (1, 0)
    assert single.content != one.content


def test_recorded_noise_comes_from_the_test_half_alone(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path / f"{i}.wav", tone(1_000 + 500 * i, 0.5))
    split = recordings.recordings(str(tmp_path))
    clip = tone(100, 1) * 0.1
    heard = set()
    for i in range(60):
        made = apply(clip, RATE, f"c/{i}", condition("recorded", 0, tmp_path)) - clip
        heard.add(round((np.abs(np.fft.rfft(made)).argmax() - 1_000) / 500))
    assert heard == {int(path.stem) for path in split.test}


def test_recordings_that_pause_are_drawn_again_and_silent_ones_are_named(tmp_path: Path) -> None:
    mostly = np.zeros(80_000)
    mostly[:16_000] = np.random.default_rng(0).standard_normal(16_000)
    write(tmp_path / "mostly" / "bark.wav", mostly)
    clip = speech(4_000, 3)
    for i in range(20):
        heard = apply(clip, RATE, f"c/{i}", condition("recorded", 5, tmp_path / "mostly"))
        assert abs(snr_db(clip, heard.astype(np.float64) - clip, RATE) - 5) < 0.1
        assert np.abs(heard).max() < 30 * np.abs(clip).max()
    write(tmp_path / "silent" / "nothing.wav", np.zeros(1_000))
    with pytest.raises(InputError, match=r"c/u: 20 draws of nothing\.wav \(1 recordings of .*silent"):
        apply(clip, RATE, "c/u", condition("recorded", 5, tmp_path / "silent"))


def test_decoded_recordings_are_bounded_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        write(tmp_path / f"{i}.wav", tone(100 + i, 0.5))
    monkeypatch.setattr(recordings, "MEMORY", 2 * 4 * RATE // 2)
    monkeypatch.setattr(recordings, "_kept", type(recordings._kept)())
    before = [apply(tone(50, 0.2), RATE, f"c/{i}", condition("recorded", 5, tmp_path)) for i in range(20)]
    assert sum(loop.nbytes for loop in recordings._kept.values()) <= recordings.MEMORY
    monkeypatch.setattr(recordings, "MEMORY", 2**30)
    after = [apply(tone(50, 0.2), RATE, f"c/{i}", condition("recorded", 5, tmp_path)) for i in range(20)]
    assert np.array_equal(before, after)


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
        (lambda p: Condition("recorded", 5, "dB"), "which recordings"),
        (lambda p: condition("recorded", 5, p / "nowhere"), "no such folder of noise"),
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


def test_real_speech_in_real_noise(corpora_folder: Path) -> None:
    clips = sorted((corpora_folder / "emodb" / "wav").glob("*.flac"))[:12]
    for path in clips:
        sound = decode(path)
        clip = sound.samples[0]
        for level in (20.0, 0.0, -5.0):
            heard = apply(clip, sound.rate_hz, path.stem, condition("recorded", level, corpora_folder / "noise"))
            assert abs(snr_db(clip, heard.astype(np.float64) - clip, sound.rate_hz) - level) < 0.1
