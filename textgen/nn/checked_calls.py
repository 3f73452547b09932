"""Asking a model for its predictions, with a look at whether it answers in the form its contract says."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from textgen.api import State
from textgen.registry.attribution import contract_error


def predict(model: nn.Module, ids: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the logits [batch, time, vocab_size] of `model` for `ids` [batch, time], and the next state.

    Raises `PluginError` if it returns anything else.
    """
    answer = model(ids, state)
    if _is_pair(answer) and answer[0].ndim == 3 and answer[0].shape[:2] == ids.shape:
        logits, state = answer
        return logits, state
    wanted = "logits [batch, time, vocab_size] and the next state"
    raise contract_error(
        model, f"returned {_form(answer)} for ids of shape {list(ids.shape)}; forward must return {wanted}"
    )


def try_model(model: nn.Module, vocab_size: int) -> None:
    """Let a model predict once; raises `PluginError` if not over all tokens, before any training is done."""
    was_training = model.training
    device = next(chain(model.parameters(), model.buffers()), torch.empty(0)).device
    with torch.inference_mode():
        model.eval()
        logits, _ = predict(
            model,
            torch.zeros(2, 3, dtype=torch.int64, device=device),
            model.initial_state(2),  # type: ignore[operator]
        )
        model.train(was_training)
    if logits.shape[-1] != vocab_size:
        raise contract_error(
            model,
            f"returned logits of {logits.shape[-1]} tokens; the vocabulary, its first argument, "
            f"has {vocab_size}",
        )


def checked_step(model: nn.Module, answer: Any, batch_size: int, vocab_size: int) -> tuple[Tensor, State]:
    """Return what a generation step returned; raises `PluginError` if it is no logits and next state."""
    if _is_pair(answer) and answer[0].shape == (batch_size, vocab_size):
        logits, state = answer
        return logits, state
    wanted = f"logits [{batch_size}, {vocab_size}] and the next state"
    raise contract_error(
        model, f"returned {_form(answer)} in a step of generation, which must return {wanted}"
    )


def predict_loss(model: nn.Module, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the mean loss in nats per token by the model's own `loss`, and the next state."""
    answer = model.loss(ids, targets, state)  # type: ignore[operator]
    if _is_pair(answer) and answer[0].ndim == 0:
        loss, state = answer
        return loss, state
    raise contract_error(
        model, f"returned {_form(answer)} as its loss; loss must return one number and the next state"
    )


def _is_pair(answer: Any) -> bool:
    is_pair = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Tensor)
    return is_pair and answer[0].is_floating_point()


def _form(answer: Any) -> str:
    if isinstance(answer, Tensor):
        return f"a tensor of shape {list(answer.shape)} without a state"
    if _is_pair(answer):
        return f"a tensor of shape {list(answer[0].shape)}"
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Tensor):
        return f"a tensor of {answer[0].dtype}"
    return type(answer).__name__
