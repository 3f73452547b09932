"""A CUDA device that is not there: its tensors compute on the CPU, and are kept apart from those of the CPU.

torch tells a `TorchFunctionMode` every call. Tensors that are made on `cuda:0`, or come of such tensors, are
marked, say that this is their device, and must not meet others in one operation, as on a card. Their values,
and gradients, are those of the CPU. What would let the CPU wait for a card is counted by the line that asks
for it: a value as a Python number, a tensor whose size depends on values, a copy to the CPU.

It does not show what kernels of a card lack, cuDNN, memory, speed, or the digits of its arithmetic.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

CARD = torch.device("cuda:0")
LIBRARIES = tuple(Path(module.__file__).parent for module in (torch, np, contextlib) if module.__file__)
"""Folders of code that does what it is asked to: torch, NumPy, and the standard library."""
MARK = "is_on_pretend_card"
Calls = list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]]
"""Functions, their arguments, and what they returned."""


WAITS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "cpu", "equal"}
"""Methods that give a value, or copy it to the CPU."""
SIZED_BY_VALUES = {"nonzero", "masked_select", "unique", "unique_consecutive", "argwhere", "bincount"}
ANYWHERE = {"copy_", "set_", "is_same_size", "swap_tensors", "_has_compatible_shallow_copy_type"}
"""Functions that take tensors of several devices."""
FORBIDDEN = {"numpy", "__array__"}


def is_on_card(value: object) -> bool:
    return isinstance(value, Tensor) and bool(vars(value).get(MARK))


def put_on_card(value: Any) -> Any:
    if isinstance(value, Tensor):
        vars(value)[MARK] = True
    elif isinstance(value, (tuple, list)):
        for each in value:
            put_on_card(each)
    return value


def tensors_in(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def calling_line() -> str:
    """Return the innermost line outside of torch, NumPy and this file that is being run."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if not any(library in path.parents for library in LIBRARIES) and path != Path(__file__):
            return f"{'/'.join(path.parts[-2:])}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def is_card(value: object) -> bool:
    name = str(value) if isinstance(value, (str, torch.device)) else ""
    return name.partition(":")[0] == "cuda"


def is_cpu(value: object) -> bool:
    return isinstance(value, (str, torch.device)) and str(value) == "cpu"


