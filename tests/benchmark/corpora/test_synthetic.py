"""The built-in corpora: sizes, determinism, what an emotion does to voice, words and face."""

import hashlib
import subprocess
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.benchmark.corpora.synthetic import (
    FACE_FPS,
    FEATURES,
    NAMES,
    SyntheticCorpus,
    corpus,
    face,
    neutral_talkers,
    table,
    waveform,
)
from serbench.benchmark.corpora.synthetic_face import EXPRESSION
from serbench.benchmark.corpora.synthetic_prosody import _CONSONANTS
from serbench.benchmark.corpora.synthetic_text import LANGUAGES, LEAN, carrier, pronounce
from serbench.benchmark.corpora.synthetic_voice import AFFECT
from serbench.benchmark.corpora.table import COLUMNS
from serbench.errors import InputError

ACTED, NULL = NAMES[:2], NAMES[2:]
RATE_HZ = 16_000


# sizes


def test_names_and_native_classes():
    assert NAMES == ("synth-a", "synth-b", "synth-null-a", "synth-null-b")
    assert sorted(set(table("synth-a").emotion)) == ["angry", "fear", "happy", "neutral", "sad"]
    assert sorted(set(table("synth-b").emotion)) == ["angry", "calm", "happy", "neutral", "sad"]
    for name in NULL:
        assert sorted(set(table(name).emotion)) == ["angry", "happy", "neutral", "sad"]


@pytest.mark.parametrize("name", NAMES)
def test_table(name):
    frame = table(name)
    n_speakers = 10 if name in NULL else 6
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == (960 if name in NULL else 240)
    assert frame.id.is_unique and frame.id.is_monotonic_increasing
    assert list(frame.path) == [f"synth:{i}" for i in frame.id]
    speakers = frame.drop_duplicates("speaker")
    assert len(speakers) == n_speakers
    assert dict(speakers.gender.value_counts()) == {"female": n_speakers // 2, "male": n_speakers // 2}
    assert f"{name}/f1" in set(frame.speaker)
    # the official split goes by sentence and has every speaker and class in every part
    assert (frame.groupby("sentence").official_split.nunique() == 1).all()
    parts = frame.groupby("official_split")
    assert set(parts.groups) == {"train", "dev", "test"}
    assert (parts.emotion.nunique() == frame.emotion.nunique()).all()
    assert (parts.speaker.nunique() == n_speakers).all()


@pytest.mark.parametrize("name", ACTED)
def test_every_speaker_says_every_sentence_in_every_class_once(name):
    assert (table(name).groupby(["speaker", "sentence", "emotion"]).size() == 1).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 5))
def test_any_size(speakers, sentences, takes, seed):
    made = corpus(speakers, sentences, takes, seed)
    frame = made.table()
    assert len(frame) == len(set(frame.id)) == speakers * sentences * takes * 5
    assert frame.transcript.notna().all()


def test_a_larger_corpus_begins_with_the_smaller_one():
    small, large = corpus(2, 3, seed=4), corpus(5, 9, seed=4)
    ids = [i.partition("/")[2] for i in small.clips]
    for clip in ids[::11]:
        np.testing.assert_array_equal(small.waveform(f"{small.name}/{clip}"), large.waveform(f"{large.name}/{clip}"))
    other = corpus(2, 3, seed=5)
    assert len(small.waveform(f"{small.name}/{ids[0]}")) != len(other.waveform(f"{other.name}/{ids[0]}"))


# determinism


def digest(name, utterance):
    return hashlib.sha256(waveform(name, utterance).tobytes() + face(name, utterance, 40.0).tobytes()).hexdigest()


