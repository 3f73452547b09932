"""The memory of models: bounded while they are built, or known before it is taken."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from textgen.nn.language_model import LanguageModel
from textgen.registry.isolation import preserve_process_state

SMALLEST_BYTES = 2048
"""Smallest number of bytes that a tensor counts as, with its objects in Python."""
MAX_SMALL = 2**28
"""Bytes of a model that is built at once."""
META = torch.device("meta")
RANDOM = (torch.ops.aten.rand, torch.ops.aten.randn)
"""Factories whose first argument is the size; on the device "meta" they import large parts of torch."""


class AllocationLimit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context in which factories such as `torch.empty` raise `ValueError` beyond a number of bytes.

    All that is allocated counts, whether or not it is freed again.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.max_bytes = self.rest = max_bytes

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return what lets torch use the class unchanged, without importing its compiler."""
        return False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if any(argument.name == "device" for argument in function._schema.arguments):
            self.rest -= max(SMALLEST_BYTES, _num_bytes_of(function, args, given))
            if self.rest < 0:
                raise ValueError(f"it needs more than {self.max_bytes / 2**20:,.0f} MiB of memory")
        return function(*args, **given)


def _num_bytes_of(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the bytes of the tensor that a factory would allocate."""
    if kwargs.get("device") == META:
        return 0
    if function.overloadpacket in RANDOM:
        return int(math.prod(args[0]) * (kwargs.get("dtype") or torch.get_default_dtype()).itemsize)
    # A generator of random numbers belongs to a device.
    planned = {**kwargs, "device": META, **({"generator": None} if "generator" in kwargs else {})}
    try:
        return int(function(*args, **planned).nbytes)
    except Exception:  # not possible without memory, or wrong, as the call itself will say
        return 0


def build_checked(
    build: Callable[[], LanguageModel],
    build_weightless: Callable[[], LanguageModel],
    check: Callable[[LanguageModel], None],
    max_bytes: int = MAX_SMALL,
) -> LanguageModel:
    """Return the result of `build`, after `check`, which may raise, has seen a model of its size.

    If it would take more than `max_bytes`, the one to check is built without memory, by `build_weightless` on
    the device "meta", and nothing is checked if its constructor needs values.
    """
    limit = AllocationLimit(max_bytes)
    try:
        with limit:
            model = build()
    except Exception:
        if limit.rest >= 0:
            raise
    else:
        check(model)
        return model
    try:
        with preserve_process_state(), AllocationLimit(MAX_SMALL), META:
            model = build_weightless()
    except Exception:  # what else is wrong with it will show when it is built
        return build()
    check(model)
    return build()


def num_bytes(module: nn.Module) -> int:
    """Return the bytes of a model's parameters and buffers."""
    return sum(each.numel() * each.element_size() for each in (*module.parameters(), *module.buffers()))
