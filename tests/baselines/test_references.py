"""Models that stand on extras: the frozen encoder with a linear layer, and eGeMAPS; and what is said without them."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from serbench.baselines import egemaps_svm, wav2vec2_probe
from serbench.baselines.networks.wav2vec2_probe import Probe, frozen
from serbench.baselines.registry import Task, choose, find
from serbench.benchmark.checks.model_list import lines
from serbench.errors import InputError
from serbench.tests.support.tiny import serbench, tiny_corpus

TASK = Task(tuple("abcd"))


def clip(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def transformers() -> ModuleType:
    return pytest.importorskip("transformers", reason="transformers is not installed")


def checkpoint(transformers: ModuleType, folder: Path, kind: str = "Wav2Vec2", **options: object) -> Path:
    """A random encoder as transformers saves it."""
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, conv_dim=(16, 16),
        conv_kernel=(10, 8), conv_stride=(5, 8), num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, **options,
    )  # fmt: skip
    torch.manual_seed(1)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    return folder


def probe(encoder: Path | str, rate_hz: int = 16_000, **overrides: str) -> Probe:
    chosen = choose("wav2vec2-probe", {"encoder": str(encoder), "layers": "2", "width": "32", **overrides})
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, Task(TASK.classes, rate_hz))
    assert isinstance(module, Probe)
    return module


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
@pytest.mark.parametrize("normalized", [True, False])
def test_features_are_the_mean_hidden_states_of_transformers(
    transformers: ModuleType, tmp_path: Path, kind: str, normalized: bool
) -> None:
    folder = checkpoint(transformers, tmp_path / kind, kind)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": normalized}))
    wave = clip(8_000) + 0.3
    features, lengths = probe(folder).front(wave[None], torch.tensor([8_000]))
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalized)
    x = extractor(wave.numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        states = transformers.AutoModel.from_pretrained(folder).eval()(x, output_hidden_states=True).hidden_states
    assert features.shape == (1, 3, 32) and lengths.tolist() == [3]
    assert torch.allclose(features[0], torch.cat([state.mean(1) for state in states]), atol=1e-5)


def test_companions_and_padding_change_no_feature(transformers: ModuleType, tmp_path: Path) -> None:
    module = probe(checkpoint(transformers, tmp_path, feat_extract_norm="group"))
    batch = torch.zeros(2, 20_000)
    batch[0, :9_000], batch[1] = clip(9_000), clip(20_000, 1)
    together, _ = module.front(batch, torch.tensor([9_000, 20_000]))
    alone, _ = module.front(batch[:1, :9_000], torch.tensor([9_000]))
    assert torch.equal(together[:1], alone)


def test_of_long_clips_the_beginning_is_heard_and_other_rates_are_resampled(
    transformers: ModuleType, tmp_path: Path
) -> None:
    folder = checkpoint(transformers, tmp_path)
    wave, n = clip(40_000)[None], torch.tensor([40_000])
    cut, _ = probe(folder, max_seconds="1").front(wave, n)
    assert torch.equal(cut, probe(folder).front(wave[:, :16_000], torch.tensor([16_000]))[0])
    tone = torch.sin(2 * torch.pi * 200 * torch.arange(16_000) / 8_000)[None]
    features, _ = probe(folder, 8_000).front(tone, torch.tensor([16_000]))
    expected, _ = probe(folder).front(
        torch.sin(2 * torch.pi * 200 * torch.arange(32_000) / 16_000)[None], torch.tensor([32_000])
    )
    assert torch.allclose(features, expected, atol=0.05)


def test_weighting_layers_is_a_mean_that_can_be_learned() -> None:
    x, lengths = torch.randn(5, 3, 32), torch.full((5,), 3)
    learned, last, equal = (probe("random-tiny", weighting=kind) for kind in ("learned", "last", "equal"))
    head = learned.head.state_dict()
    for module in (learned, last, equal):
        module.head.load_state_dict(head)
    assert torch.allclose(learned(x, lengths), equal(x, lengths), atol=1e-6)  # it begins with equal weights
    assert torch.allclose(last(x, lengths), last.head(x[:, -1]), atol=1e-6)
    assert learned.weight is not None
    with torch.no_grad():
        learned.weight.copy_(torch.tensor([0.0, 0.0, 100.0]))
    assert torch.allclose(learned(x, lengths), last(x, lengths), atol=1e-5)
    assert learned.watch() == pytest.approx({"layer_0": 0.0, "layer_1": 0.0, "layer_2": 1.0})
    assert sum(p.numel() for p in learned.parameters()) == 3 + 32 * 4 + 4


def test_values_are_scaled_by_train_unless_raw() -> None:
    rows = torch.randn(40, 3, 32) * 5 + 2
    batches = [(rows[:20], torch.full((20,), 3)), (rows[20:], torch.full((20,), 3))]
    module, raw = probe("random-tiny"), probe("random-tiny", standardize="false")
    module.adapt(batches)
    raw.adapt(batches)
    assert torch.allclose(module.mean, rows.mean(0), atol=1e-4)
    assert torch.allclose(module.deviation, rows.std(0, correction=0), atol=1e-4)
    assert not raw.mean.any() and raw.deviation.eq(1).all()


def test_the_kept_features_are_named_by_the_weights(transformers: ModuleType, tmp_path: Path) -> None:
    first = probe(checkpoint(transformers, tmp_path / "a")).front_key
    again = probe(checkpoint(transformers, tmp_path / "b")).front_key
    torch.manual_seed(2)
    transformers.AutoModel.from_config(transformers.AutoConfig.from_pretrained(tmp_path / "a")).save_pretrained(
        tmp_path / "b"
    )
    other = probe(tmp_path / "b").front_key
    assert first == again != other
    assert probe(tmp_path / "a", max_seconds="3").front_key != first


def test_weights_that_do_not_fit_are_named(transformers: ModuleType, tmp_path: Path) -> None:
    frozen.cache_clear()
    folder = checkpoint(transformers, tmp_path / "w")
    with pytest.raises(InputError, match="set layers=2 and width=32"):
        frozen(str(folder), 12, 768)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"encoder '.*empty'.*config\.json"):
        frozen(str(tmp_path / "empty"), 2, 32)
    text = transformers.RobertaConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, vocab_size=9)
    transformers.RobertaModel(text).save_pretrained(tmp_path / "text")
    with pytest.raises(InputError, match="roberta does not hear waveforms"):
        frozen(str(tmp_path / "text"), 2, 32)
    with pytest.raises(InputError, match="encoder 'nowhere'"):
        frozen("nowhere", 2, 32)


def test_what_is_missing_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = find("wav2vec2-probe").settings
    needs = find("wav2vec2-probe").needs
    if wav2vec2_probe.find_spec("transformers"):
        assert needs(replace(settings, encoder="nobody/has-this")).startswith("the weights of nobody/has-this")
        assert "no config.json there" in needs(replace(settings, encoder=str(tmp_path)))
        for name in ("config.json", "model.safetensors"):
            (tmp_path / name).touch()
        assert needs(replace(settings, encoder=str(tmp_path))) is None
    monkeypatch.setattr(wav2vec2_probe, "find_spec", lambda name: None)
    monkeypatch.setattr(egemaps_svm, "find_spec", lambda name: None)
    assert "serbench[multimodal]" in needs(settings)
    assert find("majority").needs(find("majority").settings) is None
    listed = {line.name: line.problem for line in lines()}
    assert "serbench[egemaps]" in str(listed["egemaps-svm"]) and "Research License" in str(listed["egemaps-svm"])
    assert listed["majority"] is None
    code, _, err = serbench("models", "check", "egemaps-svm")
    assert code == 2 and "egemaps-svm:clean cannot be checked here: openSMILE is not installed" in err


def test_without_opensmile_its_extra_and_license_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    chosen = choose("egemaps-svm")
    with pytest.raises(InputError, match=r"serbench\[egemaps\].*audEERING Research License"):
        chosen.card.build(chosen.settings, TASK)


def test_a_run_without_opensmile_ends_before_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    mine = tiny_corpus(tmp_path / "mine")
    options = ("run", "--protocol", "speaker-independent", "--corpus", f"mine={mine}", "--out", tmp_path / "run")
    code, _, err = serbench(*options, "--model", "majority", "--model", "egemaps-svm")
    assert code == 2 and "egemaps-svm: openSMILE is not installed; pip install" in err
    assert not (tmp_path / "run").exists()


def test_egemaps_are_those_of_opensmile() -> None:
    opensmile = pytest.importorskip("opensmile", reason="openSMILE is not installed")
    chosen = choose("egemaps-svm")
    svm = chosen.card.build(chosen.settings, TASK)
    time = np.arange(16_000) / 16_000
    wave = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 20)).astype(np.float32) * 0.1
    features = svm.front(wave)
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    expected = smile.process_signal(wave, 16_000)
    assert features.shape == (88,)
    assert np.allclose(features, expected.to_numpy()[0], rtol=1e-5)
    pitch = expected.columns.get_loc("F0semitoneFrom27.5Hz_sma3nz_amean")
    assert features[pitch] == pytest.approx(12 * np.log2(150 / 27.5), abs=0.3)
    for samples in (1, 1_599, 1_600):
        assert np.isfinite(svm.front(np.zeros(samples, dtype=np.float32))).all()
