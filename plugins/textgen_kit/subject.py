"""The component that is checked, how its faults are told, and what of the process it must not change."""

from __future__ import annotations

import pickle
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textgen.contracts import TextgenError
from textgen.nn.language_model import ModelClass, placeholder_vocabulary
from textgen.registry.isolation import PROCESS_SETTINGS, ProcessSetting, torch_settings

VOCAB_SIZE = 50
"""Vocabulary size of the models that are checked."""


class CheckError(AssertionError):
    """A component breaks its contract. The message is one line: what was expected, and what it did."""


class CheckSkipped(Exception):  # noqa: N818 - it is not an error
    """A check does not apply to a component. The message is the reason, one line."""


@dataclass(frozen=True)
class Subject:
    """The component that is checked, with the options that it is built with."""

    kind: str
    component: Any
    options: dict[str, Any]

    def new(self, **options: Any) -> Any:
        """Return a new component, whose `options` replace those of the subject."""
        options = self.options | options
        if self.kind == "model":
            return ModelClass(self.component).build(placeholder_vocabulary(VOCAB_SIZE), **options).module
        return self.component(**options)


def expect(condition: bool, message: str) -> None:
    """Raise `CheckError` unless the condition holds: `expected` and this message."""
    if not condition:
        raise CheckError(f"expected {message}")


def expect_same(before: Any, after: Any, message: str) -> None:
    """Raise `CheckError` unless two answers are equal: `expected`, this message and their difference."""
    if before != after:
        raise CheckError(f"expected {message}; {difference(before, after)}")


def skip_unless(condition: bool, reason: str) -> None:
    """Raise `CheckSkipped` with this reason unless the condition holds."""
    if not condition:
        raise CheckSkipped(reason)


@contextmanager
def available() -> Iterator[None]:
    """Raise `CheckSkipped` for a `TextgenError`, as of a missing file or library, in this context."""
    try:
        yield
    except TextgenError as error:
        raise CheckSkipped(f"a requirement is not available: {error}") from error


def shown(value: object, size: int = 60) -> str:
    """Return a value as one short line of ASCII, for messages."""
    text = ascii(value)
    return text if len(text) <= size else f"{text[: size - 3]}..."


def difference(before: Any, after: Any) -> str:
    """Return where two answers begin to differ, and what surrounds that place in each, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        key = next(key for key in before if before[key] != after.get(key))
        return f"{key}: {difference(before[key], after.get(key))}"
    units: dict[type, str] = {str: "characters", bytes: "bytes", list: "items"}
    unit = units.get(type(before))
    if unit is None or type(before) is not type(after):
        return f"{shown(before)} became {shown(after)}"
    pairs = enumerate(zip(before, after, strict=False))
    place = next((index for index, (a, b) in pairs if a != b), min(len(before), len(after)))
    around = slice(max(0, place - 10), place + 20)
    first, second = (shown(each[around], size=120) for each in (before, after))
    return f"after {place} {unit} {first} became {second}"


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which tells Python that they change; an assignment does not
    warnings.filters.extend(filters)  # type: ignore[attr-defined]


def _set_random(states: bytes) -> None:
    of_python, of_numpy = pickle.loads(states)
    random.setstate(of_python)
    np.random.set_state(of_numpy)


TORCH_RANDOM = ProcessSetting(
    "the global random state of torch",
    lambda: bytes(torch.get_rng_state().numpy()),
    lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
)
RANDOM = (
    ProcessSetting(
        "the global random state of Python or numpy",
        lambda: pickle.dumps((random.getstate(), np.random.get_state())),
        _set_random,
    ),
    TORCH_RANDOM,
)
SETTINGS = (
    *torch_settings(),
    *PROCESS_SETTINGS,
    ProcessSetting("the filters of warnings", lambda: list(warnings.filters), _set_filters),
    *RANDOM,
)
"""Everything that checks restore, and that a component must not change."""
