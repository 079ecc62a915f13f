"""Wavelet filters and thresholds: PyWavelets, orthonormality, formulas, and every mode."""

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin
from torch import Tensor, nn

from serbench.baselines.networks.masking import valid
from serbench.baselines.networks.wavelets import Sharing, Threshold, WaveletBank, low_pass, mirror, universal_threshold

SHARING: tuple[Sharing, ...] = ("CQF", "PerLayer", "PerFilter")
DB10 = (
    -1.326420289e-05, 9.358867032e-05, -1.16466855129e-04, -6.8585669496e-04, 1.992405295185e-03, 1.395351747053e-03,
    -1.0733175483331e-02, 3.606553566956e-03, 3.3212674059341e-02, -2.9457536821876e-02, -7.1394147166397e-02,
    9.3057364603572e-02, 1.27369340335793e-01, -1.95946274377377e-01, -2.49846424327315e-01, 2.81172343660577e-01,
    6.88459039453604e-01, 5.27201188931726e-01, 1.88176800077691e-01, 2.6670057900556e-02,
)  # fmt: skip


def assert_orthonormal(g: Tensor, h: Tensor, tolerance: float = 1e-6) -> None:
    """To their own even shifts and to each other's."""
    taps = len(g)
    for shift in range(0, taps, 2):
        for a, b, wanted in ((g, g, shift == 0), (h, h, shift == 0), (g, h, 0), (h, g, 0)):
            assert abs(float(a[shift:] @ b[: taps - shift]) - wanted) < tolerance


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(0, 2**31))
def test_random_orthonormal_filters_are_orthonormal_and_low_pass(half: int, seed: int) -> None:
    torch.manual_seed(seed)
    g = low_pass("orthonormal", 2 * half)
    assert g.shape == (2 * half,)
    assert g.sum().item() == pytest.approx(2**0.5, abs=1e-5)
    assert_orthonormal(g, mirror(g), 1e-5)


@pytest.mark.parametrize("name", ["haar", "db2", "db4", "db7", "sym5", "sym10", "coif3"])
def test_a_shorter_wavelet_lies_in_zeros_and_stays_orthonormal(name: str) -> None:
    wavelet, bank = pywt.Wavelet(name), WaveletBank(2, "PerFilter", name, 20, True)
    before = (20 - wavelet.dec_len) // 2
    expected = np.pad(wavelet.dec_lo, (before, 20 - wavelet.dec_len - before))
    assert bank.low.shape == (2, 20) and np.allclose(bank.low.detach(), expected, atol=1e-7)
    assert bank.departure().item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("name", "taps"), [("db20", 40), ("dmey", 62), ("haar", 2)])
def test_a_wavelet_of_the_same_length_is_taken_as_it_is(name: str, taps: int) -> None:
    assert np.allclose(low_pass(name, taps), pywt.Wavelet(name).dec_lo, atol=1e-7)


def test_filters_that_are_no_wavelet() -> None:
    assert np.allclose(low_pass("sinc", 20), 2**0.5 * firwin(20, 0.5), atol=1e-6)  # Hamming is its default
    torch.manual_seed(0)
    drawn = torch.stack([low_pass("random", 20) for _ in range(2000)])
    assert drawn.var().item() == pytest.approx(1 / 20, rel=0.03) and abs(drawn.mean().item()) < 0.005
    g, h = WaveletBank(1, "PerFilter", "delta", 20, True).filters()[0].detach()
    assert_orthonormal(g, h)
    x = torch.arange(60.0)[None, None]
    (low,), (high,) = WaveletBank(1, "CQF", "delta", 20, True)(x)
    both = torch.stack([low[0, 0], high[0, 0]], dim=1).flatten()  # even samples and odd ones
    assert torch.equal(both, torch.arange(9.0, 9.0 + len(both)))


def test_distance_is_between_spectra() -> None:
    assert WaveletBank(3, "PerFilter", "db10", 20, True).distance("db10").item() == pytest.approx(0, abs=1e-6)
    low = pywt.Wavelet("haar").dec_lo
    value = WaveletBank(2, "CQF", "haar", 20, True).distance("db10").item()
    omega = np.linspace(0, np.pi, 257)
    haar, db10 = (np.abs(np.exp(-1j * np.outer(omega, range(len(g)))) @ g) for g in (low, pywt.Wavelet("db10").dec_lo))
    # the mirror has the same spectrum from the other end
    assert value == pytest.approx(np.sqrt(np.mean((haar - db10) ** 2)), rel=1e-4) and value > 0.1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 2**31))
def test_the_universal_threshold_is_of_the_valid_details(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.standard_normal(n).astype(np.float32) for n in counts]
    lengths = torch.tensor([2 * n + 18 for n in counts])
    x = nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True, padding_value=9.0)
    edges = universal_threshold(x[:, None], valid(torch.tensor(counts), x.shape[1]), lengths)
    assert edges.shape == (len(counts), 1, 1)
    for row, n, edge in zip(rows, lengths.tolist(), edges.flatten().tolist(), strict=True):
        assert edge == pytest.approx(np.median(np.abs(row)) / 0.6745 * np.sqrt(2 * np.log(n)), rel=1e-5)


def test_departure_counts_every_inner_product() -> None:
    torch.manual_seed(0)
    bank = WaveletBank(3, "PerFilter", "random", 6, True)
    expected = 0.0
    for g, h in bank.filters().detach().double():
        for a, b, same in ((g, g, 1.0), (h, h, 1.0), (g, h, 0.0), (h, g, 0.0)):
            for shift in (-4, -2, 0, 2, 4):
                product = float((a[max(shift, 0) : 6 + min(shift, 0)] * b[max(-shift, 0) : 6 - max(shift, 0)]).sum())
                expected += (product - same * (shift == 0)) ** 2
    assert bank.departure().item() == pytest.approx(expected, rel=1e-5)


