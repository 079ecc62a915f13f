"""Frozen encoders: what they give is what the libraries give, and weights are found, named, and missed in words."""

import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import transformers

from serbench.baselines.parts import encoders, weights
from serbench.baselines.parts.encoders import AudioEncoder, FaceEncoder, Sizes, TextEncoder, hashed
from serbench.baselines.parts.weights import RANDOM, content, folder_of
from serbench.baselines.registry import Task, choose, find
from serbench.errors import InputError
from serbench.tests.support import checkpoints

CPU = torch.device("cpu")
SIZES = Sizes(checkpoints.LAYERS, checkpoints.WIDTH, checkpoints.HEADS, checkpoints.INNER)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "audio": checkpoints.wav2vec2(root / "audio"),
        "text": checkpoints.roberta(root / "text"),
        "face": checkpoints.image_network(root / "face"),
    }


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def noise(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
    return 0.1 * np.random.default_rng(5).standard_normal(round(seconds * rate_hz)).astype(np.float32)


def of_transformers(folder: Path, clip: np.ndarray) -> tuple[torch.Tensor, ...]:
    """States before and after every layer, through the library's own pipeline."""
    processor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    model = transformers.Wav2Vec2Model.from_pretrained(folder).eval()
    values = processor(clip, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        states: tuple[torch.Tensor, ...] = model(values, output_hidden_states=True).hidden_states
    return states


@pytest.mark.parametrize("layer", [0, 2, checkpoints.LAYERS])
def test_audio_states_are_those_of_transformers(folders: dict[str, Path], layer: int) -> None:
    clip = noise(1.3)
    states = AudioEncoder(str(folders["audio"]), SIZES, layer, 8.0, 16_000)(clip, CPU)
    expected = of_transformers(folders["audio"], clip)[layer][0]
    assert states.shape == (64, checkpoints.WIDTH)  # 1.3 s, one per 20 ms
    assert (states - expected).abs().max() < 1e-5 and expected.std() > 0.1


def test_deep_layers_begin_as_those_of_the_checkpoint(folders: dict[str, Path]) -> None:
    sizes = {"layers": 4, "width": 32, "heads": 4, "inner": 48, "deep": 3, "modalities": "audio"}
    texts = {name: str(value) for name, value in {**sizes, "audio_encoder": folders["audio"]}.items()}
    module = choose("wavfusion", texts)
    network = module.card.build(module.settings, Task(("a", "b"))).eval()
    clip = noise(0.7)
    h = network.encoders["audio"](clip, CPU)[None]
    mask = torch.ones(h.shape[:2], dtype=torch.bool)
    with torch.no_grad():
        for layer in network.deep:
            h = layer(h, mask, {})
    assert (h[0] - of_transformers(folders["audio"], clip)[-1][0]).abs().max() < 1e-5


def test_only_the_first_seconds_are_heard_and_other_rates_are_resampled(folders: dict[str, Path]) -> None:
    spec = str(folders["audio"])
    short = AudioEncoder(spec, SIZES, 2, 0.5, 16_000)
    assert torch.equal(short(noise(2.0), CPU), short(noise(2.0)[:8000], CPU))
    assert len(AudioEncoder(spec, SIZES, 2, 8.0, 8_000)(noise(1.0, 8_000), CPU)) == 49
    assert AudioEncoder(spec, SIZES, 2, 8.0, 16_000)(np.zeros(800, dtype=np.float32), CPU).isfinite().all()


@pytest.mark.parametrize("text", [checkpoints.WORDS[0], "", "so " * 90])
def test_text_states_are_those_of_transformers(folders: dict[str, Path], text: str) -> None:
    states = TextEncoder(str(folders["text"]), checkpoints.WIDTH, 64)(text, CPU)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders["text"])
    model = transformers.RobertaModel.from_pretrained(folders["text"], add_pooling_layer=False).eval()
    with torch.no_grad():
        expected = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=64)).last_hidden_state[0]
    assert states.shape == expected.shape and 2 <= len(states) <= 64
    assert (states - expected).abs().max() < 1e-5


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_face_vectors_are_those_of_timm(tmp_path: Path, ending: str) -> None:
    folder = checkpoints.image_network(tmp_path / "face", ending)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    vectors = FaceEncoder(str(folder), checkpoints.IMAGE_WIDTH)(images, CPU)
    state = safetensors.torch.load_file(checkpoints.image_network(tmp_path / "again") / "model.safetensors")
    model = timm.create_model("test_efficientnet").eval()
    model.load_state_dict(state)
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - torch.tensor([0.5, 0.4, 0.3])[:, None, None]
    x = x / torch.tensor([0.2, 0.3, 0.4])[:, None, None]
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(x), pre_logits=True)
    assert vectors.shape == (3, checkpoints.IMAGE_WIDTH)
    assert (vectors - expected).abs().max() < 1e-5
    with pytest.raises(InputError, match="takes images, not features"):
        FaceEncoder(str(folder), checkpoints.IMAGE_WIDTH)(np.zeros((5, 10), dtype=np.float32), CPU)


