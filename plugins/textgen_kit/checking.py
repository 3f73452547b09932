"""What checks are made of: components built and trained as in textgen, inputs, assertions, process state."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import State, TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel, ModelClass, placeholder_vocabulary
from textgen.registry.isolation import PROCESS_SETTINGS, ProcessSetting, torch_settings
from textgen.registry.registry import PluginError
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer

TOLERANCE = 1e-4
"""Allowed difference of logits computed in another order; relative to the largest one if that exceeds 1."""

FAR_TOLERANCE = 1e-3
"""The same after hundreds of tokens, over which rounding errors add up."""

EXACT = 1e-6
"""The same for logits computed in the same order."""


class CheckError(AssertionError):
    """A component breaks its contract. The message is one line: what was expected, and what it did."""


class SettingChangedError(CheckError):
    """A component changes what belongs to the whole process."""


class CheckSkipped(Exception):  # noqa: N818 - it is not an error
    """A check does not apply to a component. The message is the reason, one line."""


class CheckWarning(Exception):  # noqa: N818 - it is not an error
    """A component keeps its contract, but hardly does what its author wants. The message is one line."""


def expect(condition: bool, message: str) -> None:
    """Raise `CheckError` unless the condition holds: `expected` and this message."""
    if not condition:
        raise CheckError(f"expected {message}")


def skip_unless(condition: bool, reason: str) -> None:
    """Raise `CheckSkipped` with this reason unless the condition holds."""
    if not condition:
        raise CheckSkipped(reason)


@contextmanager
def reworded(
    message: str, caught: type[Exception] = TextgenError, into: type[Exception] = CheckError
) -> Iterator[None]:
    """Raise a `CheckError` for an error in this context, with a message that ends with that of the error."""
    try:
        yield
    except caught as error:
        raise into(f"{message} {error}") from error


def shown(value: object, size: int = 60) -> str:
    """Return a value as one short line of ASCII, for messages."""
    text = ascii(value)
    return text if len(text) <= size else f"{text[: size - 3]}..."


def first_difference(before: Sequence[Any], after: Sequence[Any]) -> int:
    """Return the index from which two sequences differ."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(before), len(after)))


def text_difference(before: str | bytes, after: str | bytes) -> str:
    """Return where two texts begin to differ, and what surrounds that place in each, in words."""
    place = first_difference(before, after)
    around = slice(max(0, place - 10), place + 20)
    unit = "bytes" if isinstance(before, bytes) else "characters"
    first, second = (shown(text[around], size=120) for text in (before, after))
    return f"after {place} {unit} {first} became {second}"


def require_close(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Raise `CheckError` unless two tensors are equal up to `tolerance`, relative above 1."""
    expect(
        found.shape == expected.shape,
        f"{what}; got shape {list(found.shape)} instead of {list(expected.shape)}",
    )
    if not expected.numel():
        return
    found, expected = found.double(), expected.double()
    difference = float((found - expected).abs().max())
    allowed = tolerance * max(1.0, float(expected.abs().max()))
    expect(difference <= allowed, f"{what}; they differ by {difference:.2g}")


def _numpy_state() -> Any:
    name, *rest = np.random.get_state(legacy=True)
    return name, *(tuple(part.tolist()) if isinstance(part, np.ndarray) else part for part in rest)


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which tells Python that they change; an assignment does not
    warnings.filters.extend(filters)  # type: ignore[attr-defined]


PYTHON_RANDOM = ProcessSetting("the global random state of Python", random.getstate, random.setstate)
NUMPY_RANDOM = ProcessSetting("the global random state of numpy", _numpy_state, np.random.set_state)
TORCH_RANDOM = ProcessSetting(
    "the global random state of torch",
    lambda: bytes(torch.get_rng_state().numpy()),
    lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
)
RANDOM = (PYTHON_RANDOM, NUMPY_RANDOM, TORCH_RANDOM)

SETTINGS = (
    *torch_settings(),
    *PROCESS_SETTINGS,
    ProcessSetting("the filters of warnings", lambda: list(warnings.filters), _set_filters),
    *RANDOM,
)
"""Everything that checks restore; `check_no_global_state` watches it too."""


@contextmanager
def state_unchanged(what: str, settings: Sequence[ProcessSetting] = RANDOM) -> Iterator[None]:
    """Raise `SettingChangedError` if the code inside changes one of the settings.

    That replaces any other error of this code, since the change may well be its cause.
    """
    before = [setting.get() for setting in settings]
    try:
        yield
    finally:
        changed = [setting for setting, value in zip(settings, before, strict=True) if setting.get() != value]
        names = " and ".join(setting.name for setting in changed)
        if changed and set(changed) <= set(RANDOM):
            own = "the uniforms that it is given" if what.endswith("sampler") else "a generator of your own"
            raise SettingChangedError(f"{what} uses {names}; use {own}")
        if changed:
            raise SettingChangedError(
                f"{what} changes {names}, which belongs to the whole process; leave it unchanged"
            )


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
            fit(model, some_ids(2000))
        return model.eval()

    def can_learn(self, model: nn.Module) -> bool:
        """Return whether a model is trained or fitted, or refines another one."""
        refines = ModelClass(self.component).accepts_base
        return refines or bound(model).is_trainable or bound(model).can_fit


def trainer_of(model: nn.Module, ids: TokenIds, **options: Any) -> Trainer:
    """Return a trainer of a model on `ids`, with these training `options`."""
    chosen = TrainOptions(**options)
    batches = ContiguousBatches(ids, chosen.most_streams, chosen.longest_sequence, seed=0)
    return Trainer(bound(model.train()), batches, chosen, FP32, seed=0)


def fit(model: nn.Module, ids: TokenIds) -> None:
    """Let a model count, unless it lacks `fit`, as a refinement may."""
    if bound(model).can_fit:
        bound(model).fit(ids)


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
