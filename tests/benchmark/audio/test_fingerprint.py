"""The fingerprint of a clip: what is done to a copy does not hide it, and other clips are other clips."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from serbench.benchmark.audio.alignment import Agreement, agreement
from serbench.benchmark.audio.decode import resample
from serbench.benchmark.audio.fingerprint import BANDS, CODE, RATE_HZ, Match, code, match, peaks
from serbench.benchmark.audio.likeness import ClipCodes, Likeness, likeness, near_pairs, sound_of
from serbench.tests.support.copies import DONE, RATE, SENTENCES, spoken


@pytest.fixture(scope="module")
def sounds() -> dict[str, np.ndarray]:
    return {prefix: spoken(prefix) for prefix in SENTENCES}


@pytest.mark.parametrize("done", DONE)
def test_a_copy_is_found_whatever_was_done_to_it(done: str, sounds: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    for sound in sounds.values():
        found = likeness(sound_of(DONE[done](sound, rng), RATE), sound_of(sound, RATE))
        assert found.copy, found
        how = found.match
        wanted = float(done.removeprefix("pitch ")) if done.startswith("pitch") else 0.0
        assert how.semitones == pytest.approx(wanted, abs=0.34)
        assert how.seconds == pytest.approx(0.5 if done == "later" else 0.0, abs=0.033)


def test_other_sentences_and_voices_are_no_copies(sounds: dict[str, np.ndarray]) -> None:
    found = [sound_of(sound, RATE) for sound in sounds.values()]
    for a, b in itertools.combinations(found, 2):
        how = likeness(a, b)
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
    assert (how.score, how.frames) == (0, 0) and not how.sure and not how.close


def test_of_little_in_common_peaks_are_no_evidence() -> None:
    assert Match(0.85, 2.0, 0.0, 60).sure and not Match(0.85, 2.0, 0.0, 36).sure
    assert not Match(1.0, 0.0, 0.0, 60).sure  # at the same pitch, samples are always asked
    word = Match(1.0, 0.0, 0.0, 17)
    assert not word.sure and not Match(1.0, 2.0, 0.0, 34).sure
    same, other = Agreement(0.95, 0.5, 1.0), Agreement(0.7, 0.5, 1.0)
    assert Likeness(word, same).copy and not Likeness(word, same).suspect
    assert not Likeness(word, other).copy and Likeness(word, other).suspect
    assert not Likeness(Match(0.85, 2.0, 0.0, 20), other).suspect
    assert Agreement(0.9, 0.8, 1.0).same and not Agreement(0.9, 0.3, 1.0).same  # of less sound more is asked
    assert not Agreement(0.95, 0.8, 1.0, 0.3).same  # words that share a syllable


@pytest.mark.parametrize("n", [2_400, 6_000, 16_000])
def test_samples_agree_at_any_lag_speed_and_level_and_other_samples_do_not(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = (sosfilt(butter(4, 2_000, fs=RATE_HZ, output="sos"), rng.standard_normal(n)) for _ in range(2))
    assert agreement(a, 0.01 * np.pad(a, (77, 20)), RATE_HZ).score > 0.99
    faster = resample(a.astype(np.float32), 1_000, 930)
    found = agreement(faster, a, RATE_HZ, 1.07)
    assert found.score > 0.9 and found.speed == pytest.approx(1 / 0.93, abs=2e-3)
    assert agreement(a, b, RATE_HZ).score < 0.3 and agreement(a[: n // 8], b, RATE_HZ).score < 0.6
    for empty in (np.zeros(n), a[:1], a[:0]):
        assert agreement(a, empty, RATE_HZ).score == agreement(empty, a, RATE_HZ).score == 0


def test_takes_of_a_word_with_the_same_peaks_are_told_from_copies() -> None:
    """Harmonics that lie in the same bands, in other phases, as those of takes do."""
    rng, t = np.random.default_rng(7), np.arange(RATE // 2) / RATE

    def take() -> np.ndarray:
        turns = np.cumsum(140.0 * (1 + 0.15 * np.sin(2 * np.pi * 2 * t))) / RATE
        voice = sum(np.sin(2 * np.pi * (k * turns + rng.random())) / k for k in range(1, 12)) * np.hanning(len(t))
        return np.asarray(0.1 * voice, dtype=np.float32)

    first, second = take(), take()
    how = likeness(sound_of(first, RATE), sound_of(second, RATE))
    assert how.match.score > 0.98 and not how.copy and how.suspect
    assert str(how).startswith("spectrum 1.00 over 0.5 s, samples 0.")
    for done in ("gain", "8 kHz", "noise", "later"):
        copy = sound_of(DONE[done](first, np.random.default_rng(1)), RATE)
        assert likeness(copy, sound_of(first, RATE)).copy


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
    assert linked == {first, *copies} and len(pairs) == 3 and all(pair.how.copy for pair in pairs)
    between = near_pairs(clips(sounds), clips(copies))
    assert {(pair.a, pair.b) for pair in between} == {(first, copy) for copy in copies}
    # identical audio is known already and not said again
    assert near_pairs(clips({"x": sounds[first], "y": sounds[first].copy()}, {"x": "same", "y": "same"})) == []
    assert near_pairs(clips({"x": sounds[first]})) == []
