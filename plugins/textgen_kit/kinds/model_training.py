"""Checks of training, of saved weights and pretrained vectors, and of a model that refines its `base`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, State
from textgen.experiment.entry import recommended_training
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.nn.state import detach, tensors
from textgen.nn.weights import set_weights, weights_of
from textgen.registry.registry import PluginError
from textgen.runtime.device import DeviceConfig
from textgen.training.optimizer import without_compiler
from textgen_kit.checking import (
    EXACT,
    FAR_TOLERANCE,
    NUMPY_RANDOM,
    PYTHON_RANDOM,
    VOCAB_SIZE,
    CheckError,
    Subject,
    bound,
    expect,
    fit,
    in_chunks,
    logits_of,
    predicted,
    random_batch,
    require_close,
    reworded,
    skip_unless,
    some_ids,
    state_unchanged,
    trainer_of,
)
from textgen_kit.kinds.model import form

UNTRAINABLE = "has no trainable parameters"
LEAST_GAIN = 0.01
"""Nats per token by which some updates must lower the loss on an easy text."""
MAX_UPDATES = 100


def check_model_gradients(subject: Subject) -> None:
    """Within a few updates a gradient reaches every trainable parameter, even those of the first state.

    A parameter without a gradient never learns. Layers that begin with zeros block it at first.
    """
    model = subject.model().train()
    skip_unless(bound(model).is_trainable, UNTRAINABLE)
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = without_compiler(torch.optim.AdamW)(parameters.values(), lr=1e-3)
    missing = set(parameters)
    ids = torch.arange(8 * 21).view(8, 21) * 7 % VOCAB_SIZE  # all of them in each update
    for _ in range(3):
        # As in training, the first state belongs to the graph and a carried one does not.
        state = model.initial_state(8)
        for part in (ids[:, :11], ids[:, 10:]):
            loss, following = loss_of(model, part, state)
            expect(loss.requires_grad, "a loss with a gradient; it is detached")
            state = detach(following)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            gradients = {name: parameters[name].grad for name in missing}
            missing -= {
                name for name, each in gradients.items() if each is not None and (each.abs() > 0).any()
            }
    expect(not missing, f"a gradient for every parameter; none reaches {', '.join(sorted(missing))}")


def check_model_loss(subject: Subject) -> None:
    """`loss` is the mean cross-entropy of the logits in nats, and returns the same state as `forward`.

    It trains the model and chooses its best weights; the logits give the score. In training mode it may
    include a penalty; there it must be finite and have a gradient.
    """
    model = subject.trained_model()
    has_loss = callable(getattr(subject.component, "loss", None))  # a layer of this name is something else
    skip_unless(has_loss, "lacks loss, so it is computed from the logits")
    state = model.initial_state(3)
    for seed in (1, 2):
        ids = random_batch(3, 21, seed)
        with torch.inference_mode():
            logits, following = predicted(model, ids[:, :-1], state)
            loss, returned = loss_of(model, ids, state)
        cross_entropy = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        require_close(loss.float(), cross_entropy, f"a loss of {cross_entropy:.4f}, that of the logits")
        is_alike = form(returned) == form(following)
        expect(is_alike, "a state from loss of the same form as from forward; it has another form")
        for got, wanted in zip(tensors(returned), tensors(following), strict=True):
            require_close(got, wanted, "the state of forward from loss")
        state = following
    if bound(model).is_trainable:
        loss, _ = loss_of(model.train(), random_batch(3, 21, seed=3), model.initial_state(3))
        is_right = math.isfinite(loss.item()) and loss.requires_grad
        expect(is_right, f"a finite loss with a gradient in training mode; got {loss}")


def check_model_learns(subject: Subject) -> None:
    """Some updates on a repeating pattern lower the loss; after `fit`, predictions are not worse than chance.

    The updates are those of the real trainer, with the options that the model recommends.
    """
    model = subject.model()
    pattern = np.tile(np.array([3, 1, 4, 1, 5, 9, 2, 6], np.uint16), 300)
    row = torch.from_numpy(pattern[:201].astype(np.int64))[None]

    def nats() -> float:
        logits, _ = in_chunks(model.eval(), row[:, :-1], [200])
        return float(F.cross_entropy(logits[0], row[0, 1:]))

    if not bound(model).is_trainable:
        fit(model, pattern)
        after, chance = nats(), math.log(VOCAB_SIZE)
        expect(
            after < chance + LEAST_GAIN, f"less than {chance:.2f} nats per token after fit; got {after:.2f}"
        )
        return
    recommended = getattr(model, "recommended_training", {})
    easy = {"learning_rate": 0.01, **recommended, "batch_size": 8, "sequence_length": 16}
    before = nats()
    trainer = trainer_of(model, pattern, **easy)
    for update in range(1, MAX_UPDATES + 1):
        model.train()
        trainer.update(update / MAX_UPDATES)
        if update % 10 == 0 and nats() < before - LEAST_GAIN:
            return
    after = nats()
    expect(
        False,
        f"a loss that falls within {MAX_UPDATES} updates; it went from {before:.3f} to {after:.3f} "
        f"nats per token at a learning rate of {easy['learning_rate']}",
    )


def check_model_seed(subject: Subject) -> None:
    """The initial weights follow torch's global seed, and building a model does not set that seed.

    Otherwise runs with different seeds begin alike, or a run cannot be reproduced by its seed.
    """
    first, second = (subject.model().state_dict() for _ in range(2))
    names = [name for name in first if not torch.equal(first[name], second[name])]
    expect(not names, f"the same weights from the same seed; they differ in {', '.join(names)}")
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        subject.new()
        ends.append(torch.get_rng_state())
    is_set = torch.equal(*ends)
    expect(not is_set, "building not to set torch's global seed; it does, so all runs begin alike")


def check_model_randomness(subject: Subject) -> None:
    """It uses no global random state except torch's, and none in evaluation mode.

    Those of Python and numpy are not seeded, so a run could not be reproduced.
    """
    with state_unchanged("building or training the model", (PYTHON_RANDOM, NUMPY_RANDOM)):
        model = subject.trained_model()
    ids = random_batch(2, 10)
    with state_unchanged("forward in evaluation mode"):
        logits_of(model, ids)


def check_model_bf16(subject: Subject) -> None:
    """An update in bf16, by automatic mixed precision, gives a finite loss.

    Models are trained in bf16 where the hardware is fast at it.
    """
    model = subject.model().train()
    skip_unless(bound(model).is_trainable, UNTRAINABLE)
    ids = random_batch(4, 9)
    with DeviceConfig(torch.device("cpu"), "bf16").autocast():
        _, state = loss_of(model, ids, model.initial_state(4))
        loss, _ = loss_of(model, ids, detach(state))
    loss.backward()  # type: ignore[no-untyped-call]
    expect(math.isfinite(loss.item()), f"a finite loss in bf16; got {loss.item()}")


def check_model_training_mode(subject: Subject) -> None:
    """In training mode, too, logits depend neither on other rows nor on later tokens.

    A normalisation over the batch and over time reads them, and learns to predict with what it lacks later.
    """
    model = subject.trained_model().train()
    skip_unless(bound(model).is_trainable, UNTRAINABLE)
    for layer in model.modules():
        if "dropout" in type(layer).__name__.lower():
            layer.eval()
    weights = {name: value.clone() for name, value in model.state_dict().items()}

    def logits(ids: Tensor) -> Tensor:
        model.load_state_dict(weights)  # training mode may update buffers
        torch.manual_seed(0)  # for what is random besides the layers of dropout
        return predicted(model, ids, model.initial_state(len(ids)))[0].detach().float()

    ids = random_batch(4, 20)
    others, later = ids.clone(), ids.clone()
    others[1:], later[:, 10:] = random_batch(3, 20, seed=1), random_batch(4, 10, seed=2)
    expected = logits(ids)
    what = "the same logits of a row in training mode"
    require_close(logits(others)[:1], expected[:1], f"{what}, whatever the other rows are")
    require_close(logits(later)[:, :10], expected[:, :10], f"{what}, whatever tokens follow")


def check_model_recommended_training(subject: Subject) -> None:
    """`recommended_training` names training options, with values in their ranges.

    Otherwise training fails at its start.
    """
    is_given = getattr(subject.component, "recommended_training", None) is not None
    skip_unless(is_given, "lacks recommended_training")
    with reworded("expected valid training options;"):
        recommended_training(subject.component)


def loss_of(model: Any, ids: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the loss of all ids but the first and the next state.

    Raises `CheckError` if the model returns anything else.
    """
    with reworded("expected a loss and a state;", PluginError):
        return bound(model).loss(ids[:, :-1], ids[:, 1:], state)


