"""Checks of predictions: shapes, batches, repeated calls, the step for generation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.nn.state import select_rows, shapes, tensors
from textgen.testing.asserts import EXACT, FAR_TOLERANCE, TOLERANCE, CheckSkipped, require, require_close
from textgen.testing.builders import (
    VOCAB_SIZE,
    bound,
    built_model,
    expecting,
    in_chunks,
    is_trainable,
    logits_of,
    predicted,
    random_batch,
    trained_model,
)
from textgen.testing.runner import check

__tracebackhide__ = True

LOOSE = 0.1
"""Allowed error of log-probabilities in bf16, relative to how much they vary."""


@check("model")
def check_model_trainable(component: Any, /, **options: Any) -> None:
    """It has trainable parameters, or `fit`.

    Otherwise it cannot be trained.
    """
    model = built_model(component, **options)
    can_learn = is_trainable(model) or bound(model).can_fit
    require(can_learn, "expected parameters that require gradients, or fit(ids); got neither")


@check("model")
def check_model_shapes(component: Any, /, **options: Any) -> None:
    """Ids [batch, time] give logits [batch, time, vocab_size], even for a single token.

    Training, scoring and generation differ in batch size and length.
    """
    model = trained_model(component, 0, **options)
    for batch_size, length in ((1, 1), (1, 7), (3, 1), (4, 20)):
        logits, _ = predicted(model, random_batch(batch_size, length), model.initial_state(batch_size))
        expected = (batch_size, length, VOCAB_SIZE)
        require(logits.shape == expected, f"expected logits {list(expected)}; got {list(logits.shape)}")


@check("model")
def check_model_batch(component: Any, /, **options: Any) -> None:
    """A row alone has the same logits as in a batch.

    Otherwise a sample depends on the rest of its batch.
    """
    model = trained_model(component, **options)
    ids = random_batch(4, 20)
    alone = torch.cat([logits_of(model, row[None]) for row in ids])
    require_close(logits_of(model, ids), alone, "the logits of each row alone in a batch of 4")


@check("model")
def check_model_pure(component: Any, /, **options: Any) -> None:
    """The same ids and state give the same logits again, and neither is changed in place.

    A state is reused when one prompt is continued several times.
    """
    model = trained_model(component, **options)
    ids, rest = random_batch(2, 10), random_batch(2, 5, seed=1)
    _, state = in_chunks(model, ids, [10])
    originals = [tensor.clone() for tensor in tensors(state)]
    given = rest.clone()
    first, _ = in_chunks(model, given, [5], state)
    is_kept = all(map(torch.equal, tensors(state), originals))
    require(is_kept, "expected forward to leave its state unchanged; it changes it in place")
    require(torch.equal(given, rest), "expected forward to leave the ids unchanged; it changes them in place")
    logits_of(model, ids)  # computations in between must not matter
    second, _ = in_chunks(model, rest, [5], state)
    require_close(second, first, "the same logits for the same ids and state", EXACT)


@check("model")
def check_model_evaluation_mode(component: Any, /, **options: Any) -> None:
    """In evaluation mode nothing is random.

    Dropout, for example, is for training only; otherwise scores cannot be reproduced.
    """
    model = trained_model(component, **options)
    ids = random_batch(2, 20)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(logits_of(model, ids))
    require_close(found[0], found[1], "the same logits with any global seed of torch", EXACT)


@check("model")
def check_model_step(component: Any, /, **options: Any) -> None:
    """`prepare_step` in fp32 predicts the same as `forward`.

    Otherwise the model that writes is not the model that is scored.
    """
    model = with_step(trained_model(component, **options))
    ids = random_batch(2, 520)
    whole = logits_of(model, ids)
    for num_read in (1, 25, 120, 505):  # over 128 and 512, where buffers often end
        found = by_steps(model, ids[:, : num_read + 15], num_read, torch.float32)
        what = f"the logits of forward from steps after {num_read} tokens"
        tolerance = TOLERANCE if num_read < 100 else FAR_TOLERANCE
        require_close(found, whole[:, num_read : num_read + 15], what, tolerance)


@check("model")
def check_model_step_bf16(component: Any, /, **options: Any) -> None:
    """`prepare_step` in bf16 predicts nearly the same as `forward` in fp32.

    Samples are written in bf16 where the hardware is fast at it.
    """
    model = with_step(trained_model(component, 6, **options))
    ids = random_batch(3, 25)
    wanted = logits_of(model, ids)[:, 5:].log_softmax(-1)
    found = by_steps(model, ids, 5, torch.bfloat16).log_softmax(-1)
    error, size = (float(part.square().mean().sqrt()) for part in (found - wanted, wanted - wanted.mean()))
    require(
        error <= LOOSE * size + 1e-3,
        f"expected nearly the distributions of forward from steps in bf16; log-probabilities that vary by "
        f"{size:.2g} are off by {error:.2g}",
    )


@check("model")
def check_model_waiting_step(component: Any, /, **options: Any) -> None:
    """In a batch of steps, one row can go on from an earlier state while the others advance.

    So does a sample in which n-grams spell a word, of which the model reads the beginning alone.
    """
    model = with_step(trained_model(component, 7, **options))
    ids, num_read = random_batch(3, 12), 4
    wanted = by_steps(model, ids, num_read, torch.float32)
    require_close(
        by_steps_with_waiting(model, ids, num_read),
        wanted[range(3), torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 1, 2, 2, 3], [0, 1, 2, 3, 4, 5]]).T],
        "the logits of the same step after a row went on from an earlier state",
    )


@torch.inference_mode()
def by_steps_with_waiting(model: Any, ids: Tensor, num_read: int) -> Tensor:
    """Return the logits [turns, batch, vocab_size], where the second row advances at every other turn."""
    step = bound(model).prepare_step(torch.float32)
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
    _, state = predicted(model, ids[:, :num_read], model.initial_state(len(ids)))
    logits = []
    for column in ids[:, num_read:].T:
        with expecting("logits and a state from the step"):
            following, state = step(column, state)
        logits.append(following.float())
    return torch.stack(logits, 1)
