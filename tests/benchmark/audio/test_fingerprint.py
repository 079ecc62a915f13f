"""The fingerprint of a clip: what is done to a copy does not hide it, and other clips are other clips."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.benchmark.audio.fingerprint import BANDS, CODE, Match, code, match, peaks
from serbench.benchmark.audio.likeness import ClipCodes, near_pairs
from serbench.tests.support.copies import DONE, RATE, SENTENCES, spoken


@pytest.fixture(scope="module")
def sounds() -> dict[str, np.ndarray]:
    return {prefix: spoken(prefix) for prefix in SENTENCES}


@pytest.mark.parametrize("done", DONE)
def test_a_copy_is_found_whatever_was_done_to_it(done: str, sounds: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    for sound in sounds.values():
        how = match(peaks(DONE[done](sound, rng), RATE), peaks(sound, RATE))
        assert how.copy, how
        wanted = float(done.removeprefix("pitch ")) if done.startswith("pitch") else 0.0
        assert how.semitones == pytest.approx(wanted, abs=0.34)
        assert how.seconds == pytest.approx(0.5 if done == "later" else 0.0, abs=0.033)


def test_other_sentences_and_voices_are_no_copies(sounds: dict[str, np.ndarray]) -> None:
    found = [peaks(sound, RATE) for sound in sounds.values()]
    for a, b in itertools.combinations(found, 2):
        how = match(a, b)
        assert not how.copy and not how.suspect, how


def test_shifts_in_time_and_pitch_do_not_change_a_code() -> None:
    rng = np.random.default_rng(0)
    found = np.zeros((90, BANDS), dtype=np.float32)
    found[20:70, 20:150] = rng.random((50, 130)) * (rng.random((50, 130)) > 0.8)
    for moved in (np.roll(found, 9, axis=0), np.roll(found, 12, axis=1), np.pad(found, ((100, 300), (0, 0)))):
        assert code(moved) @ code(found) == pytest.approx(1, abs=1e-5)
    how = match(np.roll(found, (4, 6), axis=(0, 1)), found)
    assert (how.semitones, how.seconds, how.frames) == (2.0, pytest.approx(0.128), 50)
    assert how.score == pytest.approx(1, abs=1e-5)
    back = match(found, np.roll(found, (4, 6), axis=(0, 1)))
    assert (back.semitones, back.seconds) == (-2.0, pytest.approx(-0.128))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40_000), st.sampled_from([8_000, 16_000, 44_100]))
def test_every_sound_has_a_fingerprint_and_matches_itself(seed: int, n: int, rate: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal(k).astype(np.float32) * rng.random(k) for k in (n, max(1, n // 2)))
    one, two = peaks(a, rate), peaks(b, rate)
    assert one.shape[1] == BANDS and np.isfinite(one).all() and (one >= 0).all()
    assert code(one).shape == (CODE,) and np.linalg.norm(code(one)) <= 1 + 1e-5
    assert 0 <= match(one, two).score <= 1 + 1e-6
    assert match(one, one).score == pytest.approx(1 if one.any() else 0, abs=1e-5)


def test_silence_and_steady_tones_are_like_nothing() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    tone = sum(np.sin(2 * np.pi * 140 * k * np.arange(2 * RATE) / RATE) / k for k in range(1, 9))
    for sound in (silence, np.asarray(0.1 * tone, dtype=np.float32)):
        assert not code(peaks(sound, RATE)).any()
    how = match(peaks(silence, RATE), peaks(silence, RATE))
    assert (how.score, how.frames) == (0, 0) and not how.copy and not how.suspect


def test_little_in_common_says_little() -> None:
    assert Match(0.95, 0.0, 0.0, 60).copy and not Match(0.95, 0.0, 0.0, 10).copy
    assert Match(0.85, 2.0, 0.0, 60).copy and not Match(0.85, 2.0, 0.0, 20).copy
    assert not Match(0.85, 0.0, 0.0, 60).copy  # nobody made a copy so unlike at the same pitch
    for too_little in (Match(1.0, 0.0, 0.0, 7), Match(1.0, 2.0, 0.0, 14)):
        assert not too_little.copy and not too_little.suspect


def clips(waves: dict[str, np.ndarray], audio: dict[str, str] | None = None) -> ClipCodes:
    names = list(waves)
    found = [peaks(wave, RATE) for wave in waves.values()]
    frames = np.array([int(p.any(axis=1).sum()) for p in found])
    same = [(audio or {}).get(name, name) for name in names]
    return ClipCodes(names, same, np.stack([code(p) for p in found]), frames, lambda i: waves[names[i]], RATE)


def test_pairs_connect_what_belongs_together(sounds: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    first = SENTENCES[0]
    copies = {f"{done} of it": DONE[done](sounds[first], rng) for done in ("gain", "noise", "pitch +2")}
    pairs = near_pairs(clips({**sounds, **copies}))
    linked = {first}
    for _ in pairs:
        for a, b, _ in pairs:
            linked |= {a, b} if {a, b} & linked else set()
    assert linked == {first, *copies} and len(pairs) == 3 and all(pair.match.copy for pair in pairs)
    between = near_pairs(clips(sounds), clips(copies))
    assert {(pair.a, pair.b) for pair in between} == {(first, copy) for copy in copies}
    # identical audio is known already and not said again
    assert near_pairs(clips({"x": sounds[first], "y": sounds[first].copy()}, {"x": "same", "y": "same"})) == []
    assert near_pairs(clips({"x": sounds[first]})) == []
