"""Speeds of two pieces of work, measured in turn, and the peak speed of the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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

    def compute(self, report: object) -> UsedTime:  # noqa: ARG002 - it has nothing to tell
        """Use the time; return how much it was."""
        return UsedTime(use_cpu(self.seconds))


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """One comparison in the results: medians of both speeds and of their ratio."""

    name: str
    unit: str
    ours: float
    reference: float
    ratio: float
    ratio_range: tuple[float, float]
    gflops: float | None
    share_of_peak: float | None


@dataclass
class Comparison:
    """Speeds of textgen and of a reference in units per second, measured in turn."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    flops_per_unit: float = 0.0

    @property
    def ratios(self) -> list[float]:
        """The speeds of textgen over the reference's, pair by pair, so that the machine's drift cancels."""
        return [a / b for a, b in zip(self.ours, self.reference, strict=True)]

    def row(self, peak_gflops: float) -> SpeedRow:
        """Return the medians, the range of the ratio and the share of the machine's peak."""
        speed = statistics.median(self.ours)
        achieved = speed * self.flops_per_unit / 1e9
        return SpeedRow(
            name=self.name,
            unit=f"{self.unit}/s",
            ours=speed,
            reference=statistics.median(self.reference),
            ratio=statistics.median(self.ratios),
            ratio_range=(min(self.ratios), max(self.ratios)),
            gflops=achieved or None,
            share_of_peak=achieved / peak_gflops or None,
        )


def compare(
    name: str, unit: str, *, ours: Work, reference: Work, repetitions: int, flops: float = 0.0
) -> Comparison:
    """Return the speeds of both, measured in turn `repetitions` times after a warm-up."""
    result = Comparison(name, unit, flops_per_unit=flops)
    for repetition in range(repetitions + 1):
        speeds = [speed(work) for work in (ours, reference)]
        if repetition:
            result.ours.append(speeds[0])
            result.reference.append(speeds[1])
    return result


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
