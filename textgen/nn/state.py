"""A model's state (tensors in tuples, lists and dictionaries, batch first), and windows of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import State, TokenIds


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


MAX_LOGITS, MIN_CHUNK = 2**22, 8
"""Logits that are computed at once, as in scoring, and at least this many tokens of each stretch."""


@dataclass(frozen=True, eq=False)
class Window:
    """Tokens of several stretches from the same position on."""

    inputs: Tensor
    """[rows, time], tokens of the stretches that have not ended, which are fewer in each window."""
    targets: Tensor
    """[rows, time], the token after each."""
    is_text: NDArray[np.bool_]
    """[rows, time], false for targets after the end of a stretch."""


def windows(stretches: Sequence[TokenIds], vocab_size: int, device: torch.device) -> Iterator[Window]:
    """Yield all tokens of stretches of text, the longest ones in the first rows."""
    stretches = sorted((ids for ids in stretches if len(ids) > 1), key=len, reverse=True)
    lengths = np.array([len(ids) - 1 for ids in stretches], np.int64)
    table = np.zeros((len(stretches), lengths.max(initial=0) + 1), np.int64)
    for row, ids in enumerate(stretches):
        table[row, : len(ids)] = ids
    tokens, begin = torch.from_numpy(table).to(device), 0
    while begin < table.shape[1] - 1:
        num_rows = int((lengths > begin).sum())
        end = min(begin + max(MIN_CHUNK, MAX_LOGITS // vocab_size // num_rows), table.shape[1] - 1)
        is_text = np.arange(begin, end) < lengths[:num_rows, None]
        yield Window(tokens[:num_rows, begin:end], tokens[:num_rows, begin + 1 : end + 1], is_text)
        begin = end