def test_random_encoders_are_always_the_same_and_leave_the_generator_alone() -> None:
    torch.manual_seed(8)
    before = torch.get_rng_state()
    sizes = Sizes(2, 16, 2, 16)
    first = [
        AudioEncoder(RANDOM, sizes, 1, 8.0, 16_000)(noise(0.5), CPU),
        TextEncoder(RANDOM, 16, 64)("good day", CPU),
        FaceEncoder(RANDOM, 16)(np.ones((4, 10), dtype=np.float32), CPU),
        FaceEncoder(RANDOM, 16)(np.full((4, 32, 48, 3), 9, dtype=np.uint8), CPU),
    ]
    assert torch.equal(before, torch.get_rng_state())
    encoders.wav2vec2.cache_clear()
    encoders.roberta.cache_clear()
    torch.manual_seed(9)
    assert torch.equal(first[0], AudioEncoder(RANDOM, sizes, 1, 8.0, 16_000)(noise(0.5), CPU))
    assert torch.equal(first[1], TextEncoder(RANDOM, 16, 64)("good day", CPU))
    assert [tuple(x.shape) for x in first] == [(24, 16), (4, 16), (4, 16), (4, 16)]
    assert not any(p.requires_grad for p in encoders.wav2vec2(RANDOM, sizes).parameters())


def test_equal_words_have_equal_numbers() -> None:
    assert hashed("Oh, NO no", 64)[2:] == [hashed(",", 9)[1], *[hashed("no", 9)[1]] * 2, 2]
    assert hashed("", 64) == [0, 2]
    assert len(hashed("word " * 100, 64)) == 64
    assert hashed("happy", 9) != hashed("sad", 9)


