"""Process-wide settings that plugins may change, restored afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ProcessSetting:
    """One process-wide setting. The value that `get` returns can be compared, and passed to `set`."""

    name: str
    get: Callable[[], Any]
    set: Callable[[Any], object]


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


PROCESS_SETTINGS = (
    ProcessSetting("the working directory", os.getcwd, os.chdir),
    ProcessSetting("os.environ", lambda: dict(os.environ), _set_environment),
)


def torch_settings() -> tuple[ProcessSetting, ...]:
    """Return the settings of torch, the default device first since tensors are created on it."""
    import torch

    def set_device(device: torch.device) -> None:
        # Unlike the CPU by name, None adds no cost to each call of torch.
        torch.set_default_device(None if device.type == "cpu" else device)

    def is_deterministic() -> tuple[bool, bool]:
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        return torch.are_deterministic_algorithms_enabled(), warn_only

    def set_deterministic(flags: tuple[bool, bool]) -> None:
        torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])

    return (
        ProcessSetting("torch's default device", torch.get_default_device, set_device),
        ProcessSetting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        ProcessSetting("torch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        ProcessSetting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
        ProcessSetting("torch's use of deterministic algorithms", is_deterministic, set_deterministic),
    )


@contextmanager
def restoring(settings: Sequence[ProcessSetting]) -> Iterator[None]:
    """Restore the settings at the end to their values at the start."""
    before = [setting.get() for setting in settings]
    try:
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            if setting.get() != value:
                setting.set(value)


@contextmanager
def preserve_process_state() -> Iterator[None]:
    """Run code of plugins, and restore the process-wide settings afterwards, whatever they did.

    The settings are torch's default dtype and device, its grad mode, number of threads and choice of
    deterministic algorithms, the working directory and the environment.
    """
    known = torch_settings() if "torch" in sys.modules else ()
    with restoring((*known, *PROCESS_SETTINGS)):
        yield
