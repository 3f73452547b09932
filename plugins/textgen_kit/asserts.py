"""Assertions of checks: what they raise, equality of tensors, and what the process must not lose."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TextgenError
from textgen.registry.isolation import PROCESS_SETTINGS, ProcessSetting, torch_settings

TOLERANCE = 1e-4
"""Allowed difference of logits computed in another order; relative to the largest one if that exceeds 1."""

FAR_TOLERANCE = 1e-3
"""The same after hundreds of tokens, over which rounding errors add up."""

EXACT = 1e-6
"""The same for logits computed in the same order."""


class CheckError(AssertionError):
    """A component breaks its contract. The message is one line: what was expected, and what it did."""


class CheckSkipped(Exception):  # noqa: N818 - it is not an error
    """A check does not apply to a component. The message is the reason, one line."""


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


def _torch_state() -> bytes:
    return bytes(torch.get_rng_state().numpy())


def _set_torch_state(state: bytes) -> None:
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which tells Python that they change; an assignment does not
    warnings.filters.extend(filters)  # type: ignore[attr-defined]


PYTHON_RANDOM = ProcessSetting("the global random state of Python", random.getstate, random.setstate)
NUMPY_RANDOM = ProcessSetting("the global random state of numpy", _numpy_state, np.random.set_state)
TORCH_RANDOM = ProcessSetting("the global random state of torch", _torch_state, _set_torch_state)
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
    """Raise `CheckError` if the code inside changes one of the settings.

    That replaces any other error of this code, since the change may well be its cause.
    """
    before = [setting.get() for setting in settings]
    try:
        yield
    finally:
        changed = [setting for setting, value in zip(settings, before, strict=True) if setting.get() != value]
        names = " and ".join(setting.name for setting in changed)
        if changed and set(changed) <= set(RANDOM):
            raise CheckError(f"{what} uses {names}; use a generator of your own")
        if changed:
            raise CheckError(
                f"{what} changes {names}, which belongs to the whole process; leave it unchanged"
            )