def test_the_name_of_weights_is_their_content(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(folders["audio"], tmp_path / "copy")
    name = content("audio_encoder", str(folders["audio"]))
    assert content("audio_encoder", str(copy)) == name
    (copy / "notes.md").write_text("not read")
    assert content("audio_encoder", str(copy)) == name
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    assert content("audio_encoder", str(copy)) != name
    key = AudioEncoder(str(folders["audio"]), SIZES, 2, 8.0, 16_000).key
    assert name in key.values() and str(folders["audio"]) not in json.dumps(key)  # the place does not matter
    assert AudioEncoder(str(folders["audio"]), SIZES, 1, 8.0, 16_000).key != key


def test_the_cache_of_the_hub_is_enough(folders: dict[str, Path], cache: Path) -> None:
    place = cache / "models--someone--tiny" / "snapshots" / COMMIT
    shutil.copytree(folders["audio"], place)
    (cache / "models--someone--tiny" / "refs").mkdir()
    (cache / "models--someone--tiny" / "refs" / "main").write_text(COMMIT)
    for spec in ("someone/tiny", f"someone/tiny@{COMMIT}"):
        assert content("audio_encoder", spec) == f"someone/tiny@{COMMIT}"
        assert folder_of("audio_encoder", spec) == place
    (place / "model.safetensors").unlink()
    with pytest.raises(InputError, match="hf download someone/tiny --local-dir DIR"):
        folder_of("audio_encoder", "someone/tiny")


@pytest.mark.parametrize("ask", [content, folder_of])
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("someone/absent", "hf download someone/absent --local-dir DIR"),
        ("someone/absent@v2", "hf download someone/absent"),
        ("/no/such/folder", "there is no such folder"),
        ("absent", "there is no such folder"),
        ("", r"no model\.safetensors or pytorch_model\.bin and no config\.json there"),
    ],
)
def test_missing_weights_are_told_with_what_to_bring(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: object, spec: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        ask("audio_encoder", spec)  # type: ignore[operator]
    assert "audio_encoder" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(weights.importlib, "import_module", absent)
    with pytest.raises(InputError, match=r"transformers is not installed.*serbench\[multimodal\]"):
        weights.extra("transformers")


def test_what_a_profile_needs_is_told_without_a_network(
    folders: dict[str, Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = find("wavfusion")
    assert card.needs(choose("wavfusion:tiny").settings) is None
    missing = card.needs(choose("wavfusion").settings)
    assert missing is not None and "audio_encoder 'facebook/wav2vec2-base': not in the cache" in missing
    assert card.needs(choose("wavfusion+audio", {"audio_encoder": str(folders["audio"])}).settings) is None
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    assert card.needs(choose("wavfusion:tiny+face").settings) is None
    with pytest.raises(InputError, match=r"transformers is not installed.*serbench\[multimodal\]"):
        _ = choose("wavfusion:tiny").settings.contents


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        ("/no/such/folder", "there is no such folder"),
        ("~nosuchuser/weights", "there is no home folder of '~nosuchuser'"),
        ("owner/absent", "the first run fetches them"),
    ],
)
def test_what_a_probe_needs_is_told_for_every_spelling(cache: Path, encoder: str, words: str) -> None:
    assert words in (find("wav2vec2-probe").needs(choose("wav2vec2-probe", {"encoder": encoder}).settings) or "")


def test_checkpoints_that_do_not_fit_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    clip = noise(0.2)
    with pytest.raises(InputError, match="layers=4, width=32, heads=4, inner=48"):
        AudioEncoder(str(folders["audio"]), Sizes(12, 768, 12, 3072), 9, 8.0, 16_000)(clip, CPU)
    with pytest.raises(InputError, match="a checkpoint of roberta, not of wav2vec2"):
        AudioEncoder(str(folders["text"]), SIZES, 2, 8.0, 16_000)(clip, CPU)
    with pytest.raises(InputError, match="set text_width=32"):
        TextEncoder(str(folders["text"]), 768, 64)("hello", CPU)
    with pytest.raises(InputError, match=f"set face_width={checkpoints.IMAGE_WIDTH}"):
        FaceEncoder(str(folders["face"]), 1280)(np.zeros((1, 32, 32, 3), dtype=np.uint8), CPU)
    with pytest.raises(InputError, match="names no architecture that timm knows"):
        FaceEncoder(str(folders["audio"]), 1280)(np.zeros((1, 32, 32, 3), dtype=np.uint8), CPU)
    before = checkpoints.wav2vec2(tmp_path / "before", do_stable_layer_norm=True, feat_extract_norm="layer")
    with pytest.raises(InputError, match="normalizes before its layers"):
        AudioEncoder(str(before), SIZES, 2, 8.0, 16_000)(clip, CPU)


def test_a_checkpoint_without_all_weights_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["audio"], tmp_path / "audio")
    state = safetensors.torch.load_file(folder / "model.safetensors")
    del state["encoder.layers.3.final_layer_norm.weight"]
    safetensors.torch.save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"weights are missing: encoder\.layers\.3\.final_layer_norm\.weight"):
        AudioEncoder(str(folder), SIZES, 2, 8.0, 16_000)(noise(0.2), CPU)
    folder = shutil.copytree(folders["face"], tmp_path / "face")
    safetensors.torch.save_file({"conv_stem.weight": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises((InputError, RuntimeError), match=r"missing|size mismatch"):
        FaceEncoder(str(folder), checkpoints.IMAGE_WIDTH)(np.zeros((1, 32, 32, 3), dtype=np.uint8), CPU)
