"""A limit for the memory of new tensors, checked before it is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

SMALLEST_BYTES = 2048
"""What any tensor counts as, with its objects in Python."""


class AllocationLimit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context in which factories such as `torch.empty` raise `ValueError` beyond a number of bytes.

    All that is allocated counts, whether or not it is freed again.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.max_bytes = self.rest = max_bytes

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        nowhere = torch.device("meta")
        takes_device = any(argument.name == "device" for argument in function._schema.arguments)
        if takes_device and given.get("device") != nowhere:
            # Without a device nothing is allocated; a generator of random numbers belongs to one.
            planned = {**given, "device": nowhere}
            planned.update({"generator": None} if "generator" in given else {})
            result = function(*args, **planned)
            self.rest -= max(SMALLEST_BYTES, result.numel() * result.element_size())
            if self.rest < 0:
                raise ValueError(f"it needs more than {self.max_bytes / 2**20:,.0f} MiB of memory")
        return function(*args, **given)
