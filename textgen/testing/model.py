"""The checks of how models predict: shapes, states, chunks, batches, causality."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textgen.api import State
from textgen.score import log_softmax
from textgen.state import join, tensors
from textgen.testing.building import (
    VOCAB_SIZE,
    built_model,
    in_chunks,
    is_trainable,
    logits_of,
    random_batch,
    trained_model,
)
from textgen.testing.exam import check
from textgen.testing.expectations import CheckSkipped, require, shown

TOLERANCE = 1e-4
"""By which logits may differ that are computed in another order, times their size if that is above 1."""

EXACT = 1e-6
"""The same for logits that are computed in the same order."""


@check("model")
def check_model_trainable(component: Any, /, **options: Any) -> None:
    """It has trainable parameters, or `fit`.

    Else there is no way to train it.
    """
    model = built_model(component, **options)
    can_learn = is_trainable(model) or callable(getattr(model, "fit", None))
    require(can_learn, "expected parameters that require gradients, or fit(ids); got neither")


@check("model")
def check_model_shapes(component: Any, /, **options: Any) -> None:
    """Ids [batch, time] give logits [batch, time, vocab_size], also for a single token.

    Training, scoring and generation differ in batch size and length.
    """
    model = trained_model(component, 0, **options)
    for batch_size, length in ((1, 1), (1, 7), (3, 1), (4, 20)):
        logits, _ = model(random_batch(batch_size, length), model.initial_state(batch_size))
        expected = (batch_size, length, VOCAB_SIZE)
        is_logits = isinstance(logits, Tensor) and logits.is_floating_point()
        require(is_logits, f"expected a tensor of floating-point logits; got {shown(logits)}")
        require(logits.shape == expected, f"expected logits {list(expected)}; got {list(logits.shape)}")


@check("model")
def check_model_state(component: Any, /, **options: Any) -> None:
    """The state is made of tensors that begin with the batch, and is built alike after each token.

    Prompts are read one by one and their states joined to a batch.
    """
    model = trained_model(component, **options)
    initial = model.initial_state(3)
    _, following = in_chunks(model, random_batch(3, 4), [4])
    for when, state in (("at first", initial), ("after four tokens", following)):
        _require_batch_first(state, when)
    one, other = structure(initial), structure(following)
    require(one == other, f"expected a state built alike after four tokens; got {other}, and {one} at first")
    joined = join([model.initial_state(1), model.initial_state(2)])
    logits, _ = model(random_batch(3, 4), joined)
    require(logits.shape[0] == 3, f"expected logits of 3 rows for a joined state; got {logits.shape[0]}")


@check("model")
def check_model_probabilities(component: Any, /, **options: Any) -> None:
    """Far into a text, and when a token is repeated, logits are finite and probabilities sum to 1.

    A token without probability makes the score of the whole text infinite.
    """
    model = trained_model(component, **options)
    repeated = torch.full((1, 600), VOCAB_SIZE - 1)
    for what, ids in (("random tokens", random_batch(1, 600)), ("one token again and again", repeated)):
        for logits in (logits_of(model, ids), in_chunks(model, ids[:, :40], [1] * 40)[0]):
            num_wrong = int((~logits.isfinite()).sum())
            require(num_wrong == 0, f"expected finite logits for {what}; {num_wrong} are infinite or NaN")
            error = float((log_softmax(logits).exp().sum(-1) - 1).abs().max())
            require(
                error < 1e-3,
                f"expected probabilities that sum to 1 for {what}; one sum is off by {error:.1g}",
            )


@check("model")
def check_model_chunks(component: Any, /, **options: Any) -> None:
    """A text in chunks has the logits that it has in one pass, since the state is carried.

    Long texts are trained on and scored in chunks, and generated token by token.
    """
    model = trained_model(component, **options)
    ids = random_batch(2, 60)
    whole = logits_of(model, ids)
    for sizes in ([1] * 60, [7, 1, 20, 32], [59, 1]):
        found, _ = in_chunks(model, ids, sizes)
        require_close(found, whole, f"the logits of one pass in chunks of {shown(sizes, 20)} tokens")


@check("model")
def check_model_batch(component: Any, /, **options: Any) -> None:
    """A row alone has the logits that it has in a batch.

    Else what is generated depends on what else is generated.
    """
    model = trained_model(component, **options)
    ids = random_batch(4, 20)
    alone = torch.cat([logits_of(model, row[None]) for row in ids])
    require_close(logits_of(model, ids), alone, "the logits of each row alone in a batch of 4")


@check("model")
def check_model_joined_states(component: Any, /, **options: Any) -> None:
    """The states of prompts of different lengths, joined, go on as each alone.

    So several prompts are continued at once.
    """
    model = trained_model(component, **options)
    prompts = [random_batch(1, length, seed=length) for length in (1, 2, 9, 30)]
    rest = random_batch(len(prompts), 12)
    states = [in_chunks(model, prompt, [prompt.shape[1]])[1] for prompt in prompts]
    together, _ = in_chunks(model, rest, [1, 11], join(states))
    texts = [torch.cat([prompt, row[None]], dim=1) for prompt, row in zip(prompts, rest, strict=True)]
    alone = torch.cat([logits_of(model, text)[:, -12:] for text in texts])
    require_close(together, alone, "the logits of each prompt alone after their states were joined")


@check("model")
def check_model_causal(component: Any, /, **options: Any) -> None:
    """A token's logits do not depend on later tokens.

    A model that sees what it should predict has a wonderful score and writes nonsense.
    """
    model = trained_model(component, **options)
    ids = random_batch(2, 20)
    before = logits_of(model, ids)
    for place in (1, 10, 19):
        changed = ids.clone()
        changed[:, place:] = (changed[:, place:] + 1) % VOCAB_SIZE
        after = logits_of(model, changed)[:, :place]
        what = f"the same logits before token {place} when the tokens from there on change"
        require_close(after, before[:, :place], what, EXACT)


@check("model")
def check_model_pure(component: Any, /, **options: Any) -> None:
    """The same ids and state give the same logits again, and neither is changed in place.

    A state is used again when one prompt is continued several times.
    """
    model = trained_model(component, **options)
    ids, rest = random_batch(2, 10), random_batch(2, 5, seed=1)
    _, state = in_chunks(model, ids, [10])
    originals = [tensor.clone() for tensor in tensors(state)]
    given = rest.clone()
    first, _ = in_chunks(model, given, [5], state)
    is_kept = all(map(torch.equal, tensors(state), originals))
    require(is_kept, "expected forward to leave the state it is given as it is; it changes it in place")
    require(
        torch.equal(given, rest), "expected forward to leave the ids as they are; it changes them in place"
    )
    logits_of(model, ids)  # what else is computed in between must not matter
    second, _ = in_chunks(model, rest, [5], state)
    require_close(second, first, "the same logits for the same ids and state", EXACT)


@check("model")
def check_model_evaluation_mode(component: Any, /, **options: Any) -> None:
    """In evaluation mode nothing is random.

    Dropout, for one, is for training only; scores could not be had again.
    """
    model = trained_model(component, **options)
    ids = random_batch(2, 20)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(logits_of(model, ids))
    require_close(found[0], found[1], "the same logits whatever torch's global seed", EXACT)


@check("model")
def check_model_step(component: Any, /, **options: Any) -> None:
    """`prepare_step` in fp32 predicts as `forward` does.

    Else a model writes other texts than it is scored for.
    """
    model = trained_model(component, **options)
    if not hasattr(model, "prepare_step"):
        raise CheckSkipped("has no prepare_step, so forward generates")
    ids = random_batch(3, 40)
    whole = logits_of(model, ids)
    for num_read in (1, 25):
        with torch.inference_mode():
            step = model.prepare_step(torch.float32)
            _, state = model(ids[:, :num_read], model.initial_state(3))
            for place in range(num_read, 40):
                logits, state = step(ids[:, place], state)
                what = f"the logits of forward from the step after {place - num_read + 1} tokens"
                require_close(logits.float(), whole[:, place], what)


def require_close(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Raise `CheckError` unless two tensors are equal up to `tolerance`, relative above 1."""
    require(found.shape == expected.shape, f"expected {what}; got shape {list(found.shape)}")
    if not expected.numel():
        return
    found, expected = found.double(), expected.double()
    difference = float((found - expected).abs().max())
    allowed = tolerance * max(1.0, float(expected.abs().max()))
    require(difference <= allowed, f"expected {what}; they differ by {difference:.2g}")


def structure(state: State) -> Any:
    """Return how a state is built: its types and keys, without shapes."""
    if isinstance(state, dict):
        return {key: structure(value) for key, value in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state).__name__, [structure(value) for value in state]
    return type(state).__name__


def _require_batch_first(state: State, when: str) -> None:
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, (tuple, list)):
        for part in state:
            _require_batch_first(part, when)
    elif state is not None:  # nothing to remember
        require(isinstance(state, Tensor), f"expected tensors in the state {when}; got {shown(state)}")
        is_first = state.ndim > 0 and len(state) == 3
        require(is_first, f"expected the batch, 3, first in the state {when}; got shape {list(state.shape)}")
