"""Gated recurrent units of equal shape, run side by side as one recurrence.

A network with several recurrent branches spends its time waiting: every step is a tiny product that needs the step
before, and each leaves a dozen nodes in the graph. The branches do not need each other, so here all of them, both
directions included, take step t together, and the derivative of the whole layer is written out. On CUDA the library
kernel of each GRU is used instead. Both ways give the same numbers up to rounding; padding never enters.

GRU of Cho et al. 2014 with the reset gate after the product, as in `torch.nn.GRU`:
r = s(a_r + W_r h), z = s(a_z + W_z h), w = W_n h + b_n, n = tanh(a_n + r w), h' = n + z (h - n).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BLOCK = 128  # steps that share a buffer, so that what is done to whole buffers finds them in the cache


class Memory:
    """What GRUs leave to the next call of `run_grus`, by slot of the batch: nothing, unless `carry` turned it on."""

    def __init__(self) -> None:
        self.on = False
        self.states: list[Tensor] = []  # (L * D, B, H) of each GRU, as `torch.nn.GRU` gives them

    def carry(self, on: bool) -> None:
        """Hand states on from now on, beginning with zero; or no more."""
        self.on, self.states = on, []

    def starts(self, grus: Sequence[nn.GRU], batch: int) -> list[Tensor]:
        """Initial states (L * D, B, H) of each GRU; slots that the call before did not have begin with zero."""
        starts = []
        for number, gru in enumerate(grus):
            weight = next(gru.parameters())
            start = weight.new_zeros(gru.num_layers * (2 if gru.bidirectional else 1), batch, gru.hidden_size)
            if self.states:
                state = self.states[number][:, :batch]
                start[:, : state.shape[1]] = state
            starts.append(start)
        return starts

    def keep(self, ends: Sequence[Tensor]) -> None:
        """The last states of a call, cut off from its gradient."""
        if self.on:
            self.states = [end.detach() for end in ends]


def run_grus(
    grus: Sequence[nn.GRU], inputs: Sequence[Tensor], lengths: Sequence[Tensor], memory: Memory | None = None
) -> list[Tensor]:
    """Outputs (B, T_s, D*H) of each GRU on its own padded input (B, T_s, F): zeros after the end.

    ``lengths`` (B,) per input, from 1 to T_s. The GRUs share depth, sizes and the number of directions D; their
    time comes second (``batch_first``) and they have no dropout. They begin with zero, or with what ``memory`` holds.
    """
    way = one_by_one if inputs[0].is_cuda else side_by_side
    memory = memory or Memory()
    outputs, ends = way(grus, inputs, lengths, memory.starts(grus, len(inputs[0])))
    memory.keep(ends)
    return outputs


def one_by_one(
    grus: Sequence[nn.GRU], inputs: Sequence[Tensor], lengths: Sequence[Tensor], starts: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The plain way: each GRU on its packed input. Outputs, and last states (L * D, B, H)."""
    outputs, ends = [], []
    for gru, x, length, start in zip(grus, inputs, torch.stack(list(lengths)).cpu(), starts, strict=True):
        packed = pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
        output, end = gru(packed, start.to(x.dtype))
        outputs.append(pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])[0])
        ends.append(end)
    return outputs, ends


