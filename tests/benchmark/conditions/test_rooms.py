"""Rooms: reverberation time, image sources against paths counted by hand, measured responses, level and alignment."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal

from serbench.benchmark.audio.decode import decode
from serbench.benchmark.conditions import reverberation, rooms
from serbench.benchmark.conditions.kinds import apply
from serbench.benchmark.conditions.snr import active_power
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Condition
from serbench.seeds import stream
from serbench.tests.support.sounds import RATE, speech, write


def decay_time(response: np.ndarray, rate: int) -> float:
    """RT60 by another way: the level of blocks of 10 ms against time, from 5 to 35 dB below the first whole decay."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    time = np.arange(len(energy)) / rate
    level = 10 * np.log10(energy / energy[0])
    part = (level <= -5) & (level >= -35)
    slope, _ = np.linalg.lstsq(np.stack([time[part], np.ones(part.sum())], 1), level[part], rcond=None)[0]
    return float(-60 / slope)


@pytest.mark.parametrize("seconds", [0.15, 0.2, 0.3, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_rooms_have_the_asked_reverberation_time(seconds: float, rate: int) -> None:
    for utterance in (f"c/{k}" for k in range(6)):
        rng = stream("noise", utterance, f"room {seconds:g} s")
        made = rooms.response(rooms.draw_room(rng), seconds, rate, rng)
        assert decay_time(made, rate) == pytest.approx(seconds, rel=0.03)
        assert rooms.reverberation_time(made, rate) == pytest.approx(decay_time(made, rate), rel=0.01)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 2.0])
def test_reverberation_time_of_an_exact_decay(seconds: float) -> None:
    time = np.arange(round(2 * seconds * RATE)) / RATE
    assert rooms.reverberation_time(10 ** (-3 * time / seconds), RATE) == pytest.approx(seconds, rel=0.005)
    assert np.isnan(rooms.reverberation_time(np.ones(100), RATE))
    assert rooms.reverberation_time(np.array([1.0, 0, 0]), RATE) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_rooms_hold_both_places(seed: int) -> None:
    room = rooms.draw_room(np.random.default_rng(seed))
    for place in (room.talker, room.microphone):
        assert (place >= rooms.FROM_WALL_M).all() and (place <= room.size - rooms.FROM_WALL_M).all()
    assert 1 <= room.distance <= 3
    length, width, height = room.size
    assert room.surface == pytest.approx(2 * (length * width + length * height + width * height))


def test_image_sources_are_those_of_folded_paths() -> None:
    """Every straight path to an image, folded back into the room, must end at the talker after so many bounces."""
    room = rooms.draw_room(np.random.default_rng(5))
    distance, bounces = rooms._images(room)
    found = sorted(zip(np.round(distance, 6), bounces.astype(int), strict=True))
    cells = np.stack(np.meshgrid(*[np.arange(-8, 9)] * 3), -1).reshape(-1, 3)  # the room mirrored this often, per axis
    folded = cells * room.size + np.where(cells % 2 == 0, room.talker, room.size - room.talker)
    length = np.linalg.norm(folded - room.microphone, axis=1)
    heard = length <= rooms.SOUND_M_S * rooms.IMAGES_SECONDS
    expected = sorted(zip(np.round(length[heard], 6), np.abs(cells[heard]).sum(1), strict=True))
    assert found == expected
    assert found[0] == (round(room.distance, 6), 0)
    assert len(found) > 100


def test_a_reflection_lies_between_two_samples() -> None:
    placed = rooms._placed(np.array([100.25]), np.array([2.0]), 200)
    tone = np.exp(-2j * np.pi * 0.05 * np.arange(200))
    assert abs(placed @ tone - 2 * np.exp(-2j * np.pi * 0.05 * 100.25)) < 0.01


def test_the_tail_goes_on_as_the_reflections_end() -> None:
    """Mean power per 5 ms of many rooms, without its decay, is the same before and after 50 ms."""
    power = np.zeros(20)
    for k in range(60):
        rng = np.random.default_rng(k)
        room = rooms.draw_room(rng)
        made = rooms._made(room, rooms._images(room), 0.6, RATE, rng.standard_normal(RATE))
        begin = round(room.distance / rooms.SOUND_M_S * RATE)
        power += room.volume * np.square(np.pad(made, (begin, 0))[:1_600]).reshape(20, 80).sum(1)
    level = 10 * np.log10(power) + 60 * np.arange(20) * 0.005 / 0.6
    assert abs(level[6:10].mean() - level[10:14].mean()) < 0.7


def test_a_room_that_is_not_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "TRIES", 1)
    monkeypatch.setattr(rooms, "CLOSE", 0.0)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"a room of 0\.3 s: 1 tries ended at 0\.\d+ s"):
        rooms.response(rooms.draw_room(rng), 0.3, RATE, rng)


