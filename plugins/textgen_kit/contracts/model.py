"""Checks of models: the same logits however a text is read, training, weights, and refining a base."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, State, TokenIds
from textgen.evaluation.prediction_checks import MAX_NORMALIZATION_ERROR
from textgen.evaluation.token_bits import bits_and_error
from textgen.experiment.entry import recommended_training
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.nn.state import join, select_rows, shapes, tensors
from textgen.nn.weights import set_weights, weights_of
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen_kit.subject import VOCAB_SIZE, CheckError, Subject, expect, shown, skip_unless

CPU = torch.device("cpu")
LENGTH, FAR = 600, 3000
EDGES = (64, 128, 512)
"""Positions where windows, blocks and buffers of models often end."""
TOLERANCE, FAR_TOLERANCE, EXACT = 1e-4, 1e-3, 1e-6
"""Allowed difference of logits computed in another order, nearby and after hundreds of tokens, or in the same
order; relative to the largest one if that exceeds 1."""
LOOSE = 0.1
"""Allowed error of log-probabilities in bf16, relative to how much they vary."""
LEAST_GAIN = 0.01
"""Nats per token by which updates must lower the loss on an easy text."""
NUM_UPDATES = 60


def new_model(subject: Subject, torch_seed: int = 0, **options: Any) -> Any:
    """Return a new model in evaluation mode, built with torch's global random seed `torch_seed`."""
    with seeded(torch_seed, CPU):
        return subject.new(**options).eval()


def trained(model: Any, num_updates: int = 3) -> Any:
    """Train a model a little, so that no layer outputs only zeros, or fit it; return it for evaluation."""
    if bound(model).is_trainable:
        require_batch_first(model.initial_state(2), 2, "at first")
        bound(model).try_out()  # raises before training would
        train(model, some_ids(100), num_updates, batch_size=4, sequence_length=8, optimizer="adamw")
    elif bound(model).can_fit:  # a refinement may lack it
        bound(model).fit(some_ids(2000))
    return model.eval()


def train(model: nn.Module, ids: TokenIds, num_updates: int, precision: str = "fp32", **options: Any) -> None:
    """Train a model on `ids` by textgen's own trainer, with these training `options`."""
    chosen = TrainOptions(**options)
    batches = ContiguousBatches(ids, chosen.most_streams, chosen.longest_sequence, seed=0)
    trainer = Trainer(bound(model.train()), batches, chosen, DeviceConfig(CPU, precision), seed=0)
    for update in range(1, num_updates + 1):
        trainer.update(update / (num_updates + 1))


def bound(model: nn.Module) -> LanguageModel:
    """Return a model in the adapter that textgen uses, which raises `PluginError` for a wrong answer."""
    return LanguageModel(model, VOCAB_SIZE)


def some_ids(count: int) -> NDArray[np.uint16]:
    """Return token ids, each of which depends on the one before, in a small type as in textgen."""
    steps = np.random.default_rng(0).choice([1, 1, 1, 2, 17], count)
    return (np.cumsum(steps) % VOCAB_SIZE).astype(np.uint16)


