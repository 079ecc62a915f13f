"""The null corpora tell nothing of a label on new speakers, and everything to who knows a sibling."""

import numpy as np
import pytest

from serbench.benchmark.corpora import synthetic
from serbench.benchmark.corpora.synthetic import NAMES, SyntheticCorpus, corpus, table, waveform

NULL = NAMES[2:]
RATE_HZ = 16_000


class Relabeled(SyntheticCorpus):
    """A null corpus that draws other labels."""

    def _null_labels(self, speaker):
        return super()._null_labels(speaker)[::-1]


@pytest.mark.parametrize("name", NULL)
def test_sound_words_and_face_do_not_know_the_label(name):
    known = synthetic._named(name)
    other = Relabeled(**{f: getattr(known, f) for f in known.__dataclass_fields__})
    mine, theirs = known.table().set_index("id"), other.table().set_index("id")
    assert (mine.emotion != theirs.emotion).mean() > 0.5
    assert (mine.drop(columns="emotion").fillna("") == theirs.drop(columns="emotion").fillna("")).all(axis=None)
    for utterance in mine.index[::137]:
        np.testing.assert_array_equal(known.waveform(utterance), other.waveform(utterance))
        np.testing.assert_array_equal(known.face(utterance), other.face(utterance))


@pytest.mark.parametrize("name", NULL)
def test_null_labels_are_balanced_and_shared_by_takes(name):
    frame = table(name)
    assert (frame.groupby(["speaker", "emotion"]).size() == 24).all()  # 6 sentences x 4 takes
    takes = frame.groupby(["speaker", "sentence"])
    assert (takes.size() == 4).all() and (takes.emotion.nunique() == 1).all()
    assert (frame.groupby(["speaker", "sentence", "session"]).size() == 2).all()
    assert (frame.groupby("speaker").session.nunique() == 2).all()
    assert (frame.groupby("session").speaker.nunique() == 1).all()
    assert (frame.groupby("sentence").transcript.nunique() == 1).all()


def labels(name):
    frame = table(name).drop_duplicates(["speaker", "sentence"])
    return frame.pivot(index="speaker", columns="sentence", values="emotion").to_numpy(str)


def information(grid):
    """Mutual information (nats) of sentence and label over speakers x sentences."""
    classes = np.unique(grid)
    joint = np.stack([(grid == c).sum(axis=0) for c in classes]) / grid.size
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float(np.sum(joint[joint > 0] * np.log(joint[joint > 0] / independent[joint > 0])))


@pytest.mark.parametrize("name", NULL)
def test_sentences_do_not_tell_the_label(name):
    grid, rng = labels(name), np.random.default_rng(0)
    chance = [information(rng.permuted(grid, axis=1)) for _ in range(400)]
    assert np.quantile(chance, 0.01) < information(grid) < np.quantile(chance, 0.99)
    always = np.tile(grid[0], (len(grid), 1))  # the measure does see sentences that tell
    assert information(always) > 2 * np.max(chance)


def test_null_labels_are_independent_between_speakers_and_corpora():
    a, b = labels("synth-null-a"), labels("synth-null-b")
    agreement = [np.mean(x == y) for i, x in enumerate((*a, *b)) for y in (*a, *b)[:i]]
    assert np.mean(agreement) == pytest.approx(0.25, abs=0.03)
    assert max(agreement) < 0.7
    # over many speakers every sentence gets every label equally often
    many = corpus(1, 24, 2, seed=3, like="synth-null-a")
    drawn = np.array([many._null_labels(f"speaker {k}") for k in range(1000)])
    counts = np.stack([(drawn == c).sum(axis=0) for c in many.classes])
    assert np.abs(counts - 250).max() < 60  # sd 13.7; 96 counts


def band_levels(x):
    frames = np.lib.stride_tricks.sliding_window_view(x, 400)[::160]
    spectra = np.log(np.abs(np.fft.rfft(frames * np.hanning(400), 512))[:, 1:241].reshape(-1, 30, 8).sum(2) + 1e-6)
    return np.concatenate([spectra.mean(0), spectra.std(0)])  # (60,)


def test_the_nearest_clip_is_a_sibling():
    made = corpus(4, 24, 2, like="synth-null-a")
    frame = made.table()
    points = np.array([band_levels(made.waveform(i)) for i in frame.id])
    points = (points - points.mean(0)) / points.std(0)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = frame.loc[distance.argmin(1)].reset_index()
    assert ((nearest.speaker == frame.speaker) & (nearest.sentence == frame.sentence)).mean() > 0.95


# the canary, and that emotions are there to be learned


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_plain_svm_finds_what_is_there_and_no_more(name):
    import librosa
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    frame = table(name)
    truth = frame.emotion.to_numpy(str)
    mfcc = [librosa.feature.mfcc(y=waveform(name, i), sr=RATE_HZ, n_mfcc=20) for i in frame.id]
    features = np.array([np.concatenate([m.mean(axis=1), m.std(axis=1)]) for m in mfcc])
    svm = make_pipeline(StandardScaler(), SVC(C=3))
    shuffled = cross_val_predict(svm, features, truth, cv=StratifiedKFold(10, shuffle=True, random_state=0))
    apart = cross_val_predict(svm, features, truth, cv=LeaveOneGroupOut(), groups=frame.speaker)
    uar = balanced_accuracy_score(truth, apart)
    if name in NULL:
        assert np.mean(shuffled == truth) >= 0.25 + 0.3
        assert abs(uar - 0.25) <= 0.12
    else:
        assert 0.65 < uar < 0.95
        assert balanced_accuracy_score(truth, shuffled) > uar
