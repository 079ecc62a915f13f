"""WavFusion: published sizes, its parts against formulas written out, its losses, and settings that contradict."""

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from serbench.baselines.networks.fusion import Attention, Mixer, margin_loss
from serbench.baselines.networks.local import GlobalMean, NetVlad, local_part
from serbench.baselines.networks.lvc import Center, FrameNorm
from serbench.baselines.networks.wavfusion import WavFusion
from serbench.baselines.registry import Task, choose, find
from serbench.baselines.wavfusion import VARIANTS
from serbench.benchmark.checks.model_list import parameters
from serbench.errors import InputError

TASK = Task(tuple("abcdef"))


def count(module: nn.Module | None) -> int:
    return 0 if module is None else sum(p.numel() for p in module.parameters())


def on_meta(spec: str) -> WavFusion:
    chosen = choose(spec)
    with torch.device("meta"):
        built: WavFusion = chosen.card.build(chosen.settings, TASK)
    return built


def tiny(spec: str = "", **settings: str) -> WavFusion:
    chosen = choose(f"wavfusion:tiny{spec}", settings)
    torch.manual_seed(0)
    built: WavFusion = chosen.card.build(chosen.settings, TASK)
    return built


def states(module: WavFusion, lengths: dict[str, list[int]]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Random encoder states of a batch; beyond the lengths lies noise, which must not matter."""
    s = module.settings
    widths = {"audio": s.width, "text": s.text_width, "face": s.face_width}
    generator = torch.Generator().manual_seed(4)
    x = {
        name: torch.randn(len(lengths[name]), max(lengths[name]), widths[name], generator=generator)
        for name in s.modalities
    }
    return x, {name: torch.tensor(lengths[name]) for name in s.modalities}


LENGTHS = {"audio": [9, 4, 7, 9], "text": [3, 5, 2, 4], "face": [2, 6, 6, 1]}


def test_sizes_of_a_deep_layer() -> None:
    layer = on_meta("wavfusion").deep[0]
    assert [count(layer.streams[name]) for name in ("text", "face")] == [2_362_368, 1_281_024]
    assert count(layer.mixer) == 1_180_416
    assert count(layer) - count(layer.streams) - count(layer.mixer) == 4_725_504
    assert count(layer) == 9_549_312
    assert count(on_meta("wavfusion+audio").deep[0]) == 7_087_872  # as wav2vec 2.0 has it


@pytest.mark.parametrize(
    ("spec", "deep"),
    [
        ("wavfusion", 3 * 9_549_312), ("wavfusion:paper", 28_647_936), ("wavfusion+concat", 0),
        ("wavfusion+concat-unfrozen", 3 * 7_087_872), ("wavfusion+sum", 3 * (9_549_312 - 1_180_416)),
        ("wavfusion+scalar-gate", 3 * (9_549_312 - 1_180_416 + 1537)), ("wavfusion+misprint", 28_647_936),
        ("wavfusion+audio-text", 3 * 7_087_872), ("wavfusion+audio-face", 3 * (7_087_872 - 2_362_368 + 1_281_024)),
        ("wavfusion+text-face", 0), ("wavfusion+audio-text-self", 3 * (7_087_872 + 2_362_368 + 1_180_416)),
        *((f"wavfusion+split-{12 - deep}-{deep}", deep * 9_549_312) for deep in (1, 2, 4, 5, 6, 12)),
        ("wavfusion+learned-gate", 3 * (9_549_312 - 1_180_416 + 1)),
        ("wavfusion+concat-unfrozen+split-0-12", 12 * 7_087_872),
    ],
)  # fmt: skip
def test_sizes_of_all_deep_layers(spec: str, deep: int) -> None:
    assert count(on_meta(spec).deep) == deep


def test_sizes_of_the_other_parts() -> None:
    module = on_meta("wavfusion")
    gru = 2 * (3 * 384 * 768 + 3 * 384 * 384 + 2 * 3 * 384)
    assert count(module.text) == gru + 4 * (768 * 768 + 768) + 2 * 768
    center = 64 * 64 + 2 * 64 + 64 * 64 + 64 + 2 * 64 + 64 * 64 + 64  # map, norm, codewords, scales, norm, gate
    whole = 2 * 1280 + 3 * 64 * (1280 + 64 + 2) + 4 * (64 * 64 + 64) + 2 * 64
    assert count(module.face) == whole + (1280 * 64 + 64) + center + 128 * 64 + 64
    assert count(module.discrepancy) == 2 * (768 * 256 + 256) + 64 * 256 + 256 + 256 * 128 + 128
    assert count(module.head) == 768 * 6 + 6
    assert count(on_meta("wavfusion+concat").head) == (768 + 768 + 64) * 6 + 6
    assert parameters(find("wavfusion"), choose("wavfusion").settings) == 34_499_975  # for 7 classes
    assert count(on_meta("wavfusion+no-lvc").face) == whole + 64 * 64 + 64


def test_attention_is_that_of_torch() -> None:
    ours, theirs = Attention(24, 24, 4), nn.MultiheadAttention(24, 4, batch_first=True)
    for layer in (ours.q, ours.k, ours.v, ours.out):
        nn.init.normal_(layer.bias)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, source = torch.randn(3, 5, 24), torch.randn(3, 7, 24)
    mask = torch.arange(7) < torch.tensor([7, 2, 4])[:, None]
    expected = theirs(x, source, source, key_padding_mask=~mask)[0]
    assert (ours(x, source, mask) - expected).abs().max() < 1e-6


@pytest.mark.parametrize("mix", ["gate", "scalar", "learned", "fixed", "sum"])
@pytest.mark.parametrize("misprint", [False, True])
def test_mixing_is_as_the_equations_say(mix: str, misprint: bool) -> None:
    mixer = Mixer(6, mix, misprint)  # type: ignore[arg-type]
    first, second = torch.randn(2, 4, 6), torch.randn(2, 4, 6)
    mask = torch.tensor([[True] * 4, [True, False, False, False]])
    if mixer.logit is not None:
        mixer.logit.data.fill_(0.7)
    output = mixer(first, second, mask).detach()
    if mixer.logit is not None:
        p = 1 / (1 + math.exp(-0.7))
        expected, watched = p * first + (1 - p) * second, mixer.watch()
        assert watched == (pytest.approx(p, abs=1e-6), pytest.approx(0, abs=1e-6))
    elif mixer.gate is None:
        expected = first + second if mix == "sum" else 0.5 * first + 0.5 * second
        assert mixer.watch() is None
    else:
        seen = torch.cat([first, first if misprint else second], 2)
        p = (1 / (1 + (-(seen @ mixer.gate.weight.T + mixer.gate.bias)).exp())).detach()
        expected = p * first + (1 - p) * second
        watched = mixer.watch()
        assert watched is not None
        assert watched[0] == pytest.approx(float(p[mask].mean()), abs=1e-6)
        assert watched[1] == pytest.approx(float(p[mask].var(correction=0)), abs=1e-6)
        assert mixer.watch() is None
    assert torch.allclose(output, expected, atol=1e-6)


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_the_margin_loss_is_the_mean_over_triples(flipped: bool, same: bool) -> None:
    vectors = nn.functional.normalize(torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(1)), dim=2)
    truth = torch.tensor([0, 1, 0, 2, 1])
    losses = []
    for i, j, k in itertools.product(itertools.product(range(3), range(5)), repeat=3):
        positive = i[0] != j[0] and (i[1] == j[1] if same else truth[i[1]] == truth[j[1]])
        if positive and i[0] == k[0] and truth[i[1]] != truth[k[1]]:
            near, far = cosine(vectors[i], vectors[j]), cosine(vectors[i], vectors[k])
            losses.append(max(0.0, 0.15 + (near - far if flipped else far - near)))
    loss = margin_loss(vectors, truth, 0.15, flipped, same)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), abs=1e-6)


def test_without_triples_the_margin_loss_is_zero_and_has_a_gradient() -> None:
    vectors = torch.randn(2, 3, 4, requires_grad=True)
    loss = margin_loss(vectors, torch.zeros(3, dtype=torch.long), 0.15, False, False)
    loss.backward()
    assert float(loss.detach()) == 0 and vectors.grad is not None and not vectors.grad.any()


def test_the_center_is_the_formula() -> None:
    center = Center(4, 3, stem=False).eval()
    x, length = torch.randn(1, 6, 4), 5
    mask = torch.arange(6)[None] < length
    z = (x[0, :length] @ center.linear.weight.T / math.sqrt(1 + 1e-5)).relu()
    e = torch.zeros(3, 4)
    for t in range(length):
        weight = torch.stack([center.scale[k] * (z[t] - center.codewords[k]).square().sum() for k in range(3)])
        for k in range(3):
            e[k] += weight.softmax(0)[k] * (z[t] - center.codewords[k])
    gamma = center.gate((e / math.sqrt(1 + 1e-5)).relu().mean(0)).sigmoid()
    expected = (x[0] + x[0] * gamma).relu()
    assert torch.allclose(center(x, mask)[0], expected, atol=1e-5)


def test_what_stands_for_the_center_is_about_as_large() -> None:
    sizes = {kind: count(local_part(kind, 64, 64)) for kind in ("lvc", "conv", "tcn", "mean", "netvlad", "squeeze")}
    assert all(abs(size - sizes["lvc"]) < 0.05 * sizes["lvc"] for size in sizes.values()), sizes
    assert count(local_part("conv5", 64, 64)) == 5 * 64**2 + 2 * 64


def test_netvlad_is_the_formula() -> None:
    layer, x, length = NetVlad(4, 3), torch.randn(1, 6, 4), 5
    mask = torch.arange(6)[None] < length
    v = torch.zeros(3, 4)
    for t in range(length):
        share = (layer.assign.weight @ x[0, t] + layer.assign.bias).softmax(0)
        for k in range(3):
            v[k] += share[k] * (x[0, t] - layer.codewords[k])
    mixed = sum(layer.mix.weight[0, k] * v[k] / v[k].norm() for k in range(3))
    assert torch.allclose(layer(x, mask)[0], layer.out(mixed).relu().expand(6, 4), atol=1e-5)


def test_the_mean_stands_for_frames_or_scales_them() -> None:
    x, mask = torch.randn(2, 5, 6), torch.arange(5) < torch.tensor([5, 2])[:, None]
    for scales in (False, True):
        layer = GlobalMean(6, scales)
        for clip, n in ((0, 5), (1, 2)):
            whole = layer.outer(layer.inner(x[clip, :n].mean(0)).relu())
            expected = x[clip] * whole.sigmoid() if scales else whole.relu().expand(5, 6)
            assert torch.allclose(layer(x, mask)[clip], expected, atol=1e-6)


def test_dilated_convolutions_see_seven_frames_to_each_side() -> None:
    torch.manual_seed(0)
    layer, x = local_part("tcn", 16, 16).eval(), torch.randn(1, 31, 16, requires_grad=True)
    middle = layer(x, torch.ones(1, 31, dtype=torch.bool))[0, 15]
    seen = torch.autograd.grad(middle.square().sum(), x)[0][0].abs().sum(1)
    assert seen.nonzero().flatten().tolist() == list(range(8, 23))


def test_normalization_counts_valid_frames_only() -> None:
    ours, theirs = FrameNorm(5), nn.BatchNorm1d(5)
    x, mask = torch.randn(3, 6, 5), torch.arange(6) < torch.tensor([6, 1, 4])[:, None]
    assert torch.allclose(ours(x, mask)[mask], theirs(x[mask]), atol=1e-5)
    assert torch.allclose(ours.mean, theirs.running_mean, atol=1e-6)
    ours.eval()
    assert torch.allclose(ours(x, mask), (x - ours.mean) / (ours.variance + 1e-5).sqrt(), atol=1e-5)


@pytest.mark.parametrize("spec", ["", *(f"+{name}" for name in VARIANTS)])
def test_padding_and_companions_change_nothing(spec: str) -> None:
    module = tiny(spec)
    x, lengths = states(module, LENGTHS)
    module.train()
    module(x, lengths)  # so that running statistics are not those of the start
    module.eval()
    with torch.no_grad():
        together = module(x, lengths)
        for i in range(4):
            alone = {name: x[name][i : i + 1, : lengths[name][i]] for name in x}
            assert (module(alone, {name: n[i : i + 1] for name, n in lengths.items()}) - together[i]).abs().max() < 1e-5


@pytest.mark.parametrize(
    "spec", ["+split-0-12", "+concat", "+concat-unfrozen+split-8-4", "+concat-unfrozen+split-0-12"]
)
def test_splits_combine_with_fusions(spec: str) -> None:
    module = tiny(spec)
    x, lengths = states(module, LENGTHS)
    loss = module.loss(module(x, lengths), torch.tensor([0, 1, 0, 2]), torch.ones(6))
    loss.backward()
    assert all(p.grad is not None for p in module.parameters())
    assert module.encoders["audio"].layer + len(module.deep) == 12


def test_every_modality_moves_the_scores() -> None:
    module = tiny().eval()
    x, lengths = states(module, LENGTHS)
    with torch.no_grad():
        before = module(x, lengths)
        for name in x:
            assert (module({**x, name: x[name].flip(2)}, lengths) - before).abs().max() > 1e-4, name


def test_the_loss_adds_the_discrepancy_and_watch_tells_the_terms() -> None:
    module, truth, weights = tiny(), torch.tensor([0, 1, 0, 2]), torch.ones(6)
    x, lengths = states(module, LENGTHS)
    scores = module(x, lengths)
    vectors = module._vectors
    assert vectors is not None and vectors.shape == (3, 4, 128)
    expected = margin_loss(vectors, truth, 0.15, False, False).detach()
    plain = nn.functional.cross_entropy(scores, truth).detach()
    assert float(module.loss(scores, truth, weights).detach()) == pytest.approx(float(plain + expected), abs=1e-5)
    watched = module.watch()
    assert watched["cross_entropy"] == pytest.approx(float(plain), abs=1e-5)
    assert watched["discrepancy"] == pytest.approx(float(expected), abs=1e-5) and float(expected) > 0
    assert {f"gate_{i}_{fact}" for i in (1, 2, 3) for fact in ("mean", "variance")} < watched.keys()
    assert 0.3 < watched["gate_1_mean"] < 0.7 and watched["gate_1_variance"] > 0
    assert module.watch() == {}
    weighed = tiny(discrepancy="10")
    x, lengths = states(weighed, LENGTHS)
    weighed.dropout.p = 0.0
    loss = weighed.loss(weighed(x, lengths), truth, weights).detach()
    terms = weighed.watch()
    assert float(loss) == pytest.approx(terms["cross_entropy"] + 10 * terms["discrepancy"], abs=1e-4)


def test_where_the_discrepancy_loss_reaches() -> None:
    """Not the deep layers: it sees the audio before them, unless it is told otherwise."""
    for spec, reached in (("", False), ("+fused-margin", True)):
        module = tiny(spec).train()
        x, lengths = states(module, LENGTHS)
        module(x, lengths)
        assert module._vectors is not None
        margin_loss(module._vectors, torch.tensor([0, 1, 0, 2]), 0.5, False, False).backward()
        assert (module.deep[0].inner.weight.grad is not None) == reached
        assert module.text is not None and module.text.gru.weight_ih_l0.grad is not None


def test_pretrained_parameters_have_a_rate_of_their_own() -> None:
    module = on_meta("wavfusion")
    (new, one), (pretrained, share) = module.groups()
    assert (one, share) == (1.0, pytest.approx(0.1))
    assert len(new) + len(pretrained) == len(list(module.parameters()))
    # text attention, queries and output of the face's, normalization and feed-forward part
    assert sum(p.numel() for p in pretrained) == 3 * (2_362_368 + 2 * 590_592 + 4_725_504)


def test_the_published_profile_has_the_published_factors() -> None:
    settings = choose("wavfusion:paper").settings
    assert (settings.discrepancy, settings.layers - settings.deep, settings.deep) == (1.0, 9, 3)
    assert settings.class_weights == "none"


@pytest.mark.parametrize(
    ("spec", "settings", "words"),
    [
        ("+audio-text+sum", {}, "needs two streams"),
        ("+audio+misprint", {}, "F1F1 needs two streams"),
        ("+concat+scalar-gate", {}, "both set 'fusion'"),
        ("+sum+misprint", {}, "F1F1 needs two streams and fusion gate or scalar"),
        ("+no-discrepancy+reversed-margin", {}, "change nothing without it"),
        ("+audio+same-utterance-pairs", {}, "change nothing without it"),
        ("+text-face+fused-margin", {}, "fused needs audio"),
        ("+audio-text+no-lvc", {}, "needs the face"),
        ("", {"deep": "0"}, "0 layers cannot fuse"),
        ("", {"deep": "13"}, "0 to layers"),
        ("", {"gate_vs_self": "true"}, "one other modality"),
        ("", {"modalities": "text,audio"}, "is not some of audio,text,face"),
        ("", {"modalities": ""}, "some of audio,text,face"),
        ("", {"modalities": "audio,smell"}, "a list, each one of audio, text, face"),
        ("", {"heads": "5"}, "a multiple of heads"),
        ("+audio", {"fusion": "concat"}, "concat needs two modalities"),
    ],
)
def test_settings_that_contradict_are_refused(spec: str, settings: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose(f"wavfusion:tiny{spec}", settings)
