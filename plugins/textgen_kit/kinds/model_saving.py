"""Checks of saved weights and pretrained vectors."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors
from textgen.nn.language_model import ModelClass
from textgen.nn.weights import set_weights, weights_of
from textgen_kit.asserts import expect, require_close, reworded, skip_unless
from textgen_kit.builders import VOCAB_SIZE, Subject, bound, logits_of, random_batch, some_ids, trainer_of

VECTOR_SIZE = 24


def check_model_saved(subject: Subject) -> None:
    """Its weights, saved and loaded into a new model, predict the same.

    Anything missing from `state_dict` is lost when a run is saved and when its best weights are chosen.
    """
    what = "the same logits from a model and from the one its weights were loaded into"
    _require_equal_loaded(subject.trained_model(), subject.model(1), what)


def check_model_vectors(subject: Subject) -> None:
    """Pretrained vectors of any size are accepted, and make a difference.

    Otherwise the embedding in an entry's name has no effect.
    """
    skip_unless(ModelClass(subject.component).accepts_vectors, "takes no vectors")
    ids, expected = random_batch(2, 10), (2, 10, VOCAB_SIZE)
    models = [subject.model(vectors=some_vectors(seed, frozen=False)) for seed in (1, 2)]
    first, second = (logits_of(model, ids) for model in models)
    for logits in (first, second):
        expect(logits.shape == expected, f"logits {list(expected)} with vectors; got {list(logits.shape)}")
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
