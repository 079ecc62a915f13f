"""Noise for training clips: level, kinds, and nothing of it is heard in tests."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.conditions import noise
from serbench.benchmark.conditions.recordings import recordings
from serbench.benchmark.conditions.training import in_noise
from serbench.errors import InputError
from serbench.tests.support.sounds import RATE, quick_talkers, snr_db, speech, tone, write

MADE = ("white", "pink", "babble", "speech-shaped", "music", "impulsive")
CLIP = speech(8_000, 1)


@pytest.fixture(scope="module", autouse=True)
def _talkers() -> Iterator[None]:
    with quick_talkers():
        yield


def noisy(seed: int, kinds: tuple[str, ...] = MADE, low: float = 5, high: float = 20, source: str = "") -> np.ndarray:
    return in_noise(CLIP, RATE, "c/u#3", kinds, low, high, np.random.default_rng(seed), source)


def test_levels_are_drawn_evenly_and_reached() -> None:
    found = []
    for seed in range(120):
        made = noisy(seed, ("white", "impulsive"))
        assert (made.shape, made.dtype) == (CLIP.shape, np.float32)
        found.append(snr_db(CLIP, made.astype(np.float64) - CLIP, RATE))
    assert 4.9 < min(found) < 6.5 and 18.5 < max(found) < 20.1
    assert np.mean(found) == pytest.approx(12.5, abs=1.2)
    assert snr_db(CLIP, noisy(0, ("pink",), 7, 7).astype(np.float64) - CLIP, RATE) == pytest.approx(7, abs=0.1)


def test_every_kind_is_drawn_and_the_generator_decides_all() -> None:
    assert np.array_equal(noisy(7), noisy(7))
    assert not np.array_equal(noisy(7), noisy(8))
    for kind in MADE:
        made = noisy(3, (kind,))
        assert snr_db(CLIP, made.astype(np.float64) - CLIP, RATE) > 4.9
    clicks = [np.mean(noisy(seed, ("white", "impulsive")) == CLIP) > 0.2 for seed in range(60)]
    assert 15 < sum(clicks) < 45


def test_other_talkers_babble_in_training() -> None:
    test, train = noise.talkers(RATE), noise.talkers(RATE, "train")
    assert len(train) == len(test) == noise.TALKERS
    for one in train:
        assert np.square(one, dtype=np.float64).mean() == pytest.approx(1, rel=1e-4)
        assert max(abs(np.corrcoef(one[:30_000], other[:30_000])[0, 1]) for other in test) < 0.2


def test_recordings_of_training_are_not_those_of_tests(tmp_path: Path) -> None:
    for i in range(8):
        write(tmp_path / f"{i}.wav", tone(1_000 + 500 * i, 0.5))
    heard = set()
    for seed in range(60):
        made = noisy(seed, ("recorded",), 0, 0, str(tmp_path)) - CLIP
        heard.add(round((np.abs(np.fft.rfft(made)).argmax() * RATE / len(CLIP) - 1_000) / 500))
    assert heard == {int(path.stem) for path in recordings(str(tmp_path)).train}


def test_wrong_input_is_told(tmp_path: Path) -> None:
    write(tmp_path / "one.wav", tone(100, 1))
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="a single recording is for testing; training needs at least two"):
        noisy(0, ("recorded",), source=str(tmp_path))
    with pytest.raises(InputError, match="which recordings"):
        noisy(0, ("recorded",))
    with pytest.raises(InputError, match="unknown noise for training 'whit'; did you mean 'white'"):
        noisy(0, ("whit",))
    with pytest.raises(InputError, match="no kind given"):
        noisy(0, ())
    for low, high in ((20, 5), (0, 61), (float("nan"), 5)):
        with pytest.raises(InputError, match="two levels in dB from -60 to 60"):
            noisy(0, low=low, high=high)
    with pytest.raises(InputError, match="c/u#1: silent"):
        in_noise(np.zeros(500, np.float32), RATE, "c/u#1", MADE, 5, 20, rng)
    with pytest.raises(InputError, match="c/u#1: samples that are not finite"):
        in_noise(np.full(500, np.nan, np.float32), RATE, "c/u#1", MADE, 5, 20, rng)
