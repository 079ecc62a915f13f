"""CNN-n-GRU: released weights, published sizes, what the GRU sees, and what padding may not do."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from serbench.baselines.cnn_n_gru import from_released
from serbench.baselines.networks import cnn_n_gru as network
from serbench.baselines.networks.cnn_n_gru import CnnGru, MaskedBatchNorm
from serbench.baselines.networks.masking import standardized, valid
from serbench.baselines.registry import Task, choose, find
from serbench.errors import InputError
from serbench.tests.support import reference_tensors

TASK = Task(tuple("abcd"))
DEPTHS = reference_tensors.DEPTHS
VARIANTS = ("over-time", "mean-state", "no-gru")
SMALL = [f"cnn-{n}-gru:{end}" for n in DEPTHS for end in ("tiny", "released", *(f"tiny+{v}" for v in VARIANTS))]


def golden(n: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights under their authors' names, inputs and log-probabilities."""
    weights, out = reference_tensors.golden(f"cnn_{n}_gru")
    return weights, out["input"], out["log_prob"]


def build(spec: str, **overrides: str) -> CnnGru:
    chosen = choose(spec, overrides)
    torch.manual_seed(0)
    module = chosen.card.build(chosen.settings, TASK)
    assert isinstance(module, CnnGru)
    return module


def together(clips: list[Tensor]) -> tuple[Tensor, Tensor]:
    return nn.utils.rnn.pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])


def clips(*seconds: float) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(round(16_000 * s), generator=generator) * 0.1 + 0.02 for s in seconds]


def settled(module: CnnGru, rows: list[Tensor]) -> CnnGru:
    """With running statistics of these clips, and in inference mode."""
    for norm in module.norms:
        assert isinstance(norm, MaskedBatchNorm)
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(*together(rows))
    return module.eval()


@pytest.mark.parametrize("n", DEPTHS)
def test_released_weights_give_the_released_outputs(n: int) -> None:
    weights, waveforms, expected = golden(n)
    module = from_released(weights)
    with torch.no_grad():
        scores = module(waveforms, torch.full((len(waveforms),), waveforms.shape[1])).log_softmax(1)
    assert (scores - expected).abs().max() < 1e-5
    assert (expected.exp() - 1 / 7).abs().max() > 0.01, "the reference says nothing"


@pytest.mark.parametrize("layers", [2, 3])
def test_the_depth_of_the_gru_is_read_from_the_weights(layers: int) -> None:
    weights, waveforms, _ = golden(5)
    torch.manual_seed(0)
    gru = nn.GRU(10, 16, layers, batch_first=True)
    weights = {name: value for name, value in weights.items() if not name.startswith("gru1.")}
    module = from_released({**weights, **{f"gru1.{name}": p for name, p in gru.named_parameters()}})
    assert isinstance(module, CnnGru) and module.gru.num_layers == layers
    assert module(waveforms, torch.tensor([4000, 4000])).isfinite().all()
    assert all(torch.equal(a, b) for a, b in zip(gru.parameters(), module.gru.parameters(), strict=True))


