"""Speeds of two pieces of work, measured in turn, and the peak speed of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

import torch

from textgen.runtime.process_setup import keep_freed_memory

Work = Callable[[], int]
"""A piece of work: a callable that returns the number of units (characters, tokens) it processed."""

_built: list[Work] = []
"""The work of a process that `in_new_process` started."""


@contextmanager
def in_new_process(build: Callable[..., Work], *arguments: Any, keeps_memory: bool = False) -> Iterator[Work]:
    """Yield a piece of work that `build` makes in a new process (`build` and `arguments` are pickled).

    There, the settings that textgen makes in its own process do not help a reference. `keeps_memory` gives
    that process textgen's allocator settings. Without them the speed of a plain loop depends on where its
    blocks happen to be: at the end of the heap, they return to the system and are faulted in at every step.
    """
    context, prepared = get_context("spawn"), (build, arguments, keeps_memory)
    with ProcessPoolExecutor(1, context, initializer=_build, initargs=prepared) as process:
        yield lambda: process.submit(_work).result()


def _build(build: Callable[..., Work], arguments: tuple[Any, ...], keeps_memory: bool) -> None:
    if keeps_memory:
        keep_freed_memory()
    _built.append(build(*arguments))


def _work() -> int:
    return _built[0]()


@dataclass(frozen=True)
class Medians:
    """Medians over pairs of measurements, and the range of their ratio.

    Ratios are taken pair by pair, so that the machine's drift cancels.
    """

    ours: float
    reference: float
    ratio: float
    ratio_range: tuple[float, float]

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> Medians:
        """Return those of pairs, ours before the reference."""
        ratios = [ours / reference for ours, reference in pairs]
        ours, reference = map(median, zip(*pairs, strict=True))
        return cls(ours, reference, median(ratios), (min(ratios), max(ratios)))


def compare(ours: Work, reference: Work, repetitions: int) -> Medians:
    """Return the speeds of both, measured in turn `repetitions` times after a warm-up."""
    pairs = [(speed(ours), speed(reference)) for _ in range(repetitions + 1)]
    return Medians.of(pairs[1:])


def speed(work: Work) -> float:
    """Return the units per second of one call."""
    start = time.perf_counter()
    units = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return units / (time.perf_counter() - start)


def matmul_peak(dtype: torch.dtype, device: torch.device) -> float:
    """Return the GFLOP/s of a large matmul, the best of ten: an upper bound for all speeds."""
    left, right = (torch.ones(2048, 2048, dtype=dtype, device=device) for _ in range(2))

    def product() -> int:
        torch.mm(left, right)
        return 2 * 2048**3

    return max(speed(product) for _ in range(10)) / 1e9
