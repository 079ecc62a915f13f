"""Several modalities through the harness: pictures of videos, who lacks what, what is computed once, one command."""

import dataclasses
import itertools
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from torch import Tensor, nn

from serbench.baselines.registry import Recipe, choose
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.prepared import modalities, video
from serbench.benchmark.prepared.corpus import Corpus, open_corpus
from serbench.benchmark.prepared.video import MOST, PER_SECOND, SIDE, pictures
from serbench.benchmark.training import data as data_module
from serbench.benchmark.training.batches import FeatureRows, batch_of, bucketed, steps
from serbench.benchmark.training.data import Data
from serbench.benchmark.training.train import fit
from serbench.errors import InputError
from serbench.protocols.parts.protocol import Condition
from serbench.seeds import stream
from serbench.tests.support import checkpoints
from serbench.tests.support.tiny import serbench, tiny_corpus

RATE = 16_000


def shade(number: int) -> int:
    return 20 + 7 * number % 210


def film(
    path: Path,
    seconds: float = 1.0,
    fps: int = 25,
    size: tuple[int, int] = (96, 64),
    late: float = 0.0,
    sound: bool = True,
    hz: float = 200.0,
) -> Path:
    """A video whose picture number k is one shade of gray, `shade(k)`; ``late``: when it begins, after the sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps, options={"qscale": "1", "flags": "+qscale"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = 4_000_000
        voice = container.add_stream("aac", rate=RATE, layout="mono") if sound else None
        if voice is not None:
            assert isinstance(voice, av.AudioStream)
            time = np.arange(round(seconds * RATE)) / RATE
            tone = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 9))
            frame = av.AudioFrame.from_ndarray((0.1 * tone).astype(np.float32)[None], format="fltp", layout="mono")
            frame.sample_rate = RATE
            cut = av.AudioResampler(voice.format, "mono", RATE, frame_size=voice.codec_context.frame_size)
            for part in (*cut.resample(frame), *cut.resample(None)):
                container.mux(voice.encode(part))
            container.mux(voice.encode(None))
        for number in range(round(seconds * fps)):
            image = np.full((size[1], size[0], 3), shade(number), dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = number + round(late * fps), Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def shades(images: np.ndarray) -> np.ndarray:
    return images[:, 10:-10, 10:-10].mean((1, 2, 3))


def test_pictures_are_those_on_the_screen_eight_times_a_second(tmp_path: Path) -> None:
    images, times = pictures(film(tmp_path / "a.mp4", seconds=2.0))
    numbers = [math.floor(k * 25 / PER_SECOND) for k in range(16)]
    assert images.shape == (16, SIDE, SIDE * 96 // 64, 3) and images.dtype == np.uint8
    # the sound of an MP4 may begin a few milliseconds before zero, which moves every picture alike
    assert np.abs(shades(images) - [shade(n) for n in numbers]).max() < 9
    assert np.abs(times - np.array(numbers) / 25).max() < 0.08
    assert (np.diff(times) > 0.1).all()


def test_a_video_that_begins_late_shows_its_first_picture_before(tmp_path: Path) -> None:
    images, times = pictures(film(tmp_path / "a.mkv", seconds=1.0, late=0.52))
    begins = times[0]
    assert 0.45 < begins < 0.6 and (times[:4] == begins).all() and times[5] > begins
    assert np.abs(shades(images)[:4] - shade(0)).max() < 4


def test_slow_videos_repeat_and_long_ones_end(tmp_path: Path) -> None:
    images, times = pictures(film(tmp_path / "slow.mp4", seconds=2.0, fps=4, sound=False))
    assert len(images) == 16 and times.tolist() == [0.25 * (k // 2) for k in range(16)]
    assert np.abs(shades(images) - [shade(k // 2) for k in range(16)]).max() < 4
    images, times = pictures(film(tmp_path / "long.mp4", seconds=9.0, fps=10, size=(32, 48), sound=False))
    assert images.shape == (MOST, SIDE * 48 // 32, SIDE, 3) and times[-1] < 8.0


@pytest.mark.parametrize("shift_ms", [-2000, -240, -60, 0, 60, 240, 2000])
@pytest.mark.parametrize("seconds", [1.0, 9.0])
def test_pictures_are_moved_by_less_than_their_pace(tmp_path: Path, shift_ms: int, seconds: float) -> None:
    """Picture k is that of 40 ms in which k / 8 s less the shift lies; the first and the last stand still."""
    path, last = film(tmp_path / "f.mp4", seconds), round(25 * seconds) - 1
    tones = shades(pictures(path, shift_ms / 1000)[0])
    n = min(MOST, math.ceil(seconds * PER_SECOND))
    at = [min(max((1000 * k // PER_SECOND - shift_ms) // 40, 0), last) for k in range(n)]
    assert tones == pytest.approx([shade(number) for number in at], abs=3)


def test_files_without_pictures_are_named(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:200])
    soundfile.write(tmp_path / "b.wav", np.zeros(800), RATE)
    for path, words in ((tmp_path / "b.wav", "only sound"), (cut, "cannot be read"), (tmp_path / "c.mp4", "no such")):
        with pytest.raises(InputError, match=words) as caught:
            pictures(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert video.has_pictures(whole) and not video.has_pictures(cut) and not video.has_pictures(tmp_path / "b.wav")


def meld(root: Path, ending: str = "mp4") -> Path:
    """A corpus as MELD is released, with videos: two speakers, two emotions, all three splits."""
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    folders = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
    for split, folder in folders.items():
        lines = [header]
        for n in range(20 if split == "train" else 4):
            emotion, speaker = ("joy", "sadness")[n % 2], ("Joey", "Monica")[n // 2 % 2]
            words = "So happy!" if emotion == "joy" else "So sad."
            lines.append(f"1,{words},{speaker},{emotion},x,{n},0,1,1,a,b\n")
            place = root / folder / f"dia{n}_utt0.{ending}"
            if ending == "mp4":
                film(place, 0.4 + 0.02 * n, size=(48, 32), hz=150 + 100 * (n % 2))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(place, 0.1 * np.sin(np.arange(8000 + 100 * n) * (0.1 + n)), RATE)
        (root / f"{split}_sent_emo.csv").write_text("".join(lines))
    return root


def command(*arguments: str | Path, epochs: int = 1) -> tuple[int, str, str]:
    return serbench(*arguments, "--set", f"wavfusion.epochs={epochs}")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_a_corpus_of_videos_runs_by_one_command(tmp_path: Path, own_home: Path) -> None:
    root = meld(tmp_path / "films")
    options = ("run", "--protocol", "official-split", "--corpus", f"meld={root}", "--model", "wavfusion:tiny")
    code, out, err = command(*options, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "wavfusion:tiny" in out
    (story,) = [json.loads(path.read_text()) for path in (tmp_path / "run" / "trainings").glob("*.json")]
    assert set(story["facts"]) == {"audio", "text", "face"}
    assert {"discrepancy", "gate_3_variance"} <= story["fitted"]["history"][0].keys()
    kinds = [path.parent.name for path in own_home.rglob("features/*/*.npz")]
    assert len(set(kinds)) == 3  # sound, words, faces


def test_pretrained_weights_run_by_one_command(tmp_path: Path, own_home: Path) -> None:
    root = meld(tmp_path / "films")
    sizes = {"layers": checkpoints.LAYERS, "width": checkpoints.WIDTH, "heads": checkpoints.HEADS}
    sizes |= {"inner": checkpoints.INNER, "text_width": checkpoints.WIDTH, "text_heads": 4, "face_width": 256}
    folders = {
        "audio_encoder": checkpoints.wav2vec2(tmp_path / "w2v"),
        "text_encoder": checkpoints.roberta(tmp_path / "words"),
        "face_encoder": checkpoints.image_network(tmp_path / "images"),
    }
    changes = [f"--set=wavfusion.{name}={value}" for name, value in {**sizes, **folders}.items()]
    options = ("--protocol", "official-split", "--corpus", f"meld={root}", "--model", "wavfusion:paper", *changes)
    code, _, err = command("run", *options, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    keys = {path.name for path in (tmp_path / "run" / "records").glob("*.json")}
    with (folders["text_encoder"] / "config.json").open("a") as file:
        file.write("\n")  # other content: another trial
    code, _, err = command("run", *options, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert len(keys) == 1 and len({path.name for path in (tmp_path / "run" / "records").glob("*.json")}) == 2


@pytest.mark.parametrize(
    ("make", "spec", "words", "works"),
    [
        ("sound", "wavfusion:tiny", "text as transcript, and 48 of 48 utterances of mine have none", ["audio"]),
        ("sound", "wavfusion:tiny+face", "face as video or track", ["audio"]),
        ("words", "wavfusion:tiny", "face as video or track", ["audio", "text", "audio-text", "audio-text-self"]),
        ("gaps", "wavfusion:tiny+text", "2 of 48 utterances of mine have none: mine/s0_happy_0 ...", ["audio"]),
    ],
)
def test_what_a_corpus_lacks_is_said_with_what_works(
    tmp_path: Path, own_home: Path, make: str, spec: str, words: str, works: list[str]
) -> None:
    file = tiny_corpus(tmp_path / "mine")
    table = pd.read_csv(file)
    if make != "sound":
        table["transcript"] = ["hello there"] * len(table)
    if make == "gaps":
        table.loc[[0, 1], "transcript"] = None
    table.to_csv(file, index=False)
    code, _, err = serbench("plan", "--protocol", "speaker-independent", "--corpus", f"mine={file}", "--model", spec)
    assert code == 2 and words in err
    named = err.strip().rpartition("variants that work: ")[2].split(", ")
    assert named == [f"wavfusion:tiny+{name}" for name in works]
    for name in works:
        choose(f"wavfusion:tiny+{name}")
    code, _, err = serbench(
        "plan", "--protocol", "speaker-independent", "--corpus", f"mine={file}", "--model", named[-1]
    )
    assert code == 0, err


def test_videos_that_became_sound_are_told(tmp_path: Path, own_home: Path) -> None:
    root = meld(tmp_path / "films", "wav")
    options = ("plan", "--protocol", "official-split", "--corpus", f"meld={root}", "--model", "wavfusion:tiny")
    code, _, err = serbench(*options)
    assert code == 2 and "face as video or track, and 28 of 28 utterances of meld have none: meld/dev/dia0_utt0" in err
    assert "wavfusion:tiny+audio-text" in err


def test_tracks_are_no_pictures_and_weights_are_asked_for_before_a_run() -> None:
    with pytest.raises(InputError, match=r"needs the face as video, and 240 of 240 .* wavfusion\+audio-text,"):
        plan_of(Request("speaker-independent", ("wavfusion",), ("synth-a",)))
    wanted = ("wavfusion.audio_encoder=/no/such/folder",)
    with pytest.raises(InputError, match="audio_encoder '/no/such/folder': there is no such folder"):
        plan_of(Request("speaker-independent", ("wavfusion+audio",), ("synth-a",), settings=wanted))


def test_only_utterances_in_use_need_a_modality(tmp_path: Path, own_home: Path) -> None:
    file = tiny_corpus(tmp_path / "mine")
    table = pd.read_csv(file).assign(transcript="hello")
    table.loc[0, "transcript"] = ""
    table.to_csv(file, index=False)
    corpus = open_corpus(f"mine={file}")
    chosen = choose("wavfusion:tiny+text")
    modalities.check(chosen, {"mine": corpus}, set(corpus.table["id"]) - {"mine/s0_happy_0"})
    with pytest.raises(InputError, match="1 of 48"):
        modalities.check(chosen, {"mine": corpus}, corpus.table["id"])


def test_synthetic_faces_enter_at_the_pace_of_pictures() -> None:
    corpus = open_corpus("synth-a")
    utterance = corpus.table["id"][0]
    track, seen = synthetic.face("synth-a", utterance), modalities.face_of(corpus, utterance)
    assert seen.shape[1] == len(synthetic.FEATURES)
    assert len(seen) == math.ceil(len(track) / synthetic.FACE_FPS * PER_SECOND)
    assert np.array_equal(seen[3], track[math.floor(3 / PER_SECOND * synthetic.FACE_FPS)])
    assert modalities.transcript_of(corpus, utterance) == corpus.table["transcript"][0]


def counting(calls: list[Any]) -> data_module.Encode:
    def encode(clip: Any) -> np.ndarray:
        calls.append(clip)
        size = len(clip) if isinstance(clip, str) else clip.shape[0]
        return np.full((3 + size % 4, 2), float(size), dtype=np.float32)

    return encode


CLIPS = 20


@pytest.fixture
def little(tmp_path: Path, own_home: Path) -> Corpus:
    for n in range(CLIPS):
        film(tmp_path / "mine" / f"c{n:02}.mp4", 0.4 + 0.05 * n, size=(48, 32))
    lines = [(f"c{n:02}.mp4", f"s{n % 3}", ("happy", "sad")[n % 2], f"word {n}") for n in range(CLIPS)]
    table = pd.DataFrame(lines, columns=["path", "speaker", "emotion", "transcript"])
    table.to_csv(tmp_path / "mine" / "utterances.csv", index=False)
    return open_corpus(f"mine={tmp_path / 'mine'}")


def test_encoders_run_once_per_utterance_and_conditions_touch_only_sound(little: Corpus) -> None:
    rows = [f"{utterance}#0" for utterance in little.table["id"]]
    noise = Condition("white", 10.0, "dB")
    first = Data({"mine": little})
    calls: dict[str, list[Any]] = {name: [] for name in ("audio", "text", "face")}
    for name, made in calls.items():
        clean = first.encoded(name, "key", counting(made), rows)
        again = Data({"mine": little}).encoded(name, "key", counting(made), rows[::-1])
        assert all(np.array_equal(a, b) for a, b in zip(clean, again[::-1], strict=True))
        assert len(made) == CLIPS
        noisy = first.encoded(name, "key", counting(made), rows, noise)
        assert len(made) == (2 * CLIPS if name == "audio" else CLIPS)
        assert [x.shape for x in noisy] == [x.shape for x in clean]
        first.encoded(name, "other key", counting(made), rows)
        assert len(made) == (3 * CLIPS if name == "audio" else 2 * CLIPS)
    assert calls["text"][0] == "word 0" and calls["face"][0].shape[1] == SIDE


def test_another_video_is_looked_at_again_and_is_another_trial(little: Corpus, tmp_path: Path) -> None:
    request = Request("random", ("wavfusion:tiny", "majority"), (f"mine={tmp_path / 'mine'}",))
    before = {cell.trial.model: cell.key for cell in plan_of(request).plan.cells if cell.trial.fold == 0}
    name = modalities.content_of(little)
    assert name == modalities.content_of(dataclasses.replace(little))
    path = tmp_path / "mine" / "c00.mp4"
    content = bytearray(path.read_bytes())
    at = content.rindex(b"moov") - 4
    path.write_bytes(content[:at] + (12).to_bytes(4, "big") + b"freelook" + content[at:])  # same sound
    other = open_corpus(f"mine={tmp_path / 'mine'}")
    assert other.fingerprint == little.fingerprint
    assert modalities.content_of(other) != name
    after = {cell.trial.model: cell.key for cell in plan_of(request).plan.cells if cell.trial.fold == 0}
    assert after["majority"] == before["majority"] and after["wavfusion:tiny"] != before["wavfusion:tiny"]
    calls: list[Any] = []
    for corpus in (little, other):
        Data({"mine": corpus}).encoded("face", "key", counting(calls), ["mine/c00#0"])
    assert len(calls) == 2


def test_features_beyond_memory_are_read_again_not_computed(little: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_module, "SHARD", 1)
    monkeypatch.setattr(data_module.Data, "chunk", 2)
    rows, calls = [f"{utterance}#0" for utterance in little.table["id"]], list[Any]()
    kept = Data({"mine": little}, memory=60)
    first = kept.encoded("text", "key", counting(calls), rows)
    assert len(list((little.folder / "features" / "text-key").glob("*.npz"))) == CLIPS // 2  # written as they are made
    assert kept._bytes <= 60
    again = kept.encoded("text", "key", counting(calls), rows)
    assert len(calls) == CLIPS and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_batches_of_several_modalities() -> None:
    clips = [{"audio": torch.ones(n, 2), "text": torch.full((m, 1), 5.0)} for n, m in ((3, 1), (1, 4))]
    x, lengths = batch_of(clips)
    assert isinstance(x, dict) and isinstance(lengths, dict)
    assert x["audio"].shape == (2, 3, 2) and x["text"].shape == (2, 4, 1)
    assert lengths["audio"].tolist() == [3, 1] and lengths["text"].tolist() == [1, 4]
    assert x["audio"][1, 1:].abs().sum() == 0 and [steps(clip) for clip in clips] == [4, 5]
    drawn = sorted(i for batch in bucketed(clips * 5, 4, stream("test")) for i in batch)
    assert drawn == list(range(10))


class Two(nn.Module):
    """A part that is new and one that was trained before; the gradient of each is -1."""

    def __init__(self) -> None:
        super().__init__()
        self.new, self.old = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[float, float]] = []

    def forward(self, x: dict[str, Tensor], lengths: dict[str, Tensor]) -> Tensor:
        self.seen.append((self.new.detach().item(), self.old.detach().item()))
        return torch.stack([self.new + self.old, 0 * self.new], 1).expand(len(x["a"]), 2)

    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        return -scores[:, 0].mean()

    def groups(self) -> Sequence[tuple[list[nn.Parameter], float]]:
        return [([self.new], 1.0), ([self.old], 0.1), ([], 5.0)]


def test_groups_have_their_rates_and_warmup_rises_then_falls() -> None:
    rows = FeatureRows([{"a": torch.ones(2, 1)}] * 4, torch.zeros(4, dtype=torch.long), 2)
    none = FeatureRows([], rows.truth[:0], 2)
    module = Two()
    recipe = Recipe(optimizer="sgd", lr=1.0, momentum=0.0, batch=4, epochs=20, schedule="warmup")
    fitted = fit(module, recipe, rows, none, stream("test"), torch.autocast("cpu", enabled=False))
    rates = [facts["lr"] for facts in fitted.history]
    assert rates[:2] == pytest.approx([0.5, 1.0]) and rates[2] == pytest.approx(18 / 19)
    assert rates[-1] == pytest.approx(1 / 19) and all(a > b for a, b in itertools.pairwise(rates[1:]))
    assert module.seen[1] == pytest.approx((0.5, 0.05))
    assert module.new.detach().item() == pytest.approx(sum(rates), rel=1e-5)
    assert module.old.detach().item() == pytest.approx(0.1 * sum(rates), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["", "+audio", "+text", "+face", "+audio-text", "+audio-face", "+text-face"])
def test_synthetic_corpora_run_with_every_subset(variant: str, tmp_path: Path) -> None:
    options = ("--protocol", "speaker-independent", "--corpus", "synth-a", "--model", f"wavfusion:tiny{variant}")
    code, _, err = command("run", *options, "--out", tmp_path / "run", epochs=20)
    assert code == 0, err
    (line,) = json.loads(serbench("show", tmp_path / "run", "--json")[1])
    assert line["metrics"]["uar"]["mean"] > (0.45 if "face" in variant or not variant else 0.2)
