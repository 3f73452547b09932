"""Functions of a model's state: tensors in tuples, lists and dictionaries, batch first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from textgen.contracts import State


def map_tensors(function: Callable[..., Tensor], *states: State) -> State:
    """Return a state of the same form, whose tensors are `function` of the corresponding tensors."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    if isinstance(first, dict):
        return {key: map_tensors(function, *(state[key] for state in states)) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [map_tensors(function, *each) for each in zip(*states, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return first


def like(form: State, state: State) -> State:
    """Return `state` with the named tuples of `form`, where both have as many parts; else unchanged."""
    if isinstance(form, dict) and isinstance(state, dict) and form.keys() == state.keys():
        return {key: like(form[key], state[key]) for key in state}
    is_sequence = isinstance(form, (tuple, list)) and isinstance(state, (tuple, list))
    if is_sequence and len(form) == len(state):
        parts = [like(*each) for each in zip(form, state, strict=True)]
        return type(form)(*parts) if hasattr(form, "_fields") else type(form)(parts)
    return state


def join(states: Sequence[State]) -> State:
    """Return the state of a batch that concatenates those of several."""
    return map_tensors(lambda *parts: torch.cat(parts), *states)


def take_rows(state: State, begin: int, end: int) -> State:
    """Return the state of some consecutive rows of a batch."""
    return map_tensors(lambda tensor: tensor[begin:end], state)


def select_rows(condition: Tensor, chosen: State, others: State) -> State:
    """Return a state with the rows of `chosen` where `condition` [batch] is true, else of `others`."""
    return map_tensors(
        lambda one, other: torch.where(condition.view(-1, *[1] * (one.ndim - 1)), one, other), chosen, others
    )


def detach(state: State) -> State:
    """Return the state detached from the graph that produced it."""
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
