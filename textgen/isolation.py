"""What a plugin may have changed for everything that runs after it, put back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def undisturbed() -> Iterator[None]:
    """Run what belongs to plugins; afterwards the process is as it was before, whatever they did.

    Put back are torch's default dtype and device, its grad mode, number of threads and choice of
    deterministic algorithms, the working directory and the environment.
    """
    folder, environment, settings = os.getcwd(), dict(os.environ), _torch_settings()
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may be gone
            if os.getcwd() != folder:
                os.chdir(folder)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        _restore_torch(settings)


def _torch_settings() -> dict[str, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def _restore_torch(settings: dict[str, Any] | None) -> None:
    torch = sys.modules.get("torch")
    if torch is None or settings == _torch_settings():
        return
    if settings is None:  # a plugin was the first to import it
        settings = {"dtype": torch.float32, "device": None, "grad": True, "deterministic": False}
    torch.set_default_dtype(settings["dtype"])
    # None, unlike the CPU by name, costs nothing at each call of torch.
    torch.set_default_device(None if str(settings["device"]) == "cpu" else settings["device"])
    torch.set_grad_enabled(settings["grad"])
    torch.use_deterministic_algorithms(settings["deterministic"])
    if "threads" in settings:
        torch.set_num_threads(settings["threads"])
