"""Tiny random checkpoints as the libraries save them: wav2vec 2.0, RoBERTa with a tokenizer, an image network."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import timm
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer

LAYERS, WIDTH, HEADS, INNER = 4, 32, 4, 48
IMAGE_WIDTH = 256  # of timm's test_efficientnet
WORDS = ["Well, I did not know that!", "Oh no. What is this?", "Fine, we are going now", "so happy and so sad"]


def wav2vec2(folder: Path, **changes: Any) -> Path:
    facts = {"conv_dim": (24,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, **changes}
    config = transformers.Wav2Vec2Config(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=INNER,
        initializer_range=0.3, **facts,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        transformers.Wav2Vec2Model(config).save_pretrained(folder)
    processor: Any = transformers.Wav2Vec2FeatureExtractor
    processor(do_normalize=True).save_pretrained(folder)
    return folder


def roberta(folder: Path) -> Path:
    folder.mkdir(parents=True)
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(WORDS, vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    merges = [tuple(line.split()) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    tokenizer: Any = transformers.RobertaTokenizer
    tokenizer(vocab=vocabulary, merges=merges).save_pretrained(folder)
    config = transformers.RobertaConfig(
        vocab_size=len(vocabulary), hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=INNER, initializer_range=0.3, max_position_embeddings=80,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        transformers.RobertaModel(config).save_pretrained(folder)
    return folder


def image_network(folder: Path, ending: str = "safetensors") -> Path:
    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        state = timm.create_model("test_efficientnet").state_dict()
    if ending == "safetensors":
        safetensors.torch.save_file(state, folder / "model.safetensors")
    else:
        torch.save(state, folder / "pytorch_model.bin")
    facts = {"architecture": "test_efficientnet", "pretrained_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}}
    (folder / "config.json").write_text(json.dumps(facts))
    return folder
