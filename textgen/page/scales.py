"""Scales of charts, their round ticks, and places of labels that must not overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A linear scale from values `low` to `high` to places `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.begin + share * (self.end - self.begin), 2)

    def ticks(self, number: int = 5) -> list[float]:
        """Return about `number` round values within the scale."""
        step = round_step((self.high - self.low) / number)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def spanning(values: Iterable[float], begin: float, end: float, margin: float = 0.05) -> Scale:
    """Return a scale that holds all values, with a margin as a share of their range."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    room = (high - low or abs(high) or 1) * margin
    return Scale(low - room, high + room, begin, end)


def round_step(step: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … times a power of ten that is not less than `step`."""
    if step <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def tick_label(value: float) -> str:
    """Return a tick in at most four significant digits."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if abs(value) >= 1e4 else f"{value:.4g}"


def round_log_ticks(values: Iterable[float]) -> dict[float, str]:
    """Return the 1, 2 and 5 times powers of ten within the range of positive values, with their labels."""
    known = list(values) or [1.0]
    low, high = min(known), max(known)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return {tick: tick_label(tick) for tick in ticks if low <= tick <= high}


def spread(places: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Return places for labels, near the wanted ones, at least `distance` apart where there is room."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    apart = [0.0] * len(places)
    at_least = low
    for index in order:
        apart[index] = at_least = max(places[index], at_least)
        at_least += distance
    at_most = high
    for index in reversed(order):
        apart[index] = at_most = min(apart[index], at_most)
        at_most -= distance
    return apart
