"""A model's state: tensors in tuples, lists and dictionaries, each with the batch as its first dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from textgen.api import State


def map_tensors(function: Callable[..., Tensor], *states: State) -> State:
    """Return a state of the same form whose tensors are `function` of the states' tensors, in turn."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    if isinstance(first, dict):
        return {key: map_tensors(function, *(state[key] for state in states)) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [map_tensors(function, *each) for each in zip(*states, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return first


def join(states: Sequence[State]) -> State:
    """Return one state for a batch of all."""
    return map_tensors(lambda *parts: torch.cat(parts), *states)


def detach(state: State) -> State:
    """Return the state cut off from the graph that made it."""
    return map_tensors(Tensor.detach, state)


def tensors(state: State) -> list[Tensor]:
    """Return the tensors of a state, in order."""
    if isinstance(state, Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, (tuple, list)) else ()
    return [tensor for part in parts for tensor in tensors(part)]


def shapes(state: State) -> list[torch.Size]:
    """Return the shapes of a state's tensors."""
    return [tensor.shape for tensor in tensors(state)]
