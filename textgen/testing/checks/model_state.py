"""Checks of a model's state.

A state is a tensor, or tuples (including named ones), lists and dictionaries of tensors, each with the batch
as its first dimension; None or an empty tuple if there is nothing to remember. Its form is the same after
each token: types, keys and the number of dimensions. Other sizes may change after the first token, such as
those of a cache that is empty at first; but the states after prompts of any length have the same sizes, since
they are joined to one batch. So a transformer's cache has a fixed size, like a window, or is full after one
token. The states of `prepare_step` have fixed sizes, too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.contracts import State
from textgen.nn.state import join, shapes
from textgen.testing.asserts import require, require_close
from textgen.testing.builders import (
    in_chunks,
    logits_of,
    predicted,
    random_batch,
    require_batch_first,
    trained_model,
)
from textgen.testing.runner import check

__tracebackhide__ = True


@check("model")
def check_model_state(component: Any, /, **options: Any) -> None:
    """The state consists of tensors, the batch first, and has the same form after each token.

    Prompts are read one by one and their states joined to a batch.
    """
    model = trained_model(component, 0, **options)
    state = initial = model.initial_state(3)
    require_batch_first(initial, 3, "at first")
    for when, length in (("after four tokens", 4), ("after five tokens", 1)):
        _, state = in_chunks(model, random_batch(3, length), [length], state)
        first, later = form(initial), form(state)
        require(
            first == later, f"expected a state of the same form {when}; got {later}, and {first} at first"
        )
    logits, _ = predicted(model, random_batch(3, 4), join([model.initial_state(1), model.initial_state(2)]))
    require(logits.shape[0] == 3, f"expected logits of 3 rows for a joined state; got {logits.shape[0]}")


@check("model")
def check_model_joined_states(component: Any, /, **options: Any) -> None:
    """The states of prompts of different lengths, joined, continue as each does alone.

    That is how several prompts are continued at once.
    """
    model = trained_model(component, **options)
    prompts = [random_batch(1, length, seed=length) for length in (1, 2, 9, 30)]
    rest = random_batch(len(prompts), 12)
    states = [in_chunks(model, prompt, [prompt.shape[1]])[1] for prompt in prompts]
    for prompt, state in zip(prompts, states, strict=True):
        when = f"after {prompt.shape[1]} tokens"
        is_alike = form(state) == form(states[0])
        require(is_alike, f"expected a state of the same form as after 1 token {when}; got {form(state)}")
        first, later = ([list(shape) for shape in shapes(each)] for each in (states[0], state))
        require(
            first == later,
            f"expected a state of the same sizes after any prompt, so that they can be joined; got {first} "
            f"after 1 token and {later} {when}; give tensors that grow a fixed size",
        )
    together, _ = in_chunks(model, rest, [1, 11], join(states))
    texts = [torch.cat([prompt, row[None]], dim=1) for prompt, row in zip(prompts, rest, strict=True)]
    alone = torch.cat([logits_of(model, text)[:, -12:] for text in texts])
    require_close(together, alone, "the logits of each prompt alone after their states were joined")


def form(state: State) -> Any:
    """Return the form of a state: types, keys and numbers of dimensions, without sizes."""
    if isinstance(state, dict):
        return {key: form(value) for key, value in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state).__name__, [form(value) for value in state]
    return f"{state.ndim}-dimensional" if isinstance(state, Tensor) else type(state).__name__