def side_by_side(
    grus: Sequence[nn.GRU], inputs: Sequence[Tensor], lengths: Sequence[Tensor], starts: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The fast way on a CPU: one recurrence in which each branch and direction is a stream, the longest first.

    Returns what `one_by_one` does; nothing is passed back to ``starts``.
    """
    rank = sorted(range(len(inputs)), key=lambda branch: -inputs[branch].shape[1])
    grus = [grus[branch] for branch in rank]
    directions = 2 if grus[0].bidirectional else 1
    plan = _plan([inputs[branch].shape[1] for branch in rank], [lengths[branch] for branch in rank], directions)
    first = torch.stack([starts[branch] for branch in rank])
    first = first.view(len(grus), -1, directions, *first.shape[2:])  # (branches, L, D, B, H)
    last = torch.empty_like(first)
    dtype = next(grus[0].parameters()).dtype  # also where the rest of the network runs in a shorter one
    layers: Sequence[Tensor] = [inputs[branch].transpose(0, 1).to(dtype) for branch in rank]  # (T, B, F)
    for layer in range(grus[0].num_layers):
        names = [f"l{layer}", f"l{layer}_reverse"][:directions]
        w_in, w_state, b_in, b_state = (
            torch.stack([getattr(gru, f"{part}_{name}") for gru in grus for name in names])  # (S, 3H, ...)
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        hidden = w_state.shape[2]
        bias = b_in + functional.pad(b_state[:, : 2 * hidden], (0, hidden))  # what the gates r and z add anyway
        start = first[:, layer].flatten(0, 1)  # (S, B, H)
        layers = _Layer.apply(  # type: ignore[no-untyped-call]
            plan, w_in, bias, w_state, b_state[:, 2 * hidden :], start, *(x.contiguous() for x in layers)
        )
        for place, (branch, y) in enumerate(zip(rank, layers, strict=True)):
            last[place, layer] = _last(y.detach(), lengths[branch], directions)
    outputs, ends = [inputs[0]] * len(inputs), [last[0, 0]] * len(inputs)
    for place, (branch, y) in enumerate(zip(rank, layers, strict=True)):
        valid = torch.arange(len(y))[:, None, None] < lengths[branch][:, None]  # (T, B, 1)
        outputs[branch], ends[branch] = (y * valid).transpose(0, 1), last[place].flatten(0, 1)
    return outputs, ends


def _last(y: Tensor, lengths: Tensor, directions: int) -> Tensor:
    """States (T, B, D * H) of a layer -> those that each direction came to in the end (D, B, H)."""
    forth, back = y[lengths - 1, torch.arange(y.shape[1])], y[0]  # (B, D * H)
    return torch.stack([(forth, back)[way].chunk(directions, 1)[way] for way in range(directions)])


class _Plan(NamedTuple):
    """Streams in the order branch, direction; longest first, so those alive at any step are the first ones.

    ``segments``: first step, end and streams alive, while that number stays the same and for BLOCK steps at most.
    ``flips``: for each branch the row (t, b) of the sequence reversed within its length; each is its own inverse.
    """

    directions: int
    segments: list[tuple[int, int, int]]
    flips: list[Tensor]


def _plan(steps: list[int], lengths: list[Tensor], directions: int) -> _Plan:
    ends = sorted({*steps, *range(BLOCK, max(steps), BLOCK)})
    segments = [
        (first, end, directions * sum(count >= end for count in steps))
        for first, end in zip([0, *ends], ends, strict=False)
    ]
    flips = []
    for count, length in zip(steps, lengths, strict=True):
        time, batch = torch.arange(count)[:, None], len(length)
        source = torch.where(time < length, length - 1 - time, time)  # (T, B); padding stays behind
        flips.append((source * batch + torch.arange(batch)).flatten())
    return _Plan(directions, segments, flips)


def _flip(x: Tensor, flip: Tensor) -> Tensor:
    """Sequences (T, B, F) reversed in time, each within its own length."""
    return x.flatten(0, 1).index_select(0, flip).view_as(x)


class _Layer(torch.autograd.Function):
    """One layer of all GRUs: sequences (T_s, B, F), longest first, from states (S, B, H) to states (T_s, B, D*H).

    Buffers are kept per segment as (streams alive, steps, B, ...): a stream is one matrix, a step is one batch.
    """

    @staticmethod
    def forward(
        ctx: Any, plan: _Plan, w_in: Tensor, bias: Tensor, w_state: Tensor, b_state: Tensor, start: Tensor, *xs: Tensor
    ) -> tuple[Tensor, ...]:
        hidden, batch = w_state.shape[2], xs[0].shape[1]
        streams = _streams(xs, plan)
        transposed = w_state.transpose(1, 2).contiguous()  # (S, H, 3H)
        before = start
        saved: list[tuple[Tensor, Tensor, Tensor]] = []
        for first, end, alive in plan.segments:
            gates = xs[0].new_empty(alive, end - first, batch, 3 * hidden)  # a, then r z n
            for stream in range(alive):
                x, out = streams[stream][first:end].flatten(0, 1), gates[stream].view(-1, 3 * hidden)
                torch.addmm(bias[stream], x, w_in[stream].t(), out=out)
            product = gates.new_empty(alive, batch, 3 * hidden)
            w, states = gates.new_empty(2, alive, end - first, batch, hidden)
            rz, r, z, n = (gates[..., i * hidden : j * hidden] for i, j in ((0, 2), (0, 1), (1, 2), (2, 3)))
            views = (v.unbind(1) for v in (rz, r, z, n, w, states))
            with _one_thread():
                for rz_t, r_t, z_t, n_t, w_t, state in zip(*views, strict=True):
                    torch.bmm(before[:alive], transposed[:alive], out=product)
                    rz_t.add_(product[..., : 2 * hidden]).sigmoid_()
                    torch.add(product[..., 2 * hidden :], b_state[:alive, None], out=w_t)
                    n_t.addcmul_(r_t, w_t).tanh_()
                    before = torch.lerp(n_t, before[:alive], z_t, out=state)
            saved.append((gates, w, states))
        ctx.plan = plan
        ctx.save_for_backward(w_in, w_state, start, *xs, *(tensor for segment in saved for tensor in segment))
        outputs = []
        for branch, x in enumerate(xs):
            y = x.new_empty(*x.shape[:2], plan.directions * hidden)
            for direction in range(plan.directions):
                stream = branch * plan.directions + direction
                part = torch.cat([states[stream] for _, _, states in saved if stream < len(states)])
                y[..., direction * hidden : (direction + 1) * hidden] = (
                    _flip(part, plan.flips[branch]) if direction else part
                )
            outputs.append(y)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        plan, (w_in, w_state, start, *rest) = ctx.plan, ctx.saved_tensors
        xs, saved = rest[: len(grads)], rest[len(grads) :]
        hidden, batch = w_state.shape[2], xs[0].shape[1]
        streams = _streams(xs, plan)
        d_states = _streams([g[..., :hidden] for g in grads], plan, [g[..., hidden:] for g in grads])
        d_streams = [torch.empty_like(x) for x in streams]
        d_w_in, d_w_state = torch.zeros_like(w_in), torch.zeros_like(w_state)
        d_bias, d_b_state = w_in.new_zeros(w_in.shape[:2]), w_in.new_zeros(len(w_in), hidden)
        carry = w_in.new_zeros(0, batch, hidden)
        for number, (first, end, alive) in reversed(list(enumerate(plan.segments))):
            gates, w, states = saved[3 * number : 3 * number + 3]
            last = saved[3 * number - 1][:alive, -1] if number else start
            before = torch.cat([last[:, None], states[:, :-1]], dim=1)
            total = torch.stack([d_states[stream][first:end] for stream in range(alive)])
            slopes, slope_n = _slopes(gates, w, before)
            carry = _back_through_time(total, slopes, gates[..., hidden : 2 * hidden], w_state, carry)
            d_w_state[:alive] += torch.bmm(slopes.flatten(3).flatten(1, 2).transpose(1, 2), before.flatten(1, 2))
            d_b_state[:alive] += slopes[..., 2, :].sum((1, 2))
            torch.mul(total, slope_n, out=slopes[..., 2, :])  # from here on: d loss / d (a_r, a_z, a_n)
            for stream in range(alive):
                d_gates = slopes[stream].view(-1, 3 * hidden)
                d_bias[stream] += d_gates.sum(0)
                d_w_in[stream] += d_gates.t() @ streams[stream][first:end].flatten(0, 1)
                torch.mm(d_gates, w_in[stream], out=d_streams[stream][first:end].view(-1, w_in.shape[2]))
        d_xs = d_streams[:: plan.directions]
        if plan.directions == 2:
            d_xs = [x + _flip(back, flip) for x, back, flip in zip(d_xs, d_streams[1::2], plan.flips, strict=True)]
        return None, d_w_in, d_bias, d_w_state, d_b_state, None, *d_xs


def _streams(forth: Sequence[Tensor], plan: _Plan, back: Sequence[Tensor] | None = None) -> list[Tensor]:
    """Sequences (T_s, B, F) as read by each stream."""
    if plan.directions == 1:
        return list(forth)
    pairs = zip(forth, back or forth, plan.flips, strict=True)
    return [stream for x, y, flip in pairs for stream in (x, _flip(y, flip))]


def _slopes(gates: Tensor, w: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """d state / d (W h + b) gate by gate (..., 3, H), and d state / d a_n (..., H)."""
    r, z, n = gates.chunk(3, dim=-1)
    slope_n = (1 - z) * (1 - n * n)
    return torch.stack([slope_n * w * r * (1 - r), (before - n) * z * (1 - z), slope_n * r], dim=-2), slope_n


def _back_through_time(total: Tensor, slopes: Tensor, z: Tensor, w_state: Tensor, carry: Tensor) -> Tensor:
    """Add to ``total`` what later steps pass back, and scale ``slopes`` by it, in place; what is passed further."""
    with _one_thread():
        for total_t, slopes_t, z_t in zip(*(v.unbind(1)[::-1] for v in (total, slopes, z)), strict=True):
            total_t[: len(carry)] += carry
            slopes_t.mul_(total_t[:, :, None])
            carry = (total_t * z_t).baddbmm_(slopes_t.flatten(2), w_state[: len(total_t)])
    return carry


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tiny products on one core: thousands of times, threads would wait for each other, and long on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
