"""Asking a model for its predictions, with a look at whether it answers in the form its contract says."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from textgen.api import State
from textgen.registry import blame


def predict(model: nn.Module, ids: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the logits [batch, time, vocab_size] of `model` for `ids` [batch, time], and the next state.

    Raises `PluginError` if it returns anything else.
    """
    answer = model(ids, state)
    if _is_pair(answer) and answer[0].ndim == 3 and answer[0].shape[:2] == ids.shape:
        logits, state = answer
        return logits, state
    raise blame(
        model,
        f"returned {_form(answer)} for ids of shape {list(ids.shape)}; forward must return "
        "logits [batch, time, vocab_size] and the next state",
    )


def predict_loss(model: nn.Module, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the mean loss in nats per token by the model's own `loss`, and the next state."""
    answer = model.loss(ids, targets, state)  # type: ignore[operator]
    if _is_pair(answer) and answer[0].ndim == 0:
        loss, state = answer
        return loss, state
    raise blame(
        model, f"returned {_form(answer)} as its loss; loss must return one number and the next state"
    )


def _is_pair(answer: Any) -> bool:
    return isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Tensor)


def _form(answer: Any) -> str:
    if isinstance(answer, Tensor):
        return f"a tensor of shape {list(answer.shape)} without a state"
    if _is_pair(answer):
        return f"a tensor of shape {list(answer[0].shape)}"
    return type(answer).__name__
