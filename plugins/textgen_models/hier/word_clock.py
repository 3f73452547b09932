"""A recurrence that advances at some positions only, a number that differs from row to row."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence


class Ticks(NamedTuple):
    """Where the ticks of a batch are in a packed sequence, step by step, the rows with most ticks first."""

    order: Tensor
    """The rows with ticks, by falling number of ticks."""
    num_rows: Tensor
    """The number of rows that still have a tick, for each step."""
    sources: Tensor
    """The position row · time + t of each tick in the packed sequence."""
    latest: Tensor
    """[batch, time]: where the latest tick is in the packed sequence, after one entry per row for none."""


def find_ticks(is_tick: Tensor) -> Ticks:
    """Return the places of the ticks in `is_tick` [batch, time]."""
    batch_size, time = is_tick.shape
    numbers = is_tick.cumsum(dim=1)  # of ticks so far
    counts = numbers[:, -1]
    order = counts.argsort(descending=True)
    rank = order.argsort()
    steps = torch.arange(1, int(counts.max()) + 1, device=is_tick.device)
    num_rows = (counts >= steps[:, None]).sum(dim=1)
    starts = F.pad(num_rows.cumsum(0), (1, 0))
    places = starts[(numbers - 1).clamp(min=0)] + rank[:, None]
    positions = is_tick.flatten().nonzero()[:, 0]
    sources = torch.empty_like(positions).index_copy(0, places.flatten()[positions], positions)
    own = torch.arange(batch_size, device=is_tick.device)[:, None].expand(-1, time)
    latest = torch.where(numbers > 0, batch_size + places, own)
    return Ticks(order[: int((counts > 0).sum())], num_rows, sources, latest)


class WordClock(nn.GRU):
    """A GRU (Cho et al. 2014, arXiv:1406.1078) whose steps are the ticks. Its output is also its state."""

    def forward(  # type: ignore[override]
        self, features: Tensor, is_tick: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Advance by `features` [batch, time, input_size] at the ticks [batch, time].

        Returns a table of outputs, [batch + number of ticks, hidden_size], whose first rows are the `state`
        [batch, hidden_size]; which of them is the latest at each position, [batch, time]; and the next state.
        """
        ticks = find_ticks(is_tick)
        if not len(ticks.sources):
            return state, ticks.latest, state
        packed = PackedSequence(features.flatten(0, 1)[ticks.sources], ticks.num_rows.cpu())
        outputs, _ = super().forward(packed, state[ticks.order][None])
        table = torch.cat([state, outputs.data.to(state.dtype)])
        return table, ticks.latest, table[ticks.latest[:, -1]]
