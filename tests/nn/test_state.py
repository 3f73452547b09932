"""States of any form: joined to a batch, cut off from their graph, taken apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from textgen.nn.state import detach, join, shapes, tensors


class Memory(NamedTuple):
    """A state as an author may write it."""

    hidden: Tensor
    rest: dict[str, Any]


def state(value: float) -> Memory:
    return Memory(torch.full((1, 2), value), {"a": [torch.full((1,), value), (torch.ones(1, 3), None)]})


def test_states_are_joined_to_a_batch() -> None:
    joined = join([state(1.0), state(2.0)])
    assert isinstance(joined, Memory)
    assert joined.hidden.tolist() == [[1, 1], [2, 2]]
    first, (second, nothing) = joined.rest["a"]
    assert first.tolist() == [1, 2]
    assert second.shape == (2, 3)
    assert nothing is None


def test_a_state_is_cut_off_from_the_graph_that_made_it() -> None:
    grown = torch.ones(1, 2, requires_grad=True) * 2
    kept = detach(Memory(grown, {"a": [grown, (grown, None)]}))
    assert isinstance(kept, Memory)
    assert len(tensors(kept)) == 3
    assert not any(tensor.requires_grad for tensor in tensors(kept))
    assert all(torch.equal(tensor, grown) for tensor in tensors(kept))


def test_the_tensors_of_a_state_are_in_order() -> None:
    assert shapes(state(1.0)) == [(1, 2), (1,), (1, 3)]
    assert tensors(None) == []
