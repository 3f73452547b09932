"""The size of a model, found before it takes any memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from textgen.nn.language_model import LanguageModel
from textgen.registry.isolation import preserve_process_state

FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)
"""Functions that make the tensors of which models consist; their first argument is the size."""
MAX_SMALL = 2**26
"""Numbers in a model that is built at once: 256 MB in fp32."""


def build_checked(
    build: Callable[[], LanguageModel],
    build_weightless: Callable[[], LanguageModel],
    check: Callable[[LanguageModel], None],
    max_numbers: int = MAX_SMALL,
) -> LanguageModel:
    """Return the result of `build`, after `check`, which may raise, has seen a model of its size.

    If it would have more than `max_numbers`, the one to check is built without memory, by `build_weightless`
    on the device "meta", and nothing is checked if that fails. It loads large parts of torch, which smaller
    models are spared.
    """
    try:
        with _Limit(max_numbers):
            model = build()
    except _LimitError:
        if (weightless := _without_memory(build_weightless)) is not None:
            check(weightless)
        return build()
    check(model)
    return model


def num_bytes(module: nn.Module) -> int:
    """Return the bytes of a model's parameters and buffers."""
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class _LimitError(Exception):
    """A model has more numbers than were allowed."""


class _Limit(TorchFunctionMode):
    """Stops the construction of a model before its tensors have more than `rest` numbers."""

    def __init__(self, rest: int) -> None:
        super().__init__()
        self._rest = rest

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in FACTORIES:
            self._rest -= _num_numbers(args, kwargs)
            if self._rest < 0:
                raise _LimitError
        return func(*args, **kwargs)


class _LeftAsTheyAre(TorchFunctionMode):
    """Skips what sets the initial weights, which take long even without memory."""

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name.endswith("_") and not name.endswith("__") and hasattr(nn.init, name):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _num_numbers(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    size = kwargs.get("size", args[0] if len(args) == 1 else args)
    try:
        return math.prod(map(int, [size] if isinstance(size, int) else size))
    except (TypeError, ValueError):  # torch will say what is wrong with it
        return 0


def _without_memory(build: Callable[[], LanguageModel]) -> LanguageModel | None:
    """Return a model whose tensors have shapes but no values, or None if its constructor needs values."""
    try:
        with preserve_process_state(), torch.device("meta"), _LeftAsTheyAre():
            return build()
    except Exception:  # what else is wrong with it will show when it is built
        return None