def test_bands_by_their_formula() -> None:
    torch.manual_seed(1)
    bank = WaveletBank(2, "PerFilter", "random", 6, True).double()
    x = torch.randn(1, 1, 40, dtype=torch.float64)
    approximations, details = bank(x)
    signal = x[0, 0].numpy()
    for (g, h), a, d in zip(bank.filters().detach().numpy(), approximations, details, strict=True):
        steps = range((len(signal) - 6) // 2 + 1)
        assert np.allclose(d[0, 0].detach().numpy(), [h @ signal[2 * k : 2 * k + 6] for k in steps])
        signal = np.array([g @ signal[2 * k : 2 * k + 6] for k in steps])
        assert np.allclose(a[0, 0].detach().numpy(), signal)


def test_the_filters_begin_as_db10() -> None:
    for sharing in SHARING:
        for g, h in WaveletBank(3, sharing, "db10", 20, True).filters().double():
            assert torch.allclose(g, torch.tensor(DB10, dtype=torch.float64), atol=1e-7)
            assert g.sum().item() == pytest.approx(2**0.5, abs=1e-6) and h.sum().item() == pytest.approx(0, abs=1e-6)
            assert torch.allclose(h, -torch.tensor(pywt.Wavelet("db10").dec_hi, dtype=torch.float64), atol=1e-7)
            assert_orthonormal(g.detach(), h.detach())


@pytest.mark.parametrize(("sharing", "kernels"), [("CQF", 1), ("PerLayer", 3), ("PerFilter", 6)])
def test_sharing(sharing: str, kernels: int) -> None:
    bank = WaveletBank(3, sharing, "random", 20, True)  # type: ignore[arg-type]
    assert sum(p.numel() for p in bank.parameters()) == 20 * kernels
    with torch.no_grad():
        for p in bank.parameters():
            p.add_(torch.randn_like(p))
    g, h = bank.filters().unbind(1)
    signs = torch.tensor([1.0, -1.0] * 10)
    assert torch.allclose(h, signs * g.flip(1)) == (sharing != "PerFilter")
    assert torch.allclose(g[0], g[1]) == (sharing == "CQF")


def threshold(mode: str, start: float = 0.5, slope: float = 10.0) -> Threshold:
    return Threshold(mode, start, slope, True)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["asymmetric", "aliased", "softplus", "two-slope"])
def test_every_threshold_begins_with_the_same_gain(mode: str) -> None:
    x = torch.linspace(-3, 3, 601)
    expected = torch.sigmoid(10 * (x - 1)) + torch.sigmoid(-10 * (x + 1))
    y, gain = threshold(mode, 1.0)(x)
    assert torch.allclose(gain, expected, atol=1e-6) and torch.allclose(y, x * expected, atol=1e-6)
    assert gain[300].item() == pytest.approx(9.08e-5, rel=1e-2)  # at 0, 2 s(-10)


def test_a_threshold_of_zero_changes_nothing_and_below_amplifies() -> None:
    layer, x = threshold("asymmetric"), torch.linspace(-3, 3, 61)
    for value, low, high in ((0.0, 1.0, 1.0), (-1.0, 1.0, 2.0)):
        layer.positive.data.fill_(value)
        layer.negative.data.fill_(value)
        gain = layer(x)[1]
        assert gain.min() >= low - 1e-6 and gain.max() <= high + 1e-6
    assert gain[30].item() == pytest.approx(2, abs=1e-3)


def test_sides_of_a_threshold_are_independent_but_for_aliased() -> None:
    for mode, same in (("asymmetric", False), ("softplus", False), ("two-slope", False), ("aliased", True)):
        layer = threshold(mode)
        layer.positive.data.add_(0.3)
        positive, negative = layer.edges()[:2]
        assert torch.equal(positive, negative) == same, mode
        layer.rise.data.add_(2)
        assert torch.equal(layer.edges()[2], -layer.edges()[3]) == (mode != "two-slope")
    layer = threshold("softplus")
    layer.positive.data.fill_(-20)
    assert layer.edges()[0] > 0


def test_aliased_moves_as_two_parameters_that_share_their_memory() -> None:
    torch.manual_seed(0)
    ours, memory = threshold("aliased"), torch.tensor([0.5])
    theirs = [nn.Parameter(memory), nn.Parameter(memory), nn.Parameter(torch.tensor([10.0]))]
    assert theirs[0].data_ptr() == theirs[1].data_ptr()
    own = torch.optim.Adam(ours.parameters(), lr=0.01, foreach=False)
    released = torch.optim.Adam(theirs, lr=0.01, foreach=False)
    for _ in range(5):
        x = torch.randn(100) + 0.3
        t_p, t_n, slope = theirs
        expected = x * (torch.sigmoid(slope * (x - t_p)) + torch.sigmoid(-slope * (x + t_n)))
        output = ours(x)[0]
        assert torch.allclose(output, expected, atol=1e-6)
        for optimizer, y in ((own, output), (released, expected)):
            optimizer.zero_grad()
            y.square().sum().backward()
            optimizer.step()
    moved = ours.edges()[0].item() - 0.5
    assert moved == pytest.approx(theirs[0].item() - 0.5, abs=1e-6) and abs(moved) > 0.02