def random_batch(batch_size: int, length: int, seed: int = 0) -> Tensor:
    """Return ids [batch_size, length] with all tokens equally likely."""
    return torch.randint(VOCAB_SIZE, (batch_size, length), generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def read(model: Any, ids: Tensor, sizes: int | list[int] = FAR, state: State = None) -> tuple[Tensor, State]:
    """Return the logits of all positions, computed in chunks of these sizes, and the last state.

    Without a `state`, the initial one is used.
    """
    state = model.initial_state(len(ids)) if state is None else state
    parts = []
    for chunk in torch.split(ids, sizes, dim=1):
        logits, state = bound(model).forward(chunk, state)
        require_batch_first(state, len(ids), f"after {chunk.shape[1]} more tokens")
        parts.append(logits.float())
    return torch.cat(parts, dim=1), state


@torch.inference_mode()
def by_steps(
    model: Any, ids: Tensor, num_read: int, dtype: torch.dtype = torch.float32, places: Tensor | None = None
) -> Tensor:
    """Return the logits of all tokens but the first `num_read`, which `forward` reads, step by step.

    With `places` [batch, steps], a row reads the token at its place after those; while that stays the same,
    it continues from the same state.
    """
    step, state = bound(model).prepare_step(dtype), read(model, ids[:, :num_read])[1]
    steps = torch.arange(ids.shape[1] - num_read).expand(len(ids), -1) if places is None else places
    logits: list[Tensor] = []
    for now, later in zip(steps.T, [*steps.T[1:], steps.T[-1]], strict=True):
        following, after = step(ids.gather(1, num_read + now[:, None])[:, 0], state)
        if places is not None and logits:
            expect(shapes(after) == shapes(state), "a state of fixed sizes from the step")
            after = select_rows(now != later, after, state)
        state = after
        logits.append(following.float())
    return torch.stack(logits, 1)


def require_batch_first(state: State, batch_size: int, when: str) -> None:
    """Raise `CheckError` unless a state consists of tensors, or nothing, with the batch first."""
    if isinstance(state, (dict, tuple, list)):
        for part in state.values() if isinstance(state, dict) else state:
            require_batch_first(part, batch_size, when)
    elif state is not None:
        expect(isinstance(state, Tensor), f"tensors in the state {when}; got {type(state).__name__}")
        is_first, shape = state.ndim > 0 and len(state) == batch_size, list(state.shape)
        expect(is_first, f"the batch ({batch_size}) as first dimension of the state {when}; got {shape}")


def require_close(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Raise `CheckError` unless two tensors are equal up to `tolerance`, relative above 1."""
    if expected.numel():
        difference = float((found.double() - expected.double()).abs().max())
        allowed = tolerance * max(1.0, float(expected.abs().max()))
        expect(difference <= allowed, f"{what}; they differ by {difference:.2g}")


def form(state: State) -> Any:
    """Return the form of a state: types, keys and numbers of dimensions, without sizes."""
    if isinstance(state, dict):
        return {key: form(value) for key, value in state.items()}
    if isinstance(state, (tuple, list)):
        return type(state).__name__, [form(value) for value in state]
    return f"{state.ndim}-dimensional" if isinstance(state, Tensor) else type(state).__name__


def require_model(model: Any) -> None:
    """Raise `CheckError` unless a model is a torch module that can be trained, fitted, or refine another."""
    expect(isinstance(model, nn.Module), f"a torch.nn.Module; got {shown(model)}")
    refines = ModelClass(type(model)).accepts_base
    is_right = not (refines and list(model.parameters()))
    expect(is_right, "no parameters, since only the base is trained; got some: make them buffers")
    can_learn = refines or bound(model).is_trainable or bound(model).can_fit
    expect(can_learn, "parameters that require gradients, fit(ids), or an argument base to refine; got none")


def use(model: Any) -> None:
    """Train a model, predict and generate."""
    try:
        ids = random_batch(2, 6)
        by_steps(trained(model, 1), ids, 1)
        bound(model.train()).loss(ids, ids, model.initial_state(2))
    except AttributeError as error:
        if ModelClass(type(model)).accepts_base:
            error.add_note("while its base is None, as it may be")
        raise


def check_shapes(model: Any) -> None:
    """Ids [batch, time] give logits [batch, time, vocab_size] and a state with the batch first."""
    for batch_size, length in ((1, 1), (1, 7), (3, 1), (4, 20)):
        require_batch_first(model.initial_state(batch_size), batch_size, "initially")
        read(model, random_batch(batch_size, length))


def check_probabilities(model: Any) -> None:
    """Logits are finite, and log-probabilities if `is_normalized` is true, also far into a text."""
    for what, ids, size in (
        ("random tokens", random_batch(1, FAR), FAR // 6),
        ("one repeated token", torch.full((1, LENGTH), VOCAB_SIZE - 1), LENGTH),
        ("single tokens", random_batch(1, 40), 1),
    ):
        logits, _ = read(model, ids, size)
        first = int((~logits.isfinite()).any(-1)[0].int().argmax())
        is_finite = bool(logits.isfinite().all())
        expect(is_finite, f"finite logits for {what}; from token {first} some are infinite or NaN")
        are_shares = bool((logits >= 0).all() and ((logits.sum(-1) - 1).abs() < LOOSE).all())
        expect(
            not are_shares,
            f"logits for {what}; got probabilities (non-negative, each row sums to 1): remove the softmax, "
            "or return their logarithm and set is_normalized = True",
        )
        some, is_normalized = torch.zeros(logits.shape[:-1], dtype=torch.int64), bound(model).is_normalized
        _, error = bits_and_error(logits, some, is_normalized=is_normalized)
        rule = "since is_normalized is true"
        is_right = error <= MAX_NORMALIZATION_ERROR
        expect(
            is_right, f"log-probabilities for {what}, {rule}; a sum of probabilities is off by {error:.1g}"
        )


def check_pure(model: Any) -> None:
    """The same ids and state give the same logits again, with any random seed and whatever was read since."""
    ids, rest = random_batch(2, 10), random_batch(2, 5, seed=1)
    _, state = read(model, ids)
    first, _ = read(model, rest, state=state)
    for seed in (0, 1):
        torch.manual_seed(seed)
        again, _ = read(model, rest, state=state)
        require_close(again, first, "the same logits for the same ids and state", EXACT)
        read(model, ids)


def check_causal(model: Any) -> None:
    """A token's logits do not depend on later tokens."""
    for ids, places in ((random_batch(2, 20), (1, 10, 19)), (random_batch(1, LENGTH), (*EDGES, LENGTH - 1))):
        whole, _ = read(model, ids)
        others = (ids + 1 + random_batch(len(ids), ids.shape[1], seed=1) % (VOCAB_SIZE - 1)) % VOCAB_SIZE
        for place in places:
            logits, _ = read(model, torch.cat([ids[:, :place], others[:, place:]], 1))
            what = f"the same logits before token {place} when the tokens from there change"
            require_close(logits[:, :place], whole[:, :place], what, EXACT)


def check_chunks(model: Any) -> None:
    """A text in chunks has the same logits as in one pass, since the state is carried."""
    around = [edge + step for edge in EDGES for step in range(-4, 5)]
    for length, *cuts in ((60, range(1, 60), [7, 8, 28], [59]), (LENGTH, EDGES, around, [1])):
        ids = random_batch(2, length)
        whole, tolerance = read(model, ids)[0], TOLERANCE if length < LENGTH else FAR_TOLERANCE
        for ends in cuts:
            sizes = [end - begin for begin, end in zip([0, *ends], [*ends, length], strict=True)]
            what = f"the logits of one pass over {length} tokens in chunks of {shown(sizes, 40)}"
            require_close(read(model, ids, sizes)[0], whole, what, tolerance)


def check_batch(model: Any) -> None:
    """A row alone has the same logits as in a batch."""
    ids = random_batch(4, 20)
    alone = torch.cat([read(model, row[None])[0] for row in ids])
    require_close(read(model, ids)[0], alone, "the logits of each row alone in a batch of 4")


def check_state(model: Any) -> None:
    """The state keeps its form (types, keys, dimensions); those after prompts of any length can be joined."""
    texts, initial = random_batch(4, 42), form(model.initial_state(1))
    whole, _ = read(model, texts)
    starts, states, rests = (1, 2, 9, 30), [], []
    for text, start in zip(texts, starts, strict=True):
        states.append(read(model, text[None, :start])[1])
        rests.append(slice(start, start + 12))
        found = form(states[-1])
        expect(found == initial, f"a state of the same form after {start} tokens; got {found}, not {initial}")
        first, later = ([list(shape) for shape in shapes(each)] for each in (states[0], states[-1]))
        expect(
            first == later,
            f"a state of the same sizes after any prompt, so that they can be joined; got {first} after 1 "
            f"token and {later} after {start}; give tensors that grow a fixed size",
        )
    rest, alone = (
        torch.stack([row[part] for row, part in zip(each, rests, strict=True)]) for each in (texts, whole)
    )
    together, _ = read(model, rest, [1, 11], join(states))
    require_close(together, alone, "the logits of each prompt alone after their states were joined")


def check_step(model: Any) -> None:
    """`prepare_step` predicts as `forward` does, nearly so in bf16; a row can wait while others continue."""
    skip_unless(hasattr(model, "prepare_step"), "has no prepare_step, so generation uses forward")
    ids = random_batch(2, 520)
    whole, _ = read(model, ids)
    for num_read in (1, 25, 120, 505):  # over 128 and 512, where buffers often end
        stepped = by_steps(model, ids[:, : num_read + 15], num_read)
        what = f"the logits of forward from steps after {num_read} tokens"
        tolerance = TOLERANCE if num_read < 100 else FAR_TOLERANCE
        require_close(stepped, whole[:, num_read : num_read + 15], what, tolerance)
    places = torch.tensor([[0, 1, 2, 3, 4, 5], [0, 1, 1, 2, 2, 3]])  # while n-grams spell a word in a row
    waiting = by_steps(model, ids[:, :12], 4, places=places)
    what = "the logits of the same step after a row continued from an earlier state"
    require_close(waiting, whole[torch.arange(2)[:, None], 4 + places], what)
    expected = whole[:, 5:25].log_softmax(-1)
    stepped = by_steps(model, ids[:, :25], 5, torch.bfloat16).log_softmax(-1)
    off, size = (
        float(each.square().mean()) ** 0.5 for each in (stepped - expected, expected - expected.mean())
    )
    what = "nearly the log-probabilities of forward from steps in bf16"
    expect(off <= LOOSE * size + 1e-3, f"{what}; they vary by {size:.2g} and are off by {off:.2g}")


def check_loss(model: Any) -> None:
    """`loss` is the mean cross-entropy in nats, in training perhaps with a penalty, with forward's state."""
    has_loss = callable(getattr(type(model), "loss", None))  # a layer of this name is something else
    skip_unless(has_loss, "has no loss, so it is computed from the logits")
    ids, state = random_batch(3, 21), model.initial_state(3)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    for _ in range(2):
        logits, following = read(model, inputs, state=state)
        with torch.inference_mode():
            loss, returned = bound(model).loss(inputs, targets, state)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        require_close(loss.float(), cross_entropy, f"a loss of {cross_entropy:.4f}, that of the logits")
        is_alike = form(returned) == form(following)
        expect(is_alike, "a state from loss of the same form as from forward; it has another form")
        for got, wanted in zip(tensors(returned), tensors(following), strict=True):
            require_close(got, wanted, "the state of forward from loss")
        state = following
    if bound(model.train()).is_trainable:
        loss, _ = bound(model).loss(inputs, targets, model.initial_state(3))
        is_right = math.isfinite(loss.item()) and loss.requires_grad
        expect(is_right, f"a finite loss with a gradient in training mode; got {loss}")


def check_learns(subject: Subject) -> None:
    """Updates in bf16, with the options in `recommended_training`, lower the loss; `fit` beats chance."""
    model, recommended = new_model(subject), recommended_training(subject.component)
    pattern = np.tile(np.array([3, 1, 4, 1, 5, 9, 2, 6], np.uint16), 300)
    row = torch.from_numpy(pattern[:201].astype(np.int64))[None]
    least, what = math.log(VOCAB_SIZE) + 2 * LEAST_GAIN, "fit"

    def nats() -> float:
        return float(F.cross_entropy(read(model.eval(), row[:, :-1])[0][0], row[0, 1:]))

    if bound(model).is_trainable:
        easy = {"learning_rate": 0.01, **recommended, "batch_size": 8, "sequence_length": 16}
        least, what = nats(), f"{NUM_UPDATES} updates at a learning rate of {easy['learning_rate']}"
        train(model, pattern, NUM_UPDATES, "bf16", **easy)
    elif bound(model).can_fit:
        bound(model).fit(pattern)
    after = nats()
    expect(after < least - LEAST_GAIN, f"less than {least:.3f} nats per token after {what}; got {after:.3f}")


def check_seed(subject: Subject) -> None:
    """The initial weights follow torch's global seed, and building a model does not set that seed."""
    first, second = (new_model(subject).state_dict() for _ in range(2))
    names = [name for name in first if not torch.equal(first[name], second[name])]
    expect(not names, f"the same weights from the same seed; they differ in {', '.join(names)}")
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        subject.new()
        ends.append(torch.get_rng_state())
    is_set = torch.equal(*ends)
    expect(not is_set, "building not to set torch's global seed; it does, so all runs start alike")


def check_saved(subject: Subject) -> None:
    """Its weights, saved and loaded into a new model, predict the same."""
    what = "all that is learnt in state_dict, so that a loaded model has the same logits"
    require_same_loaded(trained(new_model(subject)), new_model(subject, 1), what)


def check_vectors(subject: Subject) -> None:
    """Pretrained vectors make a difference, stay the same if frozen, and are saved as weights."""
    skip_unless(ModelClass(subject.component).accepts_vectors, "takes no vectors")
    models = [new_model(subject, vectors=some_vectors(seed, frozen=False)) for seed in (1, 2)]
    first, second = (read(model, random_batch(2, 10))[0] for model in models)
    expect(not torch.equal(first, second), "different logits with different vectors; they are the same")
    for frozen in (False, True):
        vectors, empty = some_vectors(1, frozen), some_vectors(None, frozen)
        model = new_model(subject, vectors=vectors)
        state, shape = model.state_dict(), vectors.table.shape
        before = {name: each[vectors.found] for name, each in state.items() if each.shape == shape}
        after = trained(model).state_dict()
        is_kept = any(torch.equal(after[name][vectors.found], rows) for name, rows in before.items())
        names = ", ".join(before)
        expect(
            is_kept or not before or not frozen,
            f"frozen vectors to stay the same; {names} changes in training",
        )
        what = "the same logits from a model with vectors after it was loaded"
        require_same_loaded(model, new_model(subject, 1, vectors=empty), what)


def some_vectors(seed: int | None, frozen: bool) -> PretrainedVectors:
    """Return vectors for the first half of the vocabulary; none, as when a run is loaded, without a seed."""
    found = torch.arange(VOCAB_SIZE) < (0 if seed is None else VOCAB_SIZE // 2)
    table = torch.randn(VOCAB_SIZE, 24, generator=torch.Generator().manual_seed(seed or 0))
    return PretrainedVectors(torch.where(found[:, None], table, 0.0), found, frozen)


def require_same_loaded(model: Any, new: Any, what: str) -> None:
    """Load the weights of a model into a new one the way a saved run is loaded, and compare their logits."""
    try:
        set_weights(new, load(save(weights_of(model))))
    except RuntimeError as error:
        raise CheckError(f"expected weights that load into a new model; got: {error}") from error
    ids = random_batch(2, 20)
    require_close(read(new, ids)[0], read(model, ids)[0], what)


class _TwoBack(nn.Module):
    """A base whose state matters: it predicts from the last two tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", 2 * torch.randn(2, VOCAB_SIZE, VOCAB_SIZE))

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, dtype=torch.int64)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.cat((state[:, None], ids), dim=1)
        return self.table[0, ids] + self.table[1, before[:, :-1]], before[:, -1]  # type: ignore[index]


class _Base(LanguageModel):
    """The adapter that a refinement gets as its `base`."""

    def __call__(self, *_: object) -> None:
        raise CheckError("expected base.forward(ids, state); the base is no torch module, so not callable")


def check_refinement(subject: Subject) -> None:
    """With a `base`, before and after `fit_held_out`, it keeps what it promises without one."""
    skip_unless(ModelClass(subject.component).accepts_base, "has no argument base")
    torch.manual_seed(0)
    model, text = new_model(subject, base=_Base(_TwoBack().eval(), VOCAB_SIZE)), np.tile(some_ids(50), 4)
    for learn in (trained, lambda model: bound(model).fit_held_out([text, text[::-1].copy()])):
        learn(model)
        for promise in (check_probabilities, check_causal, check_chunks):
            promise(model)
        ids = random_batch(2, 20)
        stepped, whole = by_steps(model, ids, 1), read(model, ids)[0][:, 1:]
        require_close(stepped, whole, "the logits of forward in steps", FAR_TOLERANCE)


def of_trained(function: Callable[[Any], None]) -> Callable[[Subject], None]:
    """Return the check of a model as one of a subject, whose model is trained a little."""

    @wraps(function)
    def checked(subject: Subject) -> None:
        function(trained(new_model(subject)))

    return checked


CHECKS = (
    *map(of_trained, (check_shapes, check_probabilities, check_pure, check_causal, check_chunks)),
    *map(of_trained, (check_batch, check_state, check_step, check_loss)),
    check_learns,
    check_seed,
    check_saved,
    check_vectors,
    check_refinement,
)
