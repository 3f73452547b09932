"""The checks of how models learn and are saved: gradients, losses, files, randomness, pretrained vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F

from textgen.api import InputVectors, TextgenError, TokenIds
from textgen.entry import accepts_vectors
from textgen.options import declared_options
from textgen.state import detach, tensors
from textgen.testing.building import (
    VOCAB_SIZE,
    built_model,
    in_chunks,
    is_trainable,
    logits_of,
    random_batch,
    some_ids,
    trained_model,
    trainer_of,
)
from textgen.testing.exam import check
from textgen.testing.expectations import CheckError, CheckSkipped, require
from textgen.testing.model import require_close, structure
from textgen.testing.randomness import untouched
from textgen.train import TrainOptions, sequence_loss

VECTOR_SIZE = 24
LEAST_GAIN = 0.01
"""In nats: the least that some updates on an easy text must teach."""


@check("model")
def check_model_gradients(component: Any, /, **options: Any) -> None:
    """Within three updates a gradient reaches every trainable parameter.

    One that none reaches never learns. Layers that begin with zeros keep it from others at first.
    """
    model = trainable(built_model(component, **options)).train()
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3)
    missing = set(parameters)
    ids = torch.arange(8 * 61).view(8, 61) * 7 % VOCAB_SIZE  # all of them in each update
    state = model.initial_state(8)
    for inputs, targets in zip(ids[:, :-1].chunk(3, 1), ids[:, 1:].chunk(3, 1), strict=True):
        loss, state = sequence_loss(model, inputs, targets, detach(state))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        missing -= {name for name in missing if _has_gradient(parameters[name])}
    require(
        not missing, f"expected a gradient for every parameter; none reaches {', '.join(sorted(missing))}"
    )


@check("model")
def check_model_loss(component: Any, /, **options: Any) -> None:
    """`loss` is the mean cross-entropy of the logits in nats, and returns the same state as `forward`.

    By it a model is trained and its best weights are chosen; by the logits it is scored.
    """
    model = trained_model(component, **options)
    if not hasattr(model, "loss"):
        raise CheckSkipped("has no loss, so it is computed from the logits")
    state = model.initial_state(3)
    for seed in (1, 2):
        ids = random_batch(3, 21, seed)
        inputs, targets = ids[:, :-1], ids[:, 1:]
        with torch.inference_mode():
            logits, following = model(inputs, state)
            loss, found = model.loss(inputs, targets, state)
        require(loss.shape == (), f"expected one number as the loss; got shape {list(loss.shape)}")
        cross_entropy = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        require_close(loss.float(), cross_entropy, f"a loss of {cross_entropy:.4f}, that of the logits")
        is_alike = structure(found) == structure(following)
        require(is_alike, "expected a state from loss built as that from forward; it is built otherwise")
        for one, other in zip(tensors(found), tensors(following), strict=True):
            require_close(one, other, "the state of forward from loss")
        state = following


@check("model")
def check_model_learns(component: Any, /, **options: Any) -> None:
    """Some updates on a pattern that repeats lower the loss; `fit` makes no prediction worse than chance.

    Updates are those of the real trainer, with the options that the model recommends.
    """
    model = built_model(component, **options)
    if not is_trainable(model) and not hasattr(model, "fit"):
        raise CheckSkipped("cannot be trained, see model-trainable")
    pattern = np.tile(np.array([3, 1, 4, 1, 5, 9, 2, 6], np.uint16), 300)
    if not is_trainable(model):
        model.fit(pattern)
        nats = _nats(model, pattern[:200])
        chance = math.log(VOCAB_SIZE)
        require(
            nats < chance + LEAST_GAIN,
            f"expected less than {chance:.2f} nats a token after fit; got {nats:.2f}",
        )
        return
    recommended = getattr(model, "recommended_training", {})
    easy = {"batch_size": 8, "sequence_length": 16, "learning_rate": 0.01}
    trainer = trainer_of(model, pattern, **{**recommended, **easy})
    losses = [trainer.update(update / 10) for update in range(1, 11)]
    first, last = losses[0], sum(losses[-3:]) / 3
    require(last < first - LEAST_GAIN, f"expected a loss that falls; it went from {first:.3f} to {last:.3f}")


@check("model")
def check_model_saved(component: Any, /, **options: Any) -> None:
    """Its weights, saved and loaded into a new model, predict the same.

    What is not in `state_dict` is lost when a run is saved, and when its best weights are chosen.
    """
    model, loaded = trained_model(component, **options), built_model(component, 1, **options)
    _load(loaded, model)
    ids = random_batch(2, 20)
    what = "the same logits from a model and from the one its weights were loaded into"
    require_close(logits_of(loaded, ids), logits_of(model, ids), what)


@check("model")
def check_model_seed(component: Any, /, **options: Any) -> None:
    """The weights follow torch's global seed, which building a model does not set.

    Else runs with other seeds begin alike, or one with the same seed cannot be had again.
    """
    one, other = (built_model(component, **options).state_dict() for _ in range(2))
    names = [name for name in one if not torch.equal(one[name], other[name])]
    require(not names, f"expected the same weights from the same seed; they differ in {', '.join(names)}")
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        component(VOCAB_SIZE, **options)
        ends.append(torch.get_rng_state())
    is_set = torch.equal(*ends)
    require(not is_set, "expected building to leave torch's global seed; it sets it, so all runs begin alike")


@check("model")
def check_model_randomness(component: Any, /, **options: Any) -> None:
    """It draws from no global random state but torch's, and in evaluation mode from none.

    Those of Python and numpy are not seeded, so a run could not be had again.
    """
    with untouched("building or training the model", ("random", "numpy")):
        model = trained_model(component, **options)
    ids = random_batch(2, 10)
    with untouched("forward in evaluation mode"):
        logits_of(model, ids)


@check("model")
def check_model_bf16(component: Any, /, **options: Any) -> None:
    """An update in bf16, by automatic mixed precision, gives a finite loss.

    So it is trained where the hardware is fast at it.
    """
    model = trainable(built_model(component, **options)).train()
    ids = random_batch(4, 9)
    with torch.autocast("cpu", torch.bfloat16):
        loss, state = sequence_loss(model, ids[:, :-1], ids[:, 1:], model.initial_state(4))
        loss, _ = sequence_loss(model, ids[:, :-1], ids[:, 1:], detach(state))
    loss.backward()  # type: ignore[no-untyped-call]
    require(math.isfinite(loss.item()), f"expected a finite loss in bf16; got {loss.item()}")


@check("model")
def check_model_recommended_training(component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """`recommended_training` names options of training, with values in their ranges.

    Others are errors when the training begins.
    """
    recommended = getattr(component, "recommended_training", None)
    if recommended is None:
        raise CheckSkipped("recommends no options of training")
    is_mapping = isinstance(recommended, Mapping)
    require(is_mapping, f"expected a dictionary in recommended_training; got {type(recommended).__name__}")
    declared = declared_options(TrainOptions)
    for name, value in recommended.items():
        require(name in declared, f"expected options of training in recommended_training; got {name!r}")
        try:
            declared[name].parse("recommended_training", str(value))
        except TextgenError as error:
            raise CheckError(f"expected a valid value in recommended_training; got: {error}") from error


@check("model")
def check_model_vectors(component: Any, /, **options: Any) -> None:
    """Pretrained vectors of any size are accepted, and make a difference.

    An embedding in an entry's name would else be without effect.
    """
    need_vectors(component)
    ids = random_batch(2, 10)
    found = []
    for seed in (1, 2):
        model = built_model(component, **options, vectors=some_vectors(seed, frozen=False))
        found.append(logits_of(model, ids))
        shape = (2, 10, VOCAB_SIZE)
        is_right = found[-1].shape == shape
        require(is_right, f"expected logits {list(shape)} with vectors; got {list(found[-1].shape)}")
    require(not torch.equal(*found), "expected other logits with other vectors; they are the same")


@check("model")
def check_model_frozen_vectors(component: Any, /, **options: Any) -> None:
    """Frozen vectors stay as they are during training.

    That is what the option `frozen` of an embedding promises.
    """
    need_vectors(component)
    vectors = some_vectors(1, frozen=True)
    model = built_model(component, **options, vectors=vectors)
    before = _tables(model, vectors)
    if not before:
        raise CheckSkipped("keeps the vectors in another form, in which they cannot be followed")
    if is_trainable(model):
        trainer = trainer_of(model, some_ids(200), batch_size=4, sequence_length=8)
        for _ in range(3):
            trainer.update(0.5)
    weights = model.state_dict()
    kept = [name for name, rows in before.items() if torch.equal(weights[name][vectors.found], rows)]
    require(bool(kept), f"expected frozen vectors to stay in training; {', '.join(before)} changes")


@check("model")
def check_model_saved_vectors(component: Any, /, **options: Any) -> None:
    """The weights of a model with vectors load into one with empty vectors of the same size.

    So a saved run is read, without the embedding.
    """
    need_vectors(component)
    ids = random_batch(2, 10)
    for frozen in (False, True):
        model = trained_model(component, **options, vectors=some_vectors(1, frozen))
        nothing = torch.zeros(VOCAB_SIZE, dtype=torch.bool)
        empty = InputVectors(torch.zeros(VOCAB_SIZE, VECTOR_SIZE), nothing, frozen)
        loaded = built_model(component, 1, **options, vectors=empty)
        _load(loaded, model)
        what = "the same logits from a model with vectors after it was loaded"
        require_close(logits_of(loaded, ids), logits_of(model, ids), what)


def trainable(model: Any) -> Any:
    """Return the model; raises `CheckSkipped` if it is not trained by gradient."""
    if not is_trainable(model):
        raise CheckSkipped("has no trainable parameters")
    return model


def need_vectors(component: Any) -> None:
    """Raise `CheckSkipped` if a model takes no pretrained vectors."""
    if not accepts_vectors(component):
        raise CheckSkipped("takes no vectors")


def some_vectors(seed: int, frozen: bool) -> InputVectors:
    """Return vectors for the first half of the vocabulary."""
    table = torch.randn(VOCAB_SIZE, VECTOR_SIZE, generator=torch.Generator().manual_seed(seed))
    found = torch.arange(VOCAB_SIZE) < VOCAB_SIZE // 2
    return InputVectors(torch.where(found[:, None], table, 0.0), found, frozen)


def _load(model: Any, source: Any) -> None:
    """Load the weights of `source` as a saved run is loaded."""
    weights = {name: value.contiguous() for name, value in source.state_dict().items()}
    model.load_state_dict(load(save(weights)))


def _tables(model: Any, vectors: InputVectors) -> dict[str, Tensor]:
    """Return the rows of the vectors in each weight that holds them, up to a factor."""
    rows = {
        name: value[vectors.found].clone()
        for name, value in model.state_dict().items()
        if value.shape == vectors.table.shape and value.is_floating_point()
    }
    wanted = vectors.table[vectors.found]
    likeness = {name: F.cosine_similarity(value.float(), wanted) for name, value in rows.items()}
    return {name: rows[name] for name in rows if float(likeness[name].min()) > 0.999}


def _has_gradient(parameter: Tensor) -> bool:
    return parameter.grad is not None and bool(parameter.grad.abs().max() > 0)


def _nats(model: Any, ids: TokenIds) -> float:
    row = torch.from_numpy(ids.astype(np.int64))[None]
    logits, _ = in_chunks(model.eval(), row[:, :-1], [len(ids) - 1])
    return float(F.cross_entropy(logits[0], row[0, 1:]))