def test_released_weights_that_do_not_fit_are_named() -> None:
    weights, _, _ = golden(3)
    for missing, words in (
        ("bn2.running_mean", r"norms\.1\.running_mean"), ("conv2.weight", "1 convolutions"), ("fc2.bias", "missing"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            from_released({name: value for name, value in weights.items() if name != missing})
    with pytest.raises(InputError, match=r"fc3\.weight"):
        from_released({**weights, "fc3.weight": torch.zeros(1)})
    from_released({name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")})


# (n, hidden) -> parameters for one GRU layer and for n, at 4, 7 and 8 classes
PUBLISHED = {
    (3, 16): ((2201, 2252, 2269), (5465, 5516, 5533)),
    (3, 32): ((4809, 4908, 4941), (17481, 17580, 17613)),
    (3, 64): ((14633, 14828, 14893), (64553, 64748, 64813)),
    (5, 16): ((3367, 3418, 3435), (9895, 9946, 9963)),
    (5, 32): ((6311, 6410, 6443), (31655, 31754, 31787)),
    (5, 64): ((16807, 17002, 17067), (116647, 116842, 116907)),
    (11, 16): ((62147, 62198, 62215), (78467, 78518, 78535)),
    (11, 32): ((66723, 66822, 66855), (130083, 130182, 130215)),
    (11, 64): ((80483, 80678, 80743), (330083, 330278, 330343)),
    (18, 16): ((310658, 310709, 310726), (338402, 338453, 338470)),
    (18, 32): ((316578, 316677, 316710), (424290, 424389, 424422)),
    (18, 64): ((333026, 333221, 333286), (757346, 757541, 757606)),
}


@pytest.mark.parametrize(("n", "hidden"), PUBLISHED)
def test_published_sizes(n: int, hidden: int) -> None:
    for layers, counts in zip((1, n), PUBLISHED[n, hidden], strict=True):
        for classes, count in zip((4, 7, 8), counts, strict=True):
            sizes = {"hidden": str(hidden), "gru_layers": str(layers)}
            for end in ("", ":released", "+over-time", "+mean-state"):
                assert size(f"cnn-{n}-gru{end}", classes, **sizes) == count
            # a hidden layer of the perceptron more or less is n_inputs + hidden + 1 parameters
            unit = n * (8 if n > 10 else 4 if n == 5 else 2) // 2 + hidden + 1
            assert abs(size(f"cnn-{n}-gru+no-gru", classes, **sizes) - count) <= unit / 2


def size(spec: str, classes: int = 4, **settings: str) -> int:
    chosen = choose(spec, settings)
    with torch.device("meta"):
        module = chosen.card.build(chosen.settings, Task(tuple("abcdefgh"[:classes])))
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("cnn-5-gru", 16_807), ("cnn-5-gru+no-gru", 16_807 - 14_592 + 14_614),  # 10 -> 194 -> 64
        ("cnn-18-gru", 333_026), ("cnn-18-gru+no-gru", 333_026 - 26_496 + 26_505),  # 72 -> 193 -> 64
        ("cnn-18-gru:released+no-gru", 338_402 - 32_064 + 32_056),  # 72 -> 360 -> 16, for 18 layers
    ],
)  # fmt: skip
def test_the_perceptron_is_as_large_as_the_gru(spec: str, count: int) -> None:
    assert size(spec) == count


def test_the_mean_of_the_states_is_over_the_valid_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, states = clips(1.0, 0.6), torch.randn(2, 15, 16)
    module = build("cnn-5-gru:tiny+mean-state").eval()
    monkeypatch.setattr(network, "run_grus", lambda *_: [states])
    scores = module(*together(rows))
    expected = [state[:n].mean(0) for state, n in zip(states, (15, 9), strict=True)]  # (9,600 - 160) / 4 / 4**4
    assert torch.allclose(scores, module.out(functional.leaky_relu(torch.stack(expected), 0.01)), atol=1e-6)


def test_the_first_kernel_has_any_length() -> None:
    for taps in (40, 640):
        module = build("cnn-5-gru:tiny", first_taps=str(taps)).eval()
        assert module.convs[0].kernel_size == (taps,) and module.min_samples == 4 * (4**4 - 1) + taps
        assert module(torch.randn(1, 100), torch.tensor([100])).isfinite().all()
    assert size("cnn-18-gru", first_taps="320") == 333_026 + 18 * 160


@pytest.mark.parametrize(
    ("spec", "settings", "words"),
    [
        ("cnn-5-gru", {"pooling": "mean"}, "needs over_time=true"),
        ("cnn-5-gru+no-gru+over-time", {}, "needs pooling=mean"),
        ("cnn-5-gru+over-time+mean-state", {}, "both set 'over_time'"),
        ("cnn-5-gru", {"first_taps": "0"}, "at least 1"),
        ("cnn-5-gru", {"core": "lstm"}, "one of gru, mlp"),
    ],
)
def test_settings_that_contradict_are_refused(spec: str, settings: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose(spec, settings)


@pytest.mark.parametrize("n", DEPTHS)
def test_profiles_are_the_published_ones(n: int) -> None:
    released, recent, clean = (choose(f"cnn-{n}-gru{profile}").settings for profile in (":released", ":repo2025", ""))
    assert (released.gru_layers, recent.gru_layers, recent.hidden) == (n, 1, 64)
    assert (released.epochs, recent.epochs) == (100, 50)
    for settings in (released, recent, clean):
        assert (settings.optimizer, settings.lr, settings.weight_decay, settings.batch) == ("adam", 1e-3, 1e-5, 32)
        assert (settings.schedule, settings.step_epochs, settings.step_factor) == ("step", 20, 0.1)
        assert settings.width == n
    if n == 11:
        assert released.reuse_first_norm and recent.reuse_first_norm and not clean.reuse_first_norm


@pytest.mark.parametrize("n", DEPTHS)
def test_published_lengths(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(network, "valid", lambda lengths, steps: seen.append(steps) or valid(lengths, steps))
    module = build(f"cnn-{n}-gru:released", gru_layers="1")
    with torch.no_grad():
        module(torch.randn(2, 48_000), torch.tensor([48_000, 48_000]))
    lengths = list(dict.fromkeys(seen))
    assert lengths == [48_000, 11_961, 2_990, 747, 186, 46][: 4 if n == 3 else 6]
    assert module.min_samples == (220 if n == 3 else 1_180) == round(find(f"cnn-{n}-gru").min_seconds * 16_000)


@pytest.mark.parametrize("n", DEPTHS)
def test_only_over_time_the_gru_sees_time(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    run = network.run_grus
    monkeypatch.setattr(network, "run_grus", lambda g, x, *rest: steps.append(x[0].shape[1]) or run(g, x, *rest))
    rows = clips(1.0, 0.6)
    for spec, expected in ((f"cnn-{n}-gru", 1), (f"cnn-{n}-gru+over-time", 247 if n == 3 else 15)):
        build(spec).eval()(*together(rows))
        assert steps.pop() == expected


@pytest.mark.parametrize("spec", [spec for spec in SMALL if "tiny" in spec] + [f"cnn-{n}-gru" for n in DEPTHS])
def test_companions_change_nothing(spec: str) -> None:
    rows = clips(0.7, 0.005, 1.1)
    module = settled(build(spec), rows)
    with torch.no_grad():
        x, lengths = together(rows)
        batch = module(functional.pad(x, (0, 3001)), lengths)
        alone = torch.cat([module(clip[None], torch.tensor([len(clip)])) for clip in rows])
        noise = module(torch.where(valid(lengths, x.shape[1]), x, 100.0), lengths)
    assert (batch - alone).abs().max() < 5e-5 and (noise - alone).abs().max() < 5e-5
    assert (batch[0] - batch[1]).abs().max() > 1e-4, "the scores say nothing"


@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("profile", ["released", "repo2025"])
def test_companions_change_released_predictions(n: int, profile: str) -> None:
    short, long = clips(0.5, 1.5)
    module = settled(build(f"cnn-{n}-gru:{profile}", gru_layers="1"), [short, long])
    with torch.no_grad():
        alone = module(short[None], torch.tensor([len(short)]))
        batch = module(*together([short, long]))
    assert (batch[:1] - alone).abs().max() > 1e-3
    assert profile in find(f"cnn-{n}-gru").companions


@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("seconds", [0.001, 0.2, 20.0])
def test_very_short_and_very_long_clips(n: int, seconds: float) -> None:
    module = build(f"cnn-{n}-gru").eval()
    (clip,) = clips(seconds)
    with torch.no_grad():
        scores = module(clip[None], torch.tensor([len(clip)]))
    assert scores.isfinite().all()
    assert module(torch.zeros(1, 16_000), torch.tensor([16_000])).isfinite().all()


def test_loudness_and_offset_of_a_clip_change_nothing() -> None:
    rows = clips(0.7, 0.4)
    x, lengths = together(rows)
    inside = valid(lengths, x.shape[1])
    expected = torch.stack(
        [functional.pad((c - c.mean()) / c.std(correction=0), (0, x.shape[1] - len(c))) for c in rows]
    )
    for scaled in (x, torch.where(inside, 30 * x - 2, 7.0), torch.where(inside, 1e-3 * x, 0.0)):
        assert torch.allclose(standardized(scaled, lengths), expected, atol=1e-3)
    assert not standardized(torch.full((1, 50), 0.25), torch.tensor([50])).any()


def test_batch_statistics_are_of_valid_positions() -> None:
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 4, 9, dtype=torch.float64, requires_grad=True), torch.tensor([9, 5, 1])
    mask = valid(lengths, 9)
    ours, theirs = MaskedBatchNorm(4).double(), nn.BatchNorm1d(4).double()
    for norm in (ours, theirs):
        nn.init.uniform_(norm.weight, 0.5, 2, generator=torch.Generator().manual_seed(1))
    inside = mask[:, None].expand(-1, 4, -1)
    for _ in range(2):
        normal = ours(x, mask)
        expected = theirs(x.transpose(0, 1)[:, mask].t()[:, :, None])  # each valid position as a clip of one
        assert torch.allclose(normal.transpose(0, 1)[:, mask].t(), expected[:, :, 0])
    for name, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[name].double(), value.double()), name
    assert torch.allclose(ours.eval()(x, mask)[inside], theirs.eval()(x)[inside])
    ours.train()
    assert torch.autograd.gradcheck(lambda x: ours(x, mask)[inside], x)


def test_training_on_a_padded_batch_is_training_without_padding() -> None:
    rows = clips(0.5, 0.5)
    x, lengths = together(rows)
    results = []
    for zeros in (0, 5000):
        module = build("cnn-5-gru:tiny")
        functional.cross_entropy(module(functional.pad(x, (0, zeros)), lengths), torch.tensor([0, 1])).backward()
        results.append([p.grad for p in module.parameters()] + list(module.buffers()))
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("spec", SMALL)
def test_every_trainable_parameter_learns(spec: str) -> None:
    module = build(spec, gru_layers="2")
    assert module.mlp is not None or module.gru.num_layers == 2
    functional.cross_entropy(module(*together(clips(0.4, 0.3, 0.5))), torch.tensor([0, 1, 2])).backward()
    missed = {name for name, p in module.named_parameters() if p.grad is None}
    idle = find(spec.partition(":")[0]).idle
    assert missed == (idle if spec == "cnn-11-gru:released" else set())
    assert (idle == {"norms.2.weight", "norms.2.bias"}) == ("cnn-11" in spec)


def test_the_first_normalization_is_used_again_as_released() -> None:
    module = build("cnn-11-gru:released", gru_layers="1")
    module.train()(*together(clips(0.4, 0.3)))
    assert [int(norm.num_batches_tracked) for norm in module.norms] == [2, 1, 0, 1, 1, 1, 1, 1, 1, 1]  # type: ignore[arg-type]
    module = build("cnn-11-gru")
    module.train()(*together(clips(0.4, 0.3)))
    assert {int(norm.num_batches_tracked) for norm in module.norms} == {1}  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown setting 'reuse_first_norm'"):
        choose("cnn-18-gru", {"reuse_first_norm": "true"})


@pytest.mark.parametrize("n", DEPTHS)
def test_the_seed_decides(n: int) -> None:
    rows = together(clips(0.4, 0.3))
    first, again = (build(f"cnn-{n}-gru:tiny")(*rows) for _ in range(2))
    assert torch.equal(first, again)


def test_dropout_acts_in_training_only() -> None:
    module, rows = build("cnn-3-gru:tiny", dropout="0.5"), together(clips(0.4, 0.3))
    assert not torch.equal(module(*rows), module(*rows))
    module.eval()
    assert torch.equal(module(*rows), module(*rows))


@pytest.mark.slow
@pytest.mark.parametrize("n", DEPTHS)
@pytest.mark.parametrize("profile", ["", ":released", ":repo2025", *(f"+{variant}" for variant in VARIANTS)])
def test_default_sizes_make_a_step(n: int, profile: str) -> None:
    module = build(f"cnn-{n}-gru{profile}")
    scores = module(torch.randn(32, 48_000), torch.randint(16_000, 48_001, (32,)))
    functional.cross_entropy(scores, torch.arange(32) % 4).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("spec", SMALL)
def test_cuda_gives_the_same_gradients(spec: str) -> None:
    module, (x, lengths) = build(spec, gru_layers="1"), together(clips(0.4, 0.3, 0.5))
    gradients = []
    for device in ("cpu", "cuda", "cuda"):
        module.to(device).zero_grad()
        functional.cross_entropy(
            module(x.to(device), lengths.to(device)), torch.tensor([0, 1, 2], device=device)
        ).backward()
        gradients.append({name: p.grad.cpu().clone() for name, p in module.named_parameters() if p.grad is not None})
    assert all(torch.equal(gradients[1][name], gradients[2][name]) for name in gradients[1])
    largest = max(g.abs().max() for g in gradients[0].values())
    assert all((gradients[0][name] - gradients[1][name]).abs().max() < 1e-3 * largest for name in gradients[0])
