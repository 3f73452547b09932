"""What processes that compute jobs need before their first one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setup:
    """Preparation of each process before its first job; it is pickled."""

    num_threads: int | None = None
    """Threads of torch; None leaves them unchanged."""
    initialize: Callable[[], object] | None = None

    def run(self) -> None:
        """Prepare the current process."""
        if self.num_threads is not None:
            import torch

            torch.set_num_threads(self.num_threads)
        if self.initialize is not None:
            self.initialize()


def recipe(function: Callable[..., Any], setup: Setup) -> bytes:
    """Return what `prepared` needs; the function can be of a module that only the setup makes known."""
    return pickle.dumps((setup, pickle.dumps(function)))


def prepared(sent: bytes) -> Callable[[Any], Any]:
    """Prepare the current process and return the function."""
    setup, function = pickle.loads(sent)
    setup.run()
    return pickle.loads(function)  # type: ignore[no-any-return]