# ---- what is heard ---------------------------------------------------------------------------------------------


def click(n: int = 8_000, at: int = 2_000) -> np.ndarray:
    clip = np.zeros(n, np.float32)
    clip[at] = 0.5
    return clip


@pytest.mark.parametrize("condition", [Condition("room", 0.2, "s"), Condition("room", 1.0, "s")])
def test_the_direct_sound_is_where_the_clip_is(condition: Condition) -> None:
    for k in range(5):
        heard = apply(click(), RATE, f"c/{k}", condition)
        assert np.abs(heard[:2_000]).max() < 1e-6
        assert abs(heard[2_000]) > 5 * np.abs(heard[2_001:2_010]).max()
        assert len(heard) == 8_000


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 20_000), seed=st.integers(0, 2**32), scale=st.sampled_from([1e-3, 0.1, 30.0]))
def test_the_level_is_kept_where_the_clip_speaks(n: int, seed: int, scale: float) -> None:
    clip = speech(n, seed, scale)
    heard = apply(clip, RATE, f"c/{seed}", Condition("room", 0.6, "s"))
    assert heard.shape == clip.shape
    before, after = active_power(clip, heard, RATE)
    assert after == pytest.approx(before, rel=1e-4)


def test_a_measured_response_begins_with_its_direct_sound(tmp_path: Path) -> None:
    """Late by 50 ms, 44.1 kHz, two channels: what counts is the first channel from its onset."""
    rate, rng = 44_100, np.random.default_rng(0)
    tail = rng.standard_normal(rate // 2) * 10 ** (-3 * np.arange(rate // 2) / rate / 0.4)
    first = np.concatenate([1e-3 * rng.standard_normal(rate // 20), [1.0], 0.1 * tail])
    write(tmp_path / "hall.wav", np.stack([first, rng.standard_normal(len(first))], 1), rate)
    condition = Condition("response", source=str(tmp_path))
    heard = apply(click(), RATE, "c/u", condition)
    peak = int(np.abs(heard).argmax())
    assert abs(peak - 2_000) <= 16  # 1 ms: the filter that changes the rate rings before the click
    assert np.abs(heard[: peak - 17]).max() < 1e-6
    after = heard[peak + 40 :] / heard[peak]
    assert np.sqrt(np.mean(after[:800] ** 2)) == pytest.approx(0.1, rel=0.4)
    assert decay_time(after, RATE) == pytest.approx(0.4, rel=0.15)


def test_responses_are_drawn_from_the_whole_folder_by_content(tmp_path: Path) -> None:
    for k, folder in ((1, "a"), (-1, "b")):
        for i in range(3):
            impulse = np.zeros(2_000)
            impulse[[0, 500 * (i + 1)]] = 1.0, 0.7
            write(tmp_path / folder / f"{k * i + 5}.wav", impulse)
    heard = {}
    for folder in ("a", "b"):
        condition = Condition("response", source=str(tmp_path / folder))
        heard[folder] = [apply(click(), RATE, f"c/{k}", condition) for k in range(30)]
    assert np.array_equal(heard["a"], heard["b"])  # whatever the files are called
    assert {int(np.abs(some[2_100:]).argmax()) + 100 for some in heard["a"]} == {500, 1_000, 1_500}


def test_a_silent_response_is_named(tmp_path: Path) -> None:
    write(tmp_path / "nothing.wav", np.zeros(100))
    with pytest.raises(InputError, match=r"nothing\.wav: a silent response"):
        apply(click(), RATE, "c/u", Condition("response", source=str(tmp_path)))


def test_real_responses(corpora_folder: Path) -> None:
    folder = corpora_folder / "rir"
    clip = decode(min((corpora_folder / "emodb" / "wav").glob("*.flac"))).samples[0]
    for path in sorted(folder.glob("*.wav")):
        impulse = reverberation.measured(path, RATE)
        assert 0.2 < rooms.reverberation_time(impulse, RATE) < 2.5
        assert np.abs(impulse[:2]).max() >= 0.09 * np.abs(impulse).max()
    heard = apply(clip, RATE, "c/u", Condition("response", source=str(folder)))
    before, after = active_power(clip, heard, RATE)
    assert after == pytest.approx(before, rel=1e-4)
    # the envelopes of clip and room begin together
    slow = signal.firwin(1_601, 20, fs=RATE)
    one, two = (signal.fftconvolve(np.abs(x), slow, "same") for x in (clip, heard))
    late = int(signal.correlate(two, one, method="fft").argmax()) - (len(clip) - 1)
    assert 0 <= late < 0.05 * RATE
