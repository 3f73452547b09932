"""Checks of a model's predictions, of its state, and of the step that it prepares for generation.

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
from textgen.evaluation.prediction_checks import MAX_NORMALIZATION_ERROR
from textgen.evaluation.token_bits import normalization_error
from textgen.nn.state import join, select_rows, shapes, tensors
from textgen.registry.registry import PluginError
from textgen_kit.checking import (
    EXACT,
    FAR_TOLERANCE,
    TOLERANCE,
    VOCAB_SIZE,
    CheckWarning,
    Subject,
    bound,
    expect,
    in_chunks,
    logits_of,
    predicted,
    random_batch,
    require_batch_first,
    require_close,
    reworded,
    shown,
    skip_unless,
)

LENGTH = 600
EDGES = (64, 128, 512)
"""Positions where windows, blocks and buffers of models often end."""
FAR = 3000
LOOSE_SUM = 0.01
"""Allowed error of a sum of probabilities, which may be rounded to bf16."""


def check_model_trainable(subject: Subject) -> None:
    """It has trainable parameters, or `fit`, or refines a model with its argument `base`.

    Otherwise it cannot be trained.
    """
    can_learn = subject.can_learn(subject.model())
    expect(can_learn, "parameters that require gradients, fit(ids), or an argument base to refine; got none")


def check_model_shapes(subject: Subject) -> None:
    """Ids [batch, time] give logits [batch, time, vocab_size], even for a single token.

    Training, scoring and generation differ in batch size and length.
    """
    model = subject.trained_model(0)
    for batch_size, length in ((1, 1), (1, 7), (3, 1), (4, 20)):
        predicted(model, random_batch(batch_size, length), model.initial_state(batch_size))


def check_model_probabilities(subject: Subject) -> None:
    """Logits are finite, and log-probabilities if the model says so, also far into a text.

    A token without probability makes the score of the whole text infinite. With `is_normalized`, the model
    says that its probabilities sum to 1 without a softmax.
    """
    model = subject.trained_model()
    claim = getattr(model, "is_normalized", False)
    expect(isinstance(claim, bool), f"true or false in is_normalized; got {shown(claim)}")
    repeated = torch.full((1, LENGTH), VOCAB_SIZE - 1)
    for what, ids, sizes in (
        ("random tokens", random_batch(1, FAR), [FAR // 6] * 6),
        ("one repeated token", repeated, [LENGTH]),
        ("single tokens", random_batch(1, 40), [1] * 40),
    ):
        logits, _ = in_chunks(model, ids, sizes)
        is_wrong = (~logits.isfinite()).any(-1)[0]
        first = int(is_wrong.int().argmax())
        expect(not is_wrong.any(), f"finite logits for {what}; from token {first} some are infinite or NaN")
        are_shares = bool((logits >= 0).all() and ((logits.sum(-1) - 1).abs() < LOOSE_SUM).all())
        expect(
            not are_shares,
            f"logits for {what}; got probabilities, none below 0 and each row with a sum of 1: leave out the "
            "softmax, or return their logarithm and set is_normalized = True",
        )
        error = normalization_error(bound(model).is_normalized, logits)
        expect(
            error <= MAX_NORMALIZATION_ERROR,
            f"log-probabilities for {what}, since is_normalized is true; a sum of probabilities is "
            f"off by {error:.1g}",
        )
    is_squashed = bool((logits >= 0).all() and (logits <= 1).all() and logits.min() < logits.max())
    if is_squashed:
        raise CheckWarning(
            "all logits are between 0 and 1, as after a sigmoid, so that no token is certain; leave it out"
        )


def check_model_chunks(subject: Subject) -> None:
    """A text in chunks has the same logits as in one pass, since the state is carried.

    Long texts are trained on and scored in chunks, and generated token by token.
    """
    model = subject.trained_model()
    ids = random_batch(2, 60)
    whole = logits_of(model, ids)
    for sizes in ([1] * 60, [7, 1, 20, 32], [59, 1]):
        logits, _ = in_chunks(model, ids, sizes)
        require_close(logits, whole, f"the logits of one pass in chunks of {shown(sizes, 20)} tokens")
    ids = random_batch(1, LENGTH)
    whole = logits_of(model, ids)
    for cuts in (EDGES, [edge + step for edge in EDGES for step in range(-4, 5)], [1]):
        ends = [*cuts, LENGTH]
        sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        logits, _ = in_chunks(model, ids, sizes)
        what = f"the logits of one pass over {LENGTH} tokens in chunks of {shown(sizes, 40)}"
        require_close(logits, whole, what, FAR_TOLERANCE)


def check_model_causal(subject: Subject) -> None:
    """A token's logits do not depend on later tokens.

    A model that sees what it should predict has an excellent score and writes nonsense.
    """
    model = subject.trained_model()
    for ids, places in ((random_batch(2, 20), (1, 10, 19)), (random_batch(1, LENGTH), (*EDGES, LENGTH - 1))):
        before = logits_of(model, ids)
        others = (ids + 1 + random_batch(len(ids), ids.shape[1], seed=1) % (VOCAB_SIZE - 1)) % VOCAB_SIZE
        for place in places:
            after = logits_of(model, torch.cat([ids[:, :place], others[:, place:]], 1))
            what = f"the same logits before token {place} when the tokens from there change"
            require_close(after[:, :place], before[:, :place], what, EXACT)


def check_model_batch(subject: Subject) -> None:
    """A row alone has the same logits as in a batch.

    Otherwise a sample depends on the rest of its batch.
    """
    model = subject.trained_model()
    ids = random_batch(4, 20)
    alone = torch.cat([logits_of(model, row[None]) for row in ids])
    require_close(logits_of(model, ids), alone, "the logits of each row alone in a batch of 4")


def check_model_pure(subject: Subject) -> None:
    """The same ids and state give the same logits again, and neither is changed in place.

    A state is reused when one prompt is continued several times.
    """
    model = subject.trained_model()
    ids, rest = random_batch(2, 10), random_batch(2, 5, seed=1)
    _, state = in_chunks(model, ids, [10])
    originals = [tensor.clone() for tensor in tensors(state)]
    given = rest.clone()
    torch.manual_seed(0)  # what is random in evaluation mode is another fault
    first, _ = in_chunks(model, given, [5], state)
    is_unchanged = all(map(torch.equal, tensors(state), originals))
    expect(is_unchanged, "forward to leave its state unchanged; it changes it in place")
    expect(torch.equal(given, rest), "forward to leave the ids unchanged; it changes them in place")
    logits_of(model, ids)  # computations in between must not matter
    torch.manual_seed(0)
    second, _ = in_chunks(model, rest, [5], state)
    require_close(second, first, "the same logits for the same ids and state", EXACT)


def check_model_evaluation_mode(subject: Subject) -> None:
    """In evaluation mode nothing is random.

    Dropout, for example, is for training only; otherwise scores cannot be reproduced.
    """
    model = subject.trained_model()
    ids = random_batch(2, 20)
    torch.manual_seed(1)
    first = logits_of(model, ids)
    torch.manual_seed(2)
    require_close(logits_of(model, ids), first, "the same logits with any global seed of torch", EXACT)


def check_model_state(subject: Subject) -> None:
    """The state consists of tensors, the batch first, and has the same form after each token.

    Prompts are read one by one and their states joined to a batch.
    """
    model = subject.trained_model(0)
    state = initial = model.initial_state(3)
    require_batch_first(initial, 3, "at first")
    for when, length in (("after four tokens", 4), ("after five tokens", 1)):
        _, state = in_chunks(model, random_batch(3, length), [length], state)
        first, later = form(initial), form(state)
        expect(first == later, f"a state of the same form {when}; got {later}, and {first} at first")
    predicted(model, random_batch(3, 4), join([model.initial_state(1), model.initial_state(2)]))


def check_model_joined_states(subject: Subject) -> None:
    """The states of prompts of different lengths, joined, continue as each does alone.

    That is how several prompts are continued at once.
    """
    model = subject.trained_model()
    prompts = [random_batch(1, length, seed=length) for length in (1, 2, 9, 30)]
    rest = random_batch(len(prompts), 12)
    states = [in_chunks(model, prompt, [prompt.shape[1]])[1] for prompt in prompts]
    for prompt, state in zip(prompts, states, strict=True):
        when = f"after {prompt.shape[1]} tokens"
        is_alike = form(state) == form(states[0])
        expect(is_alike, f"a state of the same form as after 1 token {when}; got {form(state)}")
        first, later = ([list(shape) for shape in shapes(each)] for each in (states[0], state))
        expect(
            first == later,
            f"a state of the same sizes after any prompt, so that they can be joined; got {first} "
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


def check_model_activations(subject: Subject) -> None:
    """`activations` has what units hold after each token that was read, and the state of `forward`.

    Otherwise `textgen look` says of units what they do not do.
    """
    model = subject.trained_model()
    skip_unless(hasattr(model, "activations"), "lacks activations, so nobody looks at its units")
    ids = random_batch(2, 40)
    whole, state = _held(model, ids, model.initial_state(2))
    first, between = _held(model, ids[:, :25], model.initial_state(2))
    require_close(first, whole[:, :25], "the same activations without the tokens that follow")
    rest, _ = _held(model, ids[:, 25:], between)
    require_close(rest, whole[:, 25:], "the activations of one pass when a state is carried on")
    following = random_batch(2, 5, seed=1)
    after = in_chunks(model, following, [5], state)[0]
    expected = logits_of(model, torch.cat([ids, following], 1))[:, 40:]
    require_close(after, expected, "the logits after forward from the state that activations returns")


@torch.inference_mode()
def _held(model: Any, ids: Tensor, state: State) -> tuple[Tensor, State]:
    with reworded("expected activations and a state;", PluginError):
        answer = bound(model).activations(ids, state)
    assert answer is not None
    return answer


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
