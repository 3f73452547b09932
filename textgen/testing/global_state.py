"""The global state of the process: set back to what it was, or watched."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from textgen.testing.expectations import require

__tracebackhide__ = True


@dataclass(frozen=True)
class Setting:
    """One part of the global state. What `get` returns can be compared, and given to `set`."""

    name: str
    get: Callable[[], Any]
    set: Callable[[Any], None]


def _numpy_state() -> Any:
    name, *rest = np.random.get_state(legacy=True)
    return name, *(tuple(part.tolist()) if isinstance(part, np.ndarray) else part for part in rest)


def _torch_state() -> bytes:
    return bytes(torch.get_rng_state().numpy())


def _set_torch_state(state: bytes) -> None:
    torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def _is_deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_device(device: torch.device) -> None:
    # None, unlike the CPU by name, costs nothing at each call of torch.
    torch.set_default_device(None if device.type == "cpu" else device)


def _set_grad(mode: bool) -> None:
    torch.set_grad_enabled(mode)


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which tells Python that they change; an assignment does not
    warnings.filters.extend(filters)  # type: ignore[attr-defined]


PYTHON_RANDOM = Setting("the global random state of Python", random.getstate, random.setstate)
NUMPY_RANDOM = Setting("the global random state of numpy", _numpy_state, np.random.set_state)
TORCH_RANDOM = Setting("the global random state of torch", _torch_state, _set_torch_state)
RANDOM = (PYTHON_RANDOM, NUMPY_RANDOM, TORCH_RANDOM)

SETTINGS = (
    Setting("torch's default device", torch.get_default_device, _set_device),
    Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("torch's grad mode", torch.is_grad_enabled, _set_grad),
    Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting(
        "torch's use of deterministic algorithms",
        _is_deterministic,
        lambda flags: torch.use_deterministic_algorithms(flags[0], warn_only=flags[1]),
    ),
    Setting("the working directory", os.getcwd, os.chdir),
    Setting("os.environ", lambda: dict(os.environ), _set_environment),
    Setting("the filters of warnings", lambda: list(warnings.filters), _set_filters),
    *RANDOM,
)
"""All that is watched. The default device comes first, since tensors are made on it."""


@contextmanager
def kept() -> Iterator[None]:
    """Set the global state back to what it was before."""
    before = [setting.get() for setting in SETTINGS]
    try:
        yield
    finally:
        for setting, value in zip(SETTINGS, before, strict=True):
            if setting.get() != value:
                setting.set(value)


@contextmanager
def untouched(what: str, settings: Sequence[Setting] = RANDOM) -> Iterator[None]:
    """Raise `CheckError` if what is done here changes one of the settings.

    That comes before what else goes wrong, since it may well be the cause.
    """
    before = [setting.get() for setting in settings]
    try:
        yield
    finally:
        changed = [setting for setting, value in zip(settings, before, strict=True) if setting.get() != value]
        names = " and ".join(setting.name for setting in changed)
        if set(changed) <= set(RANDOM):
            reason = f"{what} draws from {names} or sets it; use a generator of your own"
        else:
            reason = f"{what} changes {names}, which belongs to the whole process; leave it as it is"
        require(not changed, reason)
