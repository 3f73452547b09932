"""Checks of the step that a model prepares for generation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.nn.state import select_rows, shapes
from textgen.testing.asserts import FAR_TOLERANCE, TOLERANCE, CheckSkipped, require, require_close
from textgen.testing.builders import Subject, bound, expecting, logits_of, predicted, random_batch

__tracebackhide__ = True

LOOSE = 0.1
"""Allowed error of log-probabilities in bf16, relative to how much they vary."""


def check_model_step(subject: Subject) -> None:
    """`prepare_step` in fp32 predicts the same as `forward`.

    Otherwise the model that writes is not the model that is scored.
    """
    model = with_step(subject.trained_model())
    ids = random_batch(2, 520)
    whole = logits_of(model, ids)
    for num_read in (1, 25, 120, 505):  # over 128 and 512, where buffers often end
        found = by_steps(model, ids[:, : num_read + 15], num_read, torch.float32)
        what = f"the logits of forward from steps after {num_read} tokens"
        tolerance = TOLERANCE if num_read < 100 else FAR_TOLERANCE
        require_close(found, whole[:, num_read : num_read + 15], what, tolerance)


def check_model_step_bf16(subject: Subject) -> None:
    """`prepare_step` in bf16 predicts nearly the same as `forward` in fp32.

    Samples are written in bf16 where the hardware is fast at it.
    """
    model = with_step(subject.trained_model(6))
    ids = random_batch(3, 25)
    wanted = logits_of(model, ids)[:, 5:].log_softmax(-1)
    found = by_steps(model, ids, 5, torch.bfloat16).log_softmax(-1)
    error, size = (float(part.square().mean().sqrt()) for part in (found - wanted, wanted - wanted.mean()))
    require(
        error <= LOOSE * size + 1e-3,
        f"expected nearly the distributions of forward from steps in bf16; log-probabilities that vary by "
        f"{size:.2g} are off by {error:.2g}",
    )


def check_model_waiting_step(subject: Subject) -> None:
    """In a batch of steps, one row can go on from an earlier state while the others advance.

    So does a sample in which n-grams spell a word, of which the model reads the beginning alone.
    """
    model = with_step(subject.trained_model(7))
    ids, num_read = random_batch(3, 12), 4
    wanted = by_steps(model, ids, num_read, torch.float32)
    require_close(
        by_steps_with_waiting(model, ids, num_read),
        wanted[range(3), torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 1, 2, 2, 3], [0, 1, 2, 3, 4, 5]]).T],
        "the logits of the same step after a row went on from an earlier state",
    )


def with_step(model: Any) -> Any:
    """Return the model; raises `CheckSkipped` if it lacks a step for generation."""
    if not hasattr(model, "prepare_step"):
        raise CheckSkipped("lacks prepare_step, so forward generates")
    return model


@torch.inference_mode()
def by_steps(model: Any, ids: Tensor, num_read: int, dtype: torch.dtype) -> Tensor:
    """Return the logits of all tokens but the first `num_read`, which `forward` reads, step by step.

    The first state is the model's; those that the step returns may have another form.
    """
    step = bound(model).prepare_step(dtype)
    assert step is not None
    _, state = predicted(model, ids[:, :num_read], model.initial_state(len(ids)))
    logits = []
    for column in ids[:, num_read:].T:
        with expecting("logits and a state from the step"):
            following, state = step(column, state)
        logits.append(following.float())
    return torch.stack(logits, 1)


@torch.inference_mode()
def by_steps_with_waiting(model: Any, ids: Tensor, num_read: int) -> Tensor:
    """Return the logits [turns, batch, vocab_size], where the second row advances at every other turn."""
    step = bound(model).prepare_step(torch.float32)
    assert step is not None
    _, state = predicted(model, ids[:, :num_read], model.initial_state(len(ids)))
    found = []
    for turn in range(6):
        places = torch.tensor([turn, (turn + 1) // 2, turn])
        advances = torch.tensor([True, turn % 2 == 0, True])
        with expecting("logits and a state from the step"):
            logits, following = step(ids[range(len(ids)), num_read + places], state)
        if turn:
            require(shapes(following) == shapes(state), "expected a state of fixed sizes from the step")
            following = select_rows(advances, following, state)
        state = following
        found.append(logits.float())
    return torch.stack(found)
