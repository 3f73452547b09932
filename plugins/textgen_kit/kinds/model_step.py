"""Checks of the step that a model prepares for generation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.nn.state import select_rows, shapes
from textgen.registry.registry import PluginError
from textgen_kit.asserts import FAR_TOLERANCE, TOLERANCE, expect, require_close, reworded, skip_unless
from textgen_kit.builders import Subject, bound, logits_of, predicted, random_batch

WITHOUT_STEP = "lacks prepare_step, so forward generates"
LOOSE = 0.1
"""Allowed error of log-probabilities in bf16, relative to how much they vary."""


def check_model_step(subject: Subject) -> None:
    """`prepare_step` in fp32 predicts the same as `forward`.

    Otherwise the model that writes is not the model that is scored.
    """
    model = subject.trained_model()
    skip_unless(hasattr(model, "prepare_step"), WITHOUT_STEP)
    ids = random_batch(2, 520)
    whole = logits_of(model, ids)
    for num_read in (1, 25, 120, 505):  # over 128 and 512, where buffers often end
        stepped = by_steps(model, ids[:, : num_read + 15], num_read, torch.float32)
        what = f"the logits of forward from steps after {num_read} tokens"
        tolerance = TOLERANCE if num_read < 100 else FAR_TOLERANCE
        require_close(stepped, whole[:, num_read : num_read + 15], what, tolerance)


def check_model_step_bf16(subject: Subject) -> None:
    """`prepare_step` in bf16 predicts nearly the same as `forward` in fp32.

    Samples are written in bf16 where the hardware is fast at it.
    """
    model = subject.trained_model(6)
    skip_unless(hasattr(model, "prepare_step"), WITHOUT_STEP)
    ids = random_batch(3, 25)
    expected = logits_of(model, ids)[:, 5:].log_softmax(-1)
    stepped = by_steps(model, ids, 5, torch.bfloat16).log_softmax(-1)
    error, size = (
        float(part.square().mean().sqrt()) for part in (stepped - expected, expected - expected.mean())
    )
    expect(
        error <= LOOSE * size + 1e-3,
        f"nearly the distributions of forward from steps in bf16; log-probabilities that vary by "
        f"{size:.2g} are off by {error:.2g}",
    )


def check_model_waiting_step(subject: Subject) -> None:
    """In a batch of steps, one row can go on from an earlier state while the others advance.

    So does a sample in which n-grams spell a word, of which the model reads the beginning alone.
    """
    model = subject.trained_model(7)
    skip_unless(hasattr(model, "prepare_step"), WITHOUT_STEP)
    ids, num_read = random_batch(3, 12), 4
    places = torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 1, 2, 2, 3], [0, 1, 2, 3, 4, 5]])
    require_close(
        by_steps(model, ids, num_read, torch.float32, places),
        by_steps(model, ids, num_read, torch.float32)[torch.arange(3)[:, None], places],
        "the logits of the same step after a row went on from an earlier state",
    )


@torch.inference_mode()
def by_steps(
    model: Any, ids: Tensor, num_read: int, dtype: torch.dtype, places: Tensor | None = None
) -> Tensor:
    """Return the logits of all tokens but the first `num_read`, which `forward` reads, step by step.

    The first state is the model's; those that the step returns may have another form. With `places`
    [batch, steps], a row reads the token at its place after those; while that stays the same, it goes on from
    the same state.
    """
    step = bound(model).prepare_step(dtype)
    assert step is not None
    _, state = predicted(model, ids[:, :num_read], model.initial_state(len(ids)))
    steps = torch.arange(ids.shape[1] - num_read).expand(len(ids), -1) if places is None else places
    logits: list[Tensor] = []
    for now, later in zip(steps.T, [*steps.T[1:], steps.T[-1]], strict=True):
        with reworded("expected logits and a state from the step;", PluginError):
            following, after = step(ids.gather(1, num_read + now[:, None])[:, 0], state)
        if places is not None and logits:
            expect(shapes(after) == shapes(state), "a state of fixed sizes from the step")
            after = select_rows(now != later, after, state)
        state = after
        logits.append(following.float())
    return torch.stack(logits, 1)