VECTOR_SIZE = 24


def check_model_saved(subject: Subject) -> None:
    """Its weights, saved and loaded into a new model, predict the same.

    Anything missing from `state_dict` is lost when a run is saved and when its best weights are chosen.
    """
    what = "all that is learnt in state_dict, so that a model that loads it has the same logits"
    _require_equal_loaded(subject.trained_model(), subject.model(1), what)


def check_model_vectors(subject: Subject) -> None:
    """Pretrained vectors of any size are accepted, and make a difference.

    Otherwise the embedding in an entry's name has no effect.
    """
    skip_unless(ModelClass(subject.component).accepts_vectors, "takes no vectors")
    ids = random_batch(2, 10)
    models = [subject.model(vectors=some_vectors(seed, frozen=False)) for seed in (1, 2)]
    first, second = (logits_of(model, ids) for model in models)
    expect(not torch.equal(first, second), "different logits with different vectors; they are the same")


def check_model_frozen_vectors(subject: Subject) -> None:
    """Frozen vectors do not change during training.

    The option `frozen` of an embedding promises that.
    """
    skip_unless(ModelClass(subject.component).accepts_vectors, "takes no vectors")
    vectors = some_vectors(1, frozen=True)
    model = subject.model(vectors=vectors)
    before = _tables(model, vectors)
    skip_unless(bool(before), "keeps the vectors in another form, in which they cannot be compared")
    if bound(model).is_trainable:
        trainer = trainer_of(model, some_ids(200), batch_size=4, sequence_length=8)
        for _ in range(3):
            trainer.update(0.5)
    weights = model.state_dict()
    unchanged = [name for name, rows in before.items() if torch.equal(weights[name][vectors.found], rows)]
    is_frozen = bool(unchanged)
    expect(is_frozen, f"frozen vectors to stay the same in training; {', '.join(before)} changes")


