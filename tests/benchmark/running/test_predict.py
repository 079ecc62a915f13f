"""A kept model on new files: the run's own predictions come back, trainings are averaged, faults are one line."""

import csv
import io
import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from serbench.baselines.registry import choose, find
from serbench.benchmark.running.predict import NewAudio
from serbench.errors import InputError
from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.seals import digest
from serbench.tests.support.edited import rewrite
from serbench.tests.support.tiny import RATE_HZ, serbench, tiny_corpus

NETWORK, SVM, CNN = "mfcc-attention:tiny", "functionals-svm", "cnn-3-gru:tiny"
ENCODED = "wavfusion:tiny+audio"
CLASSES = ("angry", "happy", "sad")


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("audio") / "tiny", speakers=4, takes=3, classes=CLASSES).parent


@pytest.fixture(scope="module")
def kept(audio: Path, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose weights are kept."""
    out = tmp_path_factory.mktemp("runs") / "kept"
    models = ("--model", NETWORK, "--model", SVM, "--set", "mfcc-attention.epochs=2")
    corpus = f"tiny={audio / 'utterances.csv'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        run = ("run", "--protocol", "speaker-independent", "--corpus", corpus, *models, "--out", out)
        code, _, err = serbench(*run, "--keep-weights", "--jobs", "1")
    assert code == 0, err
    return out


def ask(*arguments: str | Path) -> list[dict[str, object]]:
    code, text, err = serbench("predict", *arguments, "--json")
    assert code == 0, err
    return list(json.loads(text))


def shares(line: dict[str, object]) -> np.ndarray:
    found = line["probabilities"]
    assert isinstance(found, dict) and tuple(found) == CLASSES
    return np.array(list(found.values()))


def refused(*arguments: str | Path) -> str:
    code, text, err = serbench("predict", *arguments)
    assert (code, text) == (2, ""), err
    assert err.startswith("Error: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("model", [NETWORK, SVM])
def test_the_predictions_of_the_run_come_back(kept: Path, audio: Path, model: str) -> None:
    frames = open_evidence([store.open_run(kept)])
    records = frames.records[frames.records["model"] == model]
    seen = 0
    for key, fold in zip(records["key"], records["fold"], strict=True):
        stored = frames.scored[frames.scored["key"] == key]
        files = [audio / f"{utterance.partition('/')[2]}.wav" for utterance in stored["utterance"]]
        found = ask(kept, model, *files, "--fold", fold)
        assert [line["class"] for line in found] == stored["guess"].tolist()
        assert all(line["agree"] == line["trainings"] == 1 for line in found)
        if model == NETWORK:
            expected = np.exp(np.stack(stored["log_probability"].tolist()))
            np.testing.assert_allclose([shares(line) for line in found], expected, atol=1e-5)
        seen += len(files)
    assert seen == 36


def test_log_probabilities_are_averaged(kept: Path, audio: Path) -> None:
    files = [audio / f"s{speaker}_{name}_1.wav" for speaker, name in enumerate(CLASSES)]
    folds = [f"tiny/s{speaker}" for speaker in range(4)]
    alone = np.log([[shares(line) for line in ask(kept, NETWORK, *files, "--fold", fold)] for fold in folds])
    mean = np.exp(alone.mean(axis=0))
    found = ask(kept, NETWORK, *files)
    np.testing.assert_allclose([shares(line) for line in found], mean / mean.sum(axis=1, keepdims=True), atol=1e-6)
    votes = alone.argmax(axis=2)  # (folds, files)
    best = mean.argmax(axis=1)
    assert [line["class"] for line in found] == [CLASSES[index] for index in best]
    assert [line["agree"] for line in found] == (votes == best).sum(axis=0).tolist()
    assert {line["trainings"] for line in found} == {4}


def test_a_file_does_not_depend_on_its_companions(kept: Path, audio: Path) -> None:
    files = sorted(audio.glob("s0_*.wav"))
    together = ask(kept, NETWORK, *files, files[0])
    assert together == [line for file in (*files, files[0]) for line in ask(kept, NETWORK, file)]


def test_damaged_weights_are_named(kept: Path, audio: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "run", audio / "s0_sad_0.wav"
    shutil.copytree(kept, run)
    records = open_evidence([store.open_run(run)]).records
    record = records[records["model"] == NETWORK].iloc[1]
    path = run / "weights" / f"{record['training']}.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert f"{path}: damaged" in refused(run, NETWORK, file)
    assert ask(run, SVM, file)
    state = {name: value * torch.nan for name, value in load_file(kept / "weights" / path.name).items()}
    save_file(state, path)
    assert f"{path}: damaged or unreadable (not the weights that this training stored)" in refused(run, NETWORK, file)
    rewrite(run / "trainings" / f"{record['training']}.json", weights=digest(path.read_bytes()))
    assert f"fold '{record['fold']}', gives scores that are no numbers" in refused(run, NETWORK, file)


def test_models_without_probabilities_vote(kept: Path, audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # below that, a long path leaves no room for the column
    (found,) = ask(kept, SVM, audio / "s0_sad_0.wav")
    assert (found["class"], found["probabilities"], found["trainings"]) == ("sad", None, 4)
    code, text, err = serbench("predict", kept, SVM, audio / "s0_sad_0.wav")
    assert code == 0 and "–" in text and "they vote" in err


def test_table_csv_and_json_say_the_same(kept: Path, audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [audio / "s0_sad_0.wav", audio / "s1_angry_1.wav"]
    found = ask(kept, NETWORK, *files)
    code, text, _ = serbench("predict", kept, NETWORK, *files, "--csv")
    assert code == 0
    for line, row in zip(found, csv.DictReader(io.StringIO(text)), strict=True):
        assert (row["file"], row["class"], row["agree"]) == (line["file"], line["class"], str(line["agree"]))
        np.testing.assert_allclose([float(row[name]) for name in CLASSES], shares(line), atol=1e-6)
    for columns in (40, 300):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, text, err = serbench("predict", kept, NETWORK, *files)
        assert code == 0 and "4 trainings (4 folds, 1 seed); log-probabilities are averaged" in err
        for line in found:
            assert str(line["file"]) in text
            assert all(f"{100 * share:.1f}" in text for share in shares(line))


def test_any_container_and_rate_and_length(kept: Path, audio: Path, tmp_path: Path) -> None:
    samples, _ = soundfile.read(audio / "s0_sad_0.wav", dtype="float32")
    other = np.interp(np.arange(0, len(samples), RATE_HZ / 48_000), np.arange(len(samples)), samples)
    soundfile.write(tmp_path / "stereo.flac", np.stack([other, other], axis=1), 48_000)
    soundfile.write(tmp_path / "blip.wav", samples[:400], RATE_HZ)  # 25 ms
    same, again, blip = ask(kept, SVM, audio / "s0_sad_0.wav", tmp_path / "stereo.flac", tmp_path / "blip.wav")
    assert same["class"] == again["class"] == "sad"
    assert blip["class"] in CLASSES
    assert all(abs(shares(line).sum() - 1) < 1e-6 for line in ask(kept, NETWORK, tmp_path / "blip.wav"))


def test_clips_of_the_run_are_named(kept: Path, audio: Path, tmp_path: Path) -> None:
    shutil.copy(audio / "s2_happy_1.wav", tmp_path / "renamed.wav")
    _, _, err = serbench("predict", kept, SVM, tmp_path / "renamed.wav")
    assert "renamed.wav is tiny/s2_happy_1): this is no test" in err
    soundfile.write(tmp_path / "new.wav", np.random.default_rng(0).normal(0, 0.1, 8000), RATE_HZ)
    _, _, err = serbench("predict", kept, SVM, tmp_path / "new.wav")
    assert "no test" not in err


def test_files_that_cannot_be_used_are_named(kept: Path, audio: Path, tmp_path: Path) -> None:
    good = audio / "s0_sad_0.wav"
    (tmp_path / "text.wav").write_text("not audio")
    soundfile.write(tmp_path / "silent.wav", np.zeros(800), RATE_HZ)
    os.mkfifo(tmp_path / "pipe.wav")
    shutil.copy(good, tmp_path / "cut.wav")
    (tmp_path / "cut.wav").write_bytes(good.read_bytes()[:-40])
    reasons = {
        "nowhere": "no such file", "text": "not audio", "silent": "a clip without sound", "pipe": "a pipe (FIFO)"
    }  # fmt: skip
    for name, reason in reasons.items():
        assert f"{name}.wav: {reason}" in refused(kept, SVM, tmp_path / f"{name}.wav")
    bad = [tmp_path / f"{name}.wav" for name in reasons]
    assert "none of 4 files can be used; the first: " in refused(kept, SVM, *bad)
    files = [good, bad[0], audio / "s1_angry_1.wav", *bad[1:], tmp_path / "cut.wav"]
    code, text, err = serbench("predict", kept, SVM, *files, "--json")
    assert code == 1
    assert [line["file"] for line in json.loads(text)] == [str(files[i]) for i in (0, 2, 6)]
    said = [line for line in err.splitlines() if line.startswith("No answer: ")]
    assert [f"{name}.wav: {reason}" in line for line, (name, reason) in zip(said, reasons.items(), strict=True)]
    assert "1 clip whose header promises a few bytes more than there are" in err and "cut.wav (40 bytes)" in err
    alone = ask(kept, SVM, *(files[i] for i in (0, 2, 6)))
    assert json.loads(text) == alone
    assert "usage" in serbench("predict", kept, NETWORK)[2].lower()


def test_what_is_not_there_is_said(kept: Path, audio: Path, tmp_path: Path) -> None:
    file = audio / "s0_sad_0.wav"
    assert f"Known: {SVM}, {NETWORK}" in refused(kept, "majority", file)
    assert "did you mean" in refused(kept, "mfcc-atention", file)
    assert "unknown fold 'tiny/s9'; did you mean" in refused(kept, NETWORK, file, "--fold", "tiny/s9")
    assert "unknown seed '3'. Known: 0" in refused(kept, NETWORK, file, "--seed", "3")
    assert "unknown train 'emodb'" in refused(kept, NETWORK, file, "--train", "emodb")
    assert "not a run folder" in refused(tmp_path, NETWORK, file)
    bare = tmp_path / "bare"
    shutil.copytree(kept, bare)
    shutil.rmtree(bare / "weights")
    assert "no weights of functionals-svm are kept; run it with --keep-weights" in refused(bare, SVM, file)


def edited(kept: Path, folder: Path, kind: str, fold: str | None, **values: object) -> Path:
    """A copy of the run in which the records, or the stories, of a fold say something else."""
    out = folder / kind
    shutil.copytree(kept, out)
    records = open_evidence([store.open_run(out)]).records
    mine = records[(records["model"] == NETWORK) & (records["fold"].isin([fold]) | (fold is None))]
    for name in mine["key"] if kind == "records" else mine["training"]:
        rewrite(out / kind / f"{name}.json", **values)
    return out


def test_several_trains_must_be_told_apart(kept: Path, audio: Path, tmp_path: Path) -> None:
    run, file = edited(kept, tmp_path, "records", "tiny/s1", train="other"), audio / "s0_sad_0.wav"
    assert "train other, tiny: mfcc-attention:tiny has several; choose with --train" in refused(run, NETWORK, file)
    assert [ask(run, NETWORK, file, "--train", name)[0]["trainings"] for name in ("other", "tiny")] == [1, 3]


@pytest.mark.parametrize(
    ("fact", "option", "word"), [("protocol", "--protocol", "protocol"), ("label_map", "--label-map", "label map")]
)
def test_several_protocols_or_label_maps_must_be_told_apart(
    kept: Path, audio: Path, tmp_path: Path, fact: str, option: str, word: str
) -> None:
    run, file = edited(kept, tmp_path, "records", "tiny/s1", **{fact: "other"}), audio / "s0_sad_0.wav"
    mine = {"protocol": "speaker-independent", "label_map": "native"}[fact]
    said = refused(run, NETWORK, file)
    assert f"{word} {', '.join(sorted(['other', mine]))}: mfcc-attention:tiny has several; choose with {option}" in said
    assert [ask(run, NETWORK, file, option, name)[0]["trainings"] for name in ("other", mine)] == [1, 3]
    assert f"unknown {word} 'orther'; did you mean 'other'" in refused(run, NETWORK, file, option, "orther")


def test_trainings_that_answer_other_questions_are_not_mixed(kept: Path, audio: Path, tmp_path: Path) -> None:
    file = audio / "s0_sad_0.wav"
    run = edited(kept, tmp_path / "a", "records", "tiny/s1", classes=["angry", "sad"])
    assert "know different classes" in refused(run, NETWORK, file)
    settings = open_evidence([store.open_run(kept)]).records.set_index("model").loc[NETWORK, "settings"].iloc[0]
    run = edited(kept, tmp_path / "b", "records", "tiny/s1", settings={**settings, "lr": 0.5})
    assert "trainings of mfcc-attention:tiny differ in lr" in refused(run, NETWORK, file)


def test_a_model_that_has_changed_is_refused(kept: Path, audio: Path, tmp_path: Path) -> None:
    file = audio / "s0_sad_0.wav"
    run = edited(kept, tmp_path / "a", "trainings", None, source="0" * 64)
    assert "its code is not what it was (serbench 0.1.0" in refused(run, NETWORK, file)
    run = edited(kept, tmp_path / "b", "records", None, model_version=0)
    assert "its code is not what it was" in refused(run, NETWORK, file)


def missing() -> str | None:
    """What the model with encoders lacks here."""
    chosen = choose(ENCODED)
    return chosen.card.needs(chosen.settings)


@pytest.fixture(scope="module")
def more(audio: Path, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of models that take waveforms, and features of a frozen encoder."""
    out = tmp_path_factory.mktemp("runs") / "more"
    models = ["--model", CNN, "--set", "cnn-3-gru.epochs=1"]
    models += [] if missing() else ["--model", ENCODED, "--set", "wavfusion.epochs=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        run = ("run", "--protocol", "speaker-independent", "--corpus", f"tiny={audio / 'utterances.csv'}")
        code, _, err = serbench(*run, *models, "--keep-weights", "--jobs", "1", "--out", out)
    assert code == 0, err
    return out


def test_short_clips_reach_the_declared_minimum(more: Path, audio: Path, tmp_path: Path) -> None:
    """Padded with zeros, and counted as that long, a clip is the clip with these zeros."""
    least = math.ceil(find("cnn-3-gru").min_seconds * RATE_HZ)
    samples, _ = soundfile.read(audio / "s0_sad_0.wav", dtype="float32")
    soundfile.write(tmp_path / "short.wav", samples[: least // 2], RATE_HZ)
    soundfile.write(tmp_path / "zeros.wav", np.pad(samples[: least // 2], (0, least - least // 2)), RATE_HZ)
    short, zeros = ask(more, CNN, tmp_path / "short.wav", tmp_path / "zeros.wav")
    assert least > 2
    np.testing.assert_allclose(shares(short), shares(zeros), atol=1e-9)


def test_frozen_encoders_hear_new_files(more: Path, audio: Path) -> None:
    if why := missing():
        pytest.skip(why)
    frames = open_evidence([store.open_run(more)])
    record = frames.records[frames.records["model"] == ENCODED].iloc[0]
    stored = frames.scored[frames.scored["key"] == record["key"]]
    files = [audio / f"{utterance.partition('/')[2]}.wav" for utterance in stored["utterance"]]
    expected = np.exp(np.stack(stored["log_probability"].tolist()))
    found = ask(more, ENCODED, *files, "--fold", record["fold"])
    np.testing.assert_allclose([shares(line) for line in found], expected, atol=1e-5)


@pytest.mark.parametrize("modality", ["face", "text"])
def test_a_model_that_needs_more_than_audio_is_refused(modality: str) -> None:
    with pytest.raises(InputError, match="new: this model needs words or a face too, predict gives it audio"):
        NewAudio({"new": np.zeros(9)}).encoded(modality, "key", lambda clip: np.zeros((1, 1)), ["new#0"])
