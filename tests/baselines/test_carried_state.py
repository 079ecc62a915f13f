"""Recurrent states handed on from batch to batch, as the released code does: what they are, and that they are off."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from serbench.baselines.networks import cnn_n_gru, sigwavnet
from serbench.baselines.registry import Task, cards, choose, find
from serbench.errors import InputError

SMALL = ("sigwavnet:tiny", "sigwavnet:tiny+last-state", "cnn-3-gru:tiny", "cnn-5-gru:tiny+over-time",
         "cnn-11-gru:released", "cnn-18-gru:tiny")  # fmt: skip
Batch = tuple[Tensor, Tensor]


def build(spec: str) -> Any:
    chosen = choose(spec)
    torch.manual_seed(0)
    return chosen.card.build(chosen.settings, Task(tuple("abcd"))).eval()


def batches(spec: str) -> list[Batch]:
    """Two batches of three clips, as loud as a network with standardized inputs wants them."""
    generator = torch.Generator().manual_seed(5)
    level = 1.0 if spec.startswith("sigwavnet") else 0.1
    return [
        (level * torch.randn(3, n, generator=generator), torch.tensor([n, n // 2, n - 100])) for n in (9_000, 7_000)
    ]


def plain(states: list[Tensor]) -> Callable[..., list[Tensor]]:
    """`torch.nn.GRU` on each input, beginning with ``states``, which is then what they came to."""

    def run(grus: list[nn.GRU], inputs: list[Tensor], lengths: list[Tensor], memory: object) -> list[Tensor]:
        outputs, ends = [], []
        for number, (gru, x, length) in enumerate(zip(grus, inputs, lengths, strict=True)):
            packed = pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
            output, end = gru(packed, states[number] if states else None)
            outputs.append(pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])[0])
            ends.append(end)
        states[:] = ends
        return outputs

    return run


@pytest.mark.parametrize("spec", SMALL)
def test_the_second_batch_begins_where_a_plain_gru_ends(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, (first, second) = build(spec), batches(spec)
    with torch.inference_mode():
        fresh = module(*second)
        module.carry(True)
        carried = [module(*first), module(*second)]
        monkeypatch.setattr(sigwavnet if spec.startswith("sig") else cnn_n_gru, "run_grus", plain([]))
        expected = [module(*first), module(*second)]
    for ours, theirs in zip(carried, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert (carried[1] - fresh).abs().max() > 1e-5, "the state changes nothing"


@pytest.mark.parametrize("spec", SMALL)
def test_the_order_of_batches_matters_only_while_states_are_carried(spec: str) -> None:
    module, (first, second) = build(spec), batches(spec)
    before = set(module.state_dict())
    with torch.inference_mode():
        zero = [module(*batch) for batch in (first, second)]
        module.carry(True)
        forth = [module(*batch) for batch in (first, second)]
        module.carry(True)
        back = [module(*batch) for batch in (second, first)]
        assert set(module.state_dict()) == before
        module.carry(False)
        off = [module(*batch) for batch in (first, second)]
    assert torch.equal(forth[0], zero[0]) and torch.equal(back[0], zero[1])
    assert not torch.equal(forth[1], back[0]) and not torch.equal(forth[0], back[1])
    assert all(torch.equal(a, b) for a, b in zip(off, zero, strict=True))


@pytest.mark.parametrize("spec", SMALL)
def test_training_on_carried_states_stops_at_the_batch(spec: str) -> None:
    """Also where the state before came from inference, and with another size of batch."""
    module, (first, (x, lengths)) = build(spec).train(), batches(spec)
    module.carry(True)
    with torch.inference_mode():
        module(*first)
    for batch in ((x, lengths), (x[:2], lengths[:2]), (x, lengths)):
        module.zero_grad()
        nn.functional.cross_entropy(module(*batch), torch.arange(len(batch[0]))).backward()
        assert all(p.grad.isfinite().all() for p in module.parameters() if p.grad is not None)


@pytest.mark.parametrize("spec", ["sigwavnet:tiny+no-gru", "cnn-5-gru:tiny+no-gru"])
def test_without_a_gru_there_is_nothing_to_carry(spec: str) -> None:
    with pytest.raises(InputError, match="no state to hand on"):
        build(spec).carry(True)
    build(spec).carry(False)


@pytest.mark.parametrize("name", sorted(name for name, card in cards().items() if card.kind == "network"))
def test_a_card_says_whether_there_is_a_state_to_hand_on(name: str) -> None:
    """For every profile and variant that can be built here."""
    card = find(name)
    for spec in (
        name,
        *(f"{name}:{p}" for p in card.profiles if p != "clean"),
        *(f"{name}+{v}" for v in card.variants),
    ):
        chosen = choose(spec)
        if card.needs(chosen.settings):
            continue
        with torch.device("meta"):
            network = card.build(chosen.settings, Task(tuple("abcd")))
        try:
            network.carry(True)
        except (AttributeError, InputError):
            assert not card.recurrent(chosen.settings), spec
        else:
            assert card.recurrent(chosen.settings), spec