def check_model_saved_vectors(subject: Subject) -> None:
    """The weights of a model with vectors load into one with empty vectors of the same size.

    That is how a saved run is loaded, without the embedding.
    """
    skip_unless(ModelClass(subject.component).accepts_vectors, "takes no vectors")
    nothing = torch.zeros(VOCAB_SIZE, dtype=torch.bool)
    for frozen in (False, True):
        model = subject.trained_model(vectors=some_vectors(1, frozen))
        empty = PretrainedVectors(torch.zeros(VOCAB_SIZE, VECTOR_SIZE), nothing, frozen)
        what = "the same logits from a model with vectors after it was loaded"
        _require_equal_loaded(model, subject.model(1, vectors=empty), what)


def some_vectors(seed: int, frozen: bool) -> PretrainedVectors:
    """Return vectors for the first half of the vocabulary."""
    table = torch.randn(VOCAB_SIZE, VECTOR_SIZE, generator=torch.Generator().manual_seed(seed))
    found = torch.arange(VOCAB_SIZE) < VOCAB_SIZE // 2
    return PretrainedVectors(torch.where(found[:, None], table, 0.0), found, frozen)


def _require_equal_loaded(model: Any, new: Any, what: str) -> None:
    """Load the weights of a model into a new one the way a saved run is loaded, and compare their logits."""
    with reworded("expected weights that load into a new model; got:", RuntimeError):
        set_weights(new, load(save(weights_of(model))))
    ids = random_batch(2, 20)
    require_close(logits_of(new, ids), logits_of(model, ids), what)


