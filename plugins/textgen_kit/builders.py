"""Components built, trained and fitted as in textgen, and inputs for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import State, TokenIds
from textgen.nn.language_model import LanguageModel, ModelClass, placeholder_vocabulary
from textgen.registry.registry import PluginError
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen_kit.asserts import CheckSkipped, expect, reworded, skip_unless

CPU = torch.device("cpu")
FP32 = DeviceConfig(CPU, "fp32")
VOCAB_SIZE = 50
"""Vocabulary size of the models that are checked."""


@dataclass(frozen=True)
class Subject:
    """The component that is checked, with the options that it is built with."""

    kind: str
    component: Any
    options: dict[str, Any]

    def new(self, **options: Any) -> Any:
        """Return a new component; its `options` replace those of the subject."""
        options = self.options | options
        if self.kind != "model":
            return self.component(**options)
        return ModelClass(self.component).build(placeholder_vocabulary(VOCAB_SIZE), **options).module

    def fitted(self, text: str) -> Any:
        """Return a new tokenizer, fitted to `text`; one that needs a file, which is missing, is skipped."""
        tokenizer = self.new()
        with reworded("what it needs is not available:", into=CheckSkipped):
            tokenizer.fit(text)
        return tokenizer

    def model(self, torch_seed: int = 0, **options: Any) -> Any:
        """Return a new model in evaluation mode, built with torch's global random seed `torch_seed`."""
        with seeded(torch_seed, CPU):
            return self.new(**options).eval()

    def trained_model(self, num_updates: int = 3, **options: Any) -> Any:
        """Return a new model in evaluation mode after a few updates, so that no layer outputs only zeros.

        A model without trainable parameters is fitted.
        """
        model = self.model(**options)
        if bound(model).is_trainable:
            state = model.initial_state(2)
            require_batch_first(state, 2, "at first")
            predicted(model, random_batch(2, 2), state)  # raises before training would
            trainer = trainer_of(model, some_ids(100), batch_size=4, sequence_length=8, optimizer="adamw")
            for update in range(num_updates):
                trainer.update((update + 1) / (num_updates + 1))
        else:
            skip_unless(bound(model).can_fit, "cannot be trained, see model-trainable")
            bound(model).fit(some_ids(2000))
        return model.eval()


def trainer_of(model: nn.Module, ids: TokenIds, **options: Any) -> Trainer:
    """Return a trainer of a model on `ids`, with these training `options`."""
    chosen = TrainOptions(**options)
    batches = ContiguousBatches(ids, chosen.batch_size, chosen.longest_sequence, seed=0)
    return Trainer(bound(model.train()), batches, chosen, FP32, seed=0)


def bound(model: nn.Module) -> LanguageModel:
    """Return a model in the adapter that textgen uses, which checks its answers."""
    return LanguageModel(model, VOCAB_SIZE)


def some_ids(count: int) -> NDArray[np.uint16]:
    """Return token ids, each of which depends on the one before, in a small type as in textgen."""
    generator = np.random.default_rng(0)
    steps = generator.choice([1, 1, 1, 2, 17], count)
    return (np.cumsum(steps) % VOCAB_SIZE).astype(np.uint16)


def random_batch(batch_size: int, length: int, seed: int = 0) -> Tensor:
    """Return ids [batch_size, length] with all tokens equally likely."""
    return torch.randint(VOCAB_SIZE, (batch_size, length), generator=torch.Generator().manual_seed(seed))


def predicted(model: Any, ids: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the logits and the next state; raises `CheckError` if `forward` returns anything else."""
    with reworded("expected logits and a state;", PluginError):
        logits, following = bound(model).forward(ids, state)
    require_batch_first(following, len(ids), f"after {ids.shape[1]} more tokens")
    return logits, following


def require_batch_first(state: State, batch_size: int, when: str) -> None:
    """Raise `CheckError` unless a state consists of tensors, or nothing, with the batch first."""
    if isinstance(state, dict):
        state = list(state.values())
    if isinstance(state, (tuple, list)):
        for part in state:
            require_batch_first(part, batch_size, when)
    elif state is not None:
        kind = type(state).__name__
        expect(isinstance(state, Tensor), f"tensors in the state {when}; got {kind}")
        is_first = state.ndim > 0 and len(state) == batch_size
        shape = list(state.shape)
        expect(is_first, f"the batch, {batch_size}, first in the state {when}; got shape {shape}")


@torch.inference_mode()
def in_chunks(model: Any, ids: Tensor, sizes: list[int], state: State = None) -> tuple[Tensor, State]:
    """Return the logits of all positions, computed chunk by chunk, and the last state.

    Without a `state`, the initial one is used.
    """
    state = model.initial_state(len(ids)) if state is None else state
    parts = []
    for chunk in torch.split(ids, sizes, dim=1):
        logits, state = predicted(model, chunk, state)
        parts.append(logits.float())
    return torch.cat(parts, dim=1), state


def logits_of(model: Any, ids: Tensor) -> Tensor:
    """Return the logits of all positions, computed in one pass."""
    return in_chunks(model, ids, [ids.shape[1]])[0]
