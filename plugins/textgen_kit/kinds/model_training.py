"""Checks of training: gradients, losses, precision, randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from textgen.contracts import State
from textgen.nn.state import detach, tensors
from textgen.registry.options import declared_options
from textgen.registry.registry import PluginError
from textgen.training.optimizer import without_compiler
from textgen.training.train_options import TrainOptions
from textgen_kit.asserts import expect, require_close, reworded, skip_unless
from textgen_kit.builders import (
    VOCAB_SIZE,
    Subject,
    bound,
    in_chunks,
    logits_of,
    predicted,
    random_batch,
    trainer_of,
)
from textgen_kit.kinds.model import form
from textgen_kit.process_state import NUMPY_RANDOM, PYTHON_RANDOM, state_unchanged

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
    can_learn = bound(model).is_trainable or bound(model).can_fit
    skip_unless(can_learn, "cannot be trained, see model-trainable")
    pattern = np.tile(np.array([3, 1, 4, 1, 5, 9, 2, 6], np.uint16), 300)
    row = torch.from_numpy(pattern[:201].astype(np.int64))[None]

    def nats() -> float:
        logits, _ = in_chunks(model.eval(), row[:, :-1], [200])
        return float(F.cross_entropy(logits[0], row[0, 1:]))

    if not bound(model).is_trainable:
        model.fit(pattern)
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
    with torch.autocast("cpu", torch.bfloat16):
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
    recommended: Any = getattr(subject.component, "recommended_training", None)
    skip_unless(recommended is not None, "lacks recommended_training")
    is_mapping = isinstance(recommended, Mapping)
    expect(is_mapping, f"a dictionary in recommended_training; got {type(recommended).__name__}")
    declared = declared_options(TrainOptions)
    for name, value in recommended.items():
        expect(name in declared, f"training options in recommended_training; got {name!r}")
        with reworded("expected a valid value in recommended_training; got:"):
            declared[name].parse("recommended_training", str(value))


def loss_of(model: Any, ids: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the loss of all ids but the first and the next state.

    Raises `CheckError` if the model returns anything else.
    """
    with reworded("expected a loss and a state;", PluginError):
        return bound(model).loss(ids[:, :-1], ids[:, 1:], state)
