"""Recurrences side by side, and the parts that keep padding out."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from serbench.baselines.networks import recurrence
from serbench.baselines.networks.masking import excerpt, normed_leaky, valid
from serbench.baselines.networks.recurrence import Memory, one_by_one, run_grus, side_by_side


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("steps", [[7, 3, 3, 5], [1, 2], [4], [6, 6, 1]])
def test_side_by_side_is_one_by_one(steps: list[int], bidirectional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "BLOCK", 2)
    torch.manual_seed(0)
    grus = [nn.GRU(5, 4, 2, batch_first=True, bidirectional=bidirectional).double() for _ in steps]
    inputs = [torch.randn(3, n, 5, dtype=torch.float64, requires_grad=True) for n in steps]
    lengths = [torch.tensor([n, 1 + n // 2, 1]) for n in steps]
    starts = [torch.randn(4 if bidirectional else 2, 3, 4, dtype=torch.float64) for _ in steps]
    leaves = [*inputs, *(p for gru in grus for p in gru.parameters())]
    results = []
    for way in (one_by_one, side_by_side):
        outputs, ends = way(grus, inputs, lengths, starts)
        loss = sum((y * torch.linspace(-1, 2, y.numel()).view_as(y)).sum() for y in outputs)
        results.append([*outputs, *ends, *torch.autograd.grad(loss, leaves)])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_the_recurrence_has_the_right_derivative() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(2, 3, 1, batch_first=True, bidirectional=True).double()
    x, starts = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True), [torch.randn(2, 2, 3).double()]
    assert torch.autograd.gradcheck(lambda x: side_by_side([gru], [x], [torch.tensor([4, 2])], starts)[0][0], x)


def test_memory_is_per_slot_detached_and_only_where_it_is_on() -> None:
    torch.manual_seed(0)
    gru, memory = nn.GRU(2, 3, 2, batch_first=True, bidirectional=True), Memory()

    def run(batch: int) -> Tensor:
        x = torch.randn(batch, 4, 2, generator=torch.Generator().manual_seed(batch))
        return run_grus([gru], [x], [torch.full((batch,), 4)], memory)[0]

    plain = {batch: run(batch) for batch in (2, 3)}
    assert torch.equal(run(3), plain[3]) and not memory.states
    memory.carry(True)
    assert torch.equal(run(3), plain[3])
    assert memory.states[0].shape == (4, 3, 3) and not memory.states[0].requires_grad
    assert (run(2) - plain[2]).abs().amax((1, 2)).min() > 1e-3  # the first two slots go on
    kept = memory.states[0]
    changed = (run(3) - plain[3]).abs().amax((1, 2))  # a third slot begins anew
    assert kept.shape == (4, 2, 3) and changed[:2].min() > 1e-3 and changed[2] < 1e-6
    memory.carry(True)
    assert torch.equal(run(3), plain[3])
    memory.carry(False)
    assert torch.equal(run(3), plain[3]) and torch.equal(run(3), plain[3])


def test_excerpts_are_random_in_training_and_the_middle_otherwise() -> None:
    x, lengths = torch.arange(100.0).repeat(50, 1), torch.full((50,), 100)
    lengths[0] = 7
    torch.manual_seed(0)
    excerpts, counts = excerpt(x, lengths, 10, random=True)
    starts = excerpts[1:, 0].int()
    assert torch.equal(excerpts - excerpts[:, :1], torch.arange(10.0).expand(50, 10)) and starts.unique().numel() > 20
    assert starts.min() >= 0 and starts.max() <= 90 and excerpts[0, 0] == 0
    assert counts.tolist() == [7] + [10] * 49
    assert excerpt(x, lengths, 10, random=False)[0][:2, 0].tolist() == [0, 45]
    assert excerpt(x, lengths, 0, random=True)[0] is x


def test_normalization_is_that_of_each_clip_alone() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 4, 9, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([9, 5, 2])
    output = normed_leaky(x, valid(lengths, 9))
    for clip, row, n in zip(x, output, lengths.tolist(), strict=True):
        expected = functional.leaky_relu(functional.instance_norm(clip[None, :, :n]))[0]
        assert torch.allclose(row[:, :n], expected) and not row[:, n:].any()
    assert torch.autograd.gradcheck(lambda x: normed_leaky(x, valid(lengths, 9)), x)


def test_the_number_of_threads_is_left_as_it_was() -> None:
    before = torch.get_num_threads()
    gru, x = nn.GRU(2, 3, 1, batch_first=True, bidirectional=True), torch.randn(2, 4, 2)
    torch.set_num_threads(2)
    try:
        run_grus([gru], [x], [torch.tensor([4, 2])])[0].sum().backward()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
