"""Speeds of two pieces of work, measured in turn, and the peak speed of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

Work = Callable[[], int]
"""A piece of work: a callable that returns the number of units (characters, tokens) it processed."""


def use_cpu(seconds: float) -> float:
    """Use CPU time of this thread; return how much."""
    matrix, began = torch.ones(128, 128), time.thread_time()
    while (used := time.thread_time() - began) < seconds:
        matrix = (matrix @ matrix).clamp_(max=1)
    return used


@dataclass(frozen=True)
class UsedTime:
    """Result of a job."""

    seconds: float


@dataclass(frozen=True)
class WorkJob:
    """A job that uses CPU time."""

    seconds: float
    plugin_files: Sequence[Path] = ()
    folder: None = None
    num_assistants: int = 0

    def compute(self, report: object) -> UsedTime:  # noqa: ARG002 - it has nothing to tell
        """Use the time; return how much it was."""
        return UsedTime(use_cpu(self.seconds))


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

    @property
    def ratio_cell(self) -> str:
        """The ratio and its range, as in a table."""
        return "{:.2f} ({:.2f}-{:.2f})".format(self.ratio, *self.ratio_range)


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