def _tables(model: Any, vectors: PretrainedVectors) -> dict[str, Tensor]:
    """Return the rows of the vectors in each weight that holds them, up to a factor."""
    rows = {
        name: value[vectors.found].clone()
        for name, value in model.state_dict().items()
        if value.shape == vectors.table.shape and value.is_floating_point()
    }
    wanted = vectors.table[vectors.found]
    likeness = {name: F.cosine_similarity(value.float(), wanted) for name, value in rows.items()}
    return {name: rows[name] for name in rows if float(likeness[name].min()) > 0.999}


LENGTH = 200


class _TwoBack(nn.Module):
    """A base whose state matters: it predicts from the last two tokens."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", 2 * torch.randn(2, VOCAB_SIZE, VOCAB_SIZE))

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, dtype=torch.int64)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.cat((state[:, None], ids), dim=1)
        return self.table[0][ids] + self.table[1][before[:, :-1]], before[:, -1]


class _Base(LanguageModel):
    """The adapter that a refinement gets as its `base`."""

    def __call__(self, *_: object) -> None:
        raise CheckError("expected base.forward(ids, state); the base, no torch module, is called itself")


def check_model_refinement(subject: Subject) -> None:
    """With a `base` it is a causal distribution, and its step and chunks agree with `forward`.

    So it is before and after `fit_held_out`, and the state of the base is part of its own.

    A refinement that forgets the base's state, or what it read, is scored by one model and writes by another.
    """
    skip_unless(ModelClass(subject.component).accepts_base, "no argument base")
    torch.manual_seed(0)
    base = _Base(_TwoBack().eval(), VOCAB_SIZE)
    model = subject.model(base=base)
    fit(model, some_ids(2000))
    ids = some_ids_in_rows()
    for when in ("", " after fit_held_out"):
        if when:
            bound(model).fit_held_out([row.numpy() for row in ids])
        whole = logits_of(model, ids)
        sums = whole.float().logsumexp(-1) if bound(model).is_normalized else whole.new_zeros(())
        expect(bool(whole.isfinite().all()), f"finite logits{when}; some are not")
        expect(float(sums.abs().max()) < 1e-3, f"probabilities that sum to 1{when}; they do not")
        chunks, _ = in_chunks(model, ids, [1, 3, 60, LENGTH - 64])
        require_close(chunks, whole, f"the logits of one pass in chunks{when}", FAR_TOLERANCE)
        others = torch.cat([ids[:, : LENGTH // 2], random_batch(2, LENGTH // 2, seed=1)], 1)
        same = logits_of(model, others)[:, : LENGTH // 2]
        what = f"the same logits when later tokens change{when}"
        require_close(same, whole[:, : LENGTH // 2], what, EXACT)
        step, state = bound(model).prepare_step(torch.float32), model.initial_state(2)
        for time in range(20):
            with torch.inference_mode():
                logits, state = step(ids[:, time], state)
            require_close(
                logits.log_softmax(-1),
                whole[:, time].log_softmax(-1),
                f"the logits of forward in step {time}{when}",
                FAR_TOLERANCE,
            )


def some_ids_in_rows() -> Tensor:
    """Return ids [2, LENGTH] in which much comes back."""
    ids = torch.from_numpy(some_ids(2 * LENGTH).astype("int64")).view(2, LENGTH)
    ids[:, LENGTH // 2 :] = ids[:, : LENGTH - LENGTH // 2]
    return ids