def without_card(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    cpu = torch.device("cpu")
    named = {name: cpu if is_card(each) else each for name, each in kwargs.items()}
    return tuple(cpu if is_card(each) else each for each in args), named


@dataclass
class PretendCard(TorchFunctionMode):
    """What is on the card, and what it was waited for."""

    waits: Counter[str] = field(default_factory=Counter)
    """By line: how often the CPU waits for the card."""
    captured: Calls | None = None
    """The calls so far that a graph captures, if one does."""
    before: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """Tensors that changed while a graph was captured, which computes nothing yet, and what they held."""

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self) -> None:
        """Count a wait for the card; raises `RuntimeError` while a graph is captured, as a card does."""
        if self.captured is not None:
            raise RuntimeError(f"operation not permitted when stream is capturing, at {calling_line()}")
        self.waits[calling_line()] += 1

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        is_marked = any(map(is_on_card, tensors_in((args, kwargs))))
        if name in ("_parse_to", "device"):  # which read what the user has given
            return func(*args, **kwargs)
        if name in ("__get__", "__set__"):
            return self._attribute(func, name, args)
        if name in FORBIDDEN and is_marked:
            raise TypeError(f"can't convert {CARD} device type tensor to numpy, at {calling_line()}")
        if name in ("to", "cpu", "cuda", "type_as"):
            found = self._moved(func, name, args, kwargs)
            return self._captured(func, *without_card(args, kwargs), found) if is_marked else found
        goes_to_card = any(map(is_card, (*args, *kwargs.values())))
        args, kwargs = without_card(args, kwargs)
        if is_marked or goes_to_card:
            self._check(func, args, kwargs)
        changes = name == "__setitem__" or (name.endswith("_") and not name.startswith("__"))
        if self.captured is not None and is_marked and changes:
            self.before.append((args[0], args[0].clone()))
        found = func(*args, **kwargs)
        if not (is_marked or goes_to_card):
            return found
        return self._captured(func, args, kwargs, put_on_card(found))

    def _captured(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], found: Any) -> Any:
        if self.captured is not None:
            self.captured.append((func, args, kwargs, found))
        return found

    @staticmethod
    def _attribute(func: Any, name: str, args: tuple[Any, ...]) -> Any:
        own, what = args[0], getattr(getattr(func, "__self__", None), "__name__", "")
        if name == "__set__":
            found = func(*args)
            if what == "data" and is_on_card(args[1]):
                put_on_card(own)
            return found
        if not is_on_card(own):
            return func(*args)
        said = {"device": CARD, "is_cuda": True, "is_cpu": False}
        return said[what] if what in said else put_on_card(func(*args))

    def _moved(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        own, *others = args
        wanted = [*others, *kwargs.values()]
        to = [each for each in wanted if isinstance(each, Tensor)]
        goes = name == "cuda" or any(map(is_card, wanted)) or any(map(is_on_card, to))
        stays = not (name == "cpu" or any(map(is_cpu, wanted)) or (to and not goes))
        args, kwargs = without_card(args, kwargs)
        found = own if name == "cuda" else func(*args, **kwargs)
        if is_on_card(own) and (goes or stays):
            return put_on_card(found)
        if is_on_card(own) or goes:
            if not goes or self.captured is not None:  # a graph cannot copy memory that is not pinned
                self.wait()
            found = found.clone()
        return put_on_card(found) if goes else found

    def _check(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Count what waits; raise `RuntimeError` for tensors of two devices, as a card does."""
        name, given = func.__name__, list(tensors_in((args, kwargs)))
        own = args[0] if args else None
        apart = [each for each in given if not is_on_card(each) and each.dim()]  # single values may be passed
        is_index = name in ("__getitem__", "__setitem__", "index_put_", "index_put")
        if apart and is_index and is_on_card(own):
            apart = [each for each in apart if each.dtype not in (torch.int64, torch.int32, torch.bool)]
            self.wait()  # an index is copied to the card
        if apart and any(map(is_on_card, given)) and name not in ANYWHERE:
            where = f"{resolve_name(func) or name}, at {calling_line()}"
            raise RuntimeError(f"tensors on {CARD} and on the CPU meet in {where}")
        if any(type(each) is GENERATOR for each in (*args, *kwargs.values())):
            where = f"{resolve_name(func) or name}, at {calling_line()}"
            raise RuntimeError(f"a random generator of the CPU is used for {CARD} in {where}")
        is_mask = is_index and any(each.dtype == torch.bool and each.dim() for each in tensors_in(args[1:2]))
        if name == "__setitem__" and is_mask and is_on_card(own):  # a masked_fill, if it is of one value
            is_mask = isinstance(args[2], Tensor) and args[2].dim() > 0
        is_sized = name in SIZED_BY_VALUES or (name == "where" and len(args) == 1)
        is_sized |= name == "repeat_interleave" and sum(map(is_on_card, given)) > 1
        if name in WAITS or is_sized or is_mask or (name == "copy_" and not is_on_card(own)):
            self.wait()


class CardGraph:
    """What was captured: the same calls again, whose results go to where those of the first time are."""

    def __init__(self) -> None:
        self.calls: Calls = []

    def replay(self) -> None:
        for func, args, kwargs, found in self.calls:
            again = func(*args, **kwargs)
            for old, new in zip(tensors_in(found), tensors_in(again), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


class CardStream:
    """A stream, in which everything is done at once."""

    def wait_stream(self, stream: object) -> None:
        pass


class CardGenerator(torch.Generator):
    device = CARD


class AnyGenerator(torch.Generator):
    def __new__(cls, device: Any = "cpu") -> torch.Generator:  # type: ignore[misc]
        return CardGenerator() if is_card(device) else GENERATOR(device)


GENERATOR = torch.Generator


def nothing(*_: Any, **__: Any) -> None:
    pass


@contextmanager
def forked(*_: Any, **__: Any) -> Iterator[None]:
    before = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(before)


FAKES: dict[str, Any] = {
    "Generator": AnyGenerator,
    "backends.cudnn.is_acceptable": lambda _: False,
    "cuda.Stream": CardStream,
    "cuda.current_stream": CardStream,
    "cuda.stream": nullcontext,
    "cuda.CUDAGraph": CardGraph,
    "cuda.is_available": lambda: True,
    "cuda.device_count": lambda: 1,
    "cuda.current_device": lambda: 0,
    "cuda.get_device_name": lambda *_: "a card that is not there",
    "cuda.is_bf16_supported": lambda *_, **__: True,
    "cuda.mem_get_info": lambda *_: (70 << 30, 80 << 30),
    "cuda.memory_reserved": lambda *_: 0,
    "cuda.memory_allocated": lambda *_: 0,
    "cuda.synchronize": nothing,
    "cuda.empty_cache": nothing,
    "cuda.get_rng_state": lambda *_: torch.zeros(0, dtype=torch.uint8),
    "cuda.set_rng_state": nothing,
    "cuda.manual_seed_all": nothing,
    "cuda.manual_seed": nothing,
    "random.fork_rng": forked,
}
"""What stands for parts of torch that would ask for a card."""


@contextmanager
def pretend_card() -> Iterator[PretendCard]:
    """Let `cuda:0` be there in this context, on this thread."""
    autocast, scaler, card = torch.autocast, torch.amp.GradScaler, PretendCard()
    grouped = torch._C._group_tensors_by_device_and_dtype

    def made_groups(*args: Any) -> Any:
        groups = grouped(*args).items()
        return {
            (CARD if any(map(is_on_card, tensors_in(found))) else device, dtype): found
            for (device, dtype), found in groups
        }

    def made_autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return autocast("cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    def made_scaler(device: str = "cuda", *args: Any, **kwargs: Any) -> Any:
        return scaler("cpu" if is_card(device) else device, *args, **kwargs)

    @contextmanager
    def capture(graph: CardGraph) -> Iterator[None]:
        card.captured = graph.calls
        try:
            yield
        finally:
            card.captured = None
            while card.before:
                changed, held = card.before.pop()
                changed.copy_(held)

    fakes = FAKES | {
        "_C._group_tensors_by_device_and_dtype": made_groups,
        "autocast": made_autocast,
        "amp.GradScaler": made_scaler,
        "cuda.graph": capture,
        "get_autocast_dtype": as_on_cpu(torch.get_autocast_dtype),
        "is_autocast_enabled": as_on_cpu(torch.is_autocast_enabled),
    }
    with ExitStack() as stack:
        for name, value in fakes.items():
            stack.enter_context(patch(f"torch.{name}", value))
        yield stack.enter_context(card)


def as_on_cpu(function: Callable[[str], Any]) -> Callable[[str], Any]:
    def known(kind: str = "cpu") -> Any:
        return function("cpu" if kind == "cuda" else kind)

    return known
