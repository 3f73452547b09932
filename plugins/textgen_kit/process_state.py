"""The state of the process that checks restore afterwards, and watch for changes."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from textgen.registry.isolation import PROCESS_SETTINGS, ProcessSetting, torch_settings
from textgen_kit.asserts import CheckError


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