def test_same_bytes_twice_and_in_another_process():
    utterance = "synth-null-b/m3-s07-t4"
    code = (
        "import hashlib; from serbench.benchmark.corpora.synthetic import face, waveform;"
        f"sound, face = waveform('synth-null-b', '{utterance}'), face('synth-null-b', '{utterance}', 40.0);"
        "print(hashlib.sha256(sound.tobytes() + face.tobytes()).hexdigest())"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert digest("synth-null-b", utterance) == digest("synth-null-b", utterance) == fresh


@pytest.mark.parametrize("name", NAMES)
def test_waveforms_are_clips(name):
    sounds = [waveform(name, i) for i in table(name).id[:: 7 if name in ACTED else 29]]
    seconds = np.array([len(x) / RATE_HZ for x in sounds])
    assert all(x.dtype == np.float32 and x.ndim == 1 and np.isfinite(x).all() for x in sounds)
    assert all(0.02 < np.abs(x).max() < 1 for x in sounds)
    assert seconds.min() > 0.9 and seconds.max() < 3 and 1.3 < seconds.mean() < 2.2
    assert len({x.tobytes() for x in sounds}) == len(sounds)


# what an emotion does


def voiced(x):
    """F0 (Hz) by the autocorrelation, and the power from 1 to 4 kHz over that below in dB, of steady voiced frames."""
    frames = np.lib.stride_tricks.sliding_window_view(x, 640)[::160]
    frames = frames[np.std(frames, axis=1) > 0.5 * np.std(x)]
    r = np.fft.irfft(np.abs(np.fft.rfft(frames - frames.mean(1, keepdims=True), 1280)) ** 2)[:, :640]
    lag = r[:, 30:230].argmax(1) + 30  # 70 to 530 Hz; the shortest of equals, for r shrinks with the lag
    steady = r[np.arange(len(r)), lag] > 0.85 * r[:, 0] * (1 - lag / 640)
    spectra = np.abs(np.fft.rfft(frames[steady] * np.hanning(640), 640)) ** 2
    return RATE_HZ / lag[steady], 10 * np.log10(spectra[:, 40:160].sum(1) / spectra[:, 3:40].sum(1))


@cache
def measures(name):
    """Per emotion, from the speaker's neutral: F0 (st), its range (st), level (dB), brightness (dB), seconds."""
    rows = []
    frame = table(name)
    frame = frame[frame.sentence <= "s04"].reset_index()
    for utterance in frame.id:
        x = waveform(name, utterance)
        f0_hz, bright = voiced(x)
        low, middle, high = 12 * np.log2(np.quantile(f0_hz, [0.2, 0.5, 0.8]))
        rows.append((middle, high - low, 20 * np.log10(np.std(x)), bright.mean(), len(x) / RATE_HZ))
    measured = pd.DataFrame(rows, columns=["pitch", "span", "level", "bright", "seconds"])
    means = pd.concat([frame[["speaker", "emotion"]], measured], axis=1).groupby(["speaker", "emotion"]).mean()
    neutral = means.xs("neutral", level="emotion")
    return (means - neutral.reindex(means.index, level="speaker")).groupby("emotion").mean()


def test_emotions_move_the_voice_as_the_literature_says():
    a = measures("synth-a")
    assert a.pitch.fear > a.pitch.happy > 2 and a.pitch.angry > 2 and a.pitch.sad < -0.7
    assert a.span.angry > 0.5 and a.span.happy > 0.5 and a.span.sad < -0.5 and a.span.fear < -0.5
    assert a.level.angry > 4 and a.level.happy > 1 and a.level.sad < -3 and a.level.angry > a.level.happy
    assert a.bright.angry > 2 and a.bright.happy > 1 and a.bright.fear < -0.5 and a.bright.sad < -0.5
    assert a.seconds.fear < a.seconds.angry < a.seconds.happy < 0 and a.seconds.sad > 0.2


def test_calm_is_a_little_of_sad():
    calm = SyntheticCorpus("calm", "calm", "b", ("calm", "neutral"), 6, 4)
    rows = {}
    for emotion in calm.classes:
        sounds = [calm.waveform(i) for i, clip in calm.clips.items() if clip.heard == emotion]
        rows[emotion] = np.mean(
            [(20 * np.log10(np.std(x)), voiced(x)[1].mean(), len(x) / RATE_HZ) for x in sounds], axis=0
        )
    level, bright, seconds = rows["calm"] - rows["neutral"]
    assert level < -1.5 and bright < -0.3 and seconds > 0.05


def test_women_speak_higher_than_men():
    neutral = [i for i in table("synth-b").id if "neutral" in i]
    f0 = {
        g: np.median(np.concatenate([voiced(waveform("synth-b", i))[0] for i in neutral if f"/{g}" in i])) for g in "fm"
    }
    assert 160 < f0["f"] < 260 and 85 < f0["m"] < 150


# words


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_word_can_be_said(language):
    tongue = LANGUAGES[language]
    assert tongue.leaning.keys() <= AFFECT.keys() == EXPRESSION.keys()
    leaning = [w for words in tongue.leaning.values() for w in words]
    assert len(set(leaning)) == len(leaning), "a word leans toward one emotion"
    for word in (*leaning, *(w for words in tongue.words for w in words)):
        phones = pronounce(word, language)
        assert {p.symbol for p in phones} <= _CONSONANTS.keys() | tongue.vowels.keys(), word
        assert any(p.symbol in tongue.vowels for p in phones), word
        assert not any(p.symbol == q.symbol for p, q in pairwise(phones)), word


def test_pronounce():
    assert [p.symbol for p in pronounce("happily washed", "a")] == list("hapiliwaSed")
    assert [p.stressed for p in pronounce("tea maps", "a")] == [False, False, False, False, True, False, False]
    assert [p.final for p in pronounce("lutta", "b")] == [False, False, False, True]


def test_languages_share_no_sentence():
    said = {language: [carrier(language, k) for k in range(50)] for language in LANGUAGES}
    assert all(len(set(sentences)) == 50 for sentences in said.values())
    words = [{w for s in sentences for w in s.split()} - {"~"} for sentences in said.values()]
    assert not words[0] & words[1]


@pytest.mark.parametrize("name", ACTED)
def test_transcripts_lean_toward_the_emotion(name):
    frame = table(name)
    leaning = LANGUAGES[name[-1]].leaning
    own = [any(w in leaning[e] for w in t.split()) for t, e in zip(frame.transcript, frame.emotion, strict=True)]
    assert np.mean(own) == pytest.approx(LEAN, abs=0.1)
    assert (frame.transcript.str.split().str.len() == 4).all()


# faces


@pytest.mark.parametrize("lead_ms", [-160.0, 0.0, 60.0, 240.0])
def test_the_face_leads_by_as_much_as_asked(lead_ms):
    shifts = np.arange(-400, 401, 5)
    likeness = np.zeros(len(shifts))
    for utterance in [i for i in table("synth-a").id if "neutral" in i][::6]:
        x, mouth = waveform("synth-a", utterance), face("synth-a", utterance, lead_ms)[:, 0]
        power = np.convolve(x**2, np.hanning(800), "same")
        loud, heard = np.sqrt(power / power.max()), np.arange(len(x)) / RATE_HZ
        seen = np.arange(len(mouth)) / FACE_FPS
        likeness += [np.corrcoef(mouth, np.interp(seen + s / 1000, heard, loud))[0, 1] for s in shifts]
    assert shifts[likeness.argmax()] == pytest.approx(lead_ms, abs=20)


def test_face_tracks():
    utterance = "synth-b/f2-s03-happy-t1"
    plain, led = face("synth-b", utterance), face("synth-b", utterance, 120.0)
    seconds = len(waveform("synth-b", utterance)) / RATE_HZ
    assert plain.shape == led.shape == (int(np.ceil(seconds * FACE_FPS)), len(FEATURES))
    assert plain.dtype == np.float32 and np.isfinite(plain).all()
    # the mouth moves three frames earlier, under the same noise of the tracker; features that only rest do not move
    mouth = np.corrcoef(led[:-3, 0], plain[3:, 0])[0, 1], np.corrcoef(led[:, 0], plain[:, 0])[0, 1]
    assert mouth[0] > 0.8 > mouth[1]
    np.testing.assert_array_equal(
        led[:, FEATURES.index("lip_corner_down")], plain[:, FEATURES.index("lip_corner_down")]
    )


@pytest.mark.parametrize("name", ACTED)
def test_faces_show_the_emotion(name):
    frame = table(name)
    means = np.array([face(name, i).mean(axis=0) for i in frame.id])
    shown = pd.DataFrame(means, columns=list(FEATURES)).groupby(frame.emotion.to_numpy(str)).mean()
    shown = shown - shown.loc["neutral"]
    assert shown.lip_corner_up.idxmax() == "happy" and shown.lip_corner_down.idxmax() == "sad"
    assert shown.brow_down.idxmax() == "angry"
    assert shown.lip_corner_up["happy"] > 0.4 and shown.brow_down["angry"] > 0.4


# talkers


def test_neutral_talkers():
    talkers = neutral_talkers(3.0, np.random.default_rng(5))
    again = neutral_talkers(3.0, np.random.default_rng(5), n=2)
    assert [x.shape for x in talkers] == [(48_000,)] * 8 and all(x.dtype == np.float32 for x in talkers)
    np.testing.assert_array_equal(talkers[1], again[1])
    for x in talkers:
        loud = np.abs(x).reshape(-1, 400).max(axis=1) > 0.1 * np.abs(x).max()  # 25 ms
        pauses = np.diff(np.flatnonzero(np.concatenate([[True], loud, [True]])))
        assert pauses.max() * 0.025 < 0.4
    f0 = [np.median(voiced(x)[0]) for x in talkers]
    assert min(f0[::2]) > max(f0[1::2])  # women and men in turn


# faults


def test_unknown_names_and_sizes_are_errors():
    with pytest.raises(InputError, match="did you mean 'synth-a'"):
        table("synth-aa")
    with pytest.raises(InputError, match="no utterance 'synth-a/f9-s01-sad-t1'; ids are like synth-a/f1-s01-angry-t1"):
        waveform("synth-a", "synth-a/f9-s01-sad-t1")
    with pytest.raises(InputError, match="0 speakers"):
        corpus(0, 3)
    with pytest.raises(InputError, match="a multiple of 4 sentences"):
        corpus(2, 6, 2, like="synth-null-a")
    with pytest.raises(InputError, match="it has 1728"):
        corpus(1, 1729).table()
