"""What another pace of the machine would change: the part of a seed in a score under a budget in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textgen.training.progress import Progress, unevenness

STEADY = 0.05
"""Standard deviation of the logarithm of the characters that a run reads in a given time, on a machine whose
pace does not change in a run."""
DISTURBANCE_SECONDS = 10.0
"""How long a pace lasts before something changes it: neighbours on the same host, other work on the same
cores, heat. The utilization of the CPU need not show it."""
GAIN = 1.0
"""Bits that e times as many characters are worth, relative to those that twice as many gain at the end of
training. All three are from runs that differ in the seed only (`pace` in benchmarks/LOG.md)."""
LEAST_UTILIZATION = 0.01
"""Less counts as this much."""


def pace_sd(curve: Sequence[Progress], cpu_utilization: float | None) -> float:
    """Return the standard deviation of a score, in bits per character, that the pace of its run adds.

    That is what the last doubling of the characters gained, by its curve of validations, times the spread of
    the pace.
    """
    points = [(each.num_chars, each.validation_bits_per_char) for each in curve]
    known = [(number, bits) for number, bits in points if bits is not None]
    if not known:
        return 0.0
    half = known[-1][0] / 2
    before = min(known, key=lambda point: abs(math.log(point[0] / half)))
    doublings = math.log2(known[-1][0] / before[0]) or 1.0
    gained = max(0.0, before[1] - min(bits for _, bits in known)) / doublings
    return GAIN * gained * _pace_spread(curve, cpu_utilization)


def _pace_spread(curve: Sequence[Progress], cpu_utilization: float | None) -> float:
    """Return the standard deviation of the logarithm of the mean pace between a run and another one.

    The pace is taken for an Ornstein-Uhlenbeck process, of which the second half of a run shows the changes
    within it: the shorter the run, the more of them it does not show. A share of the CPU that was lost counts
    as a whole, since another run may lose none of it.
    """
    seconds = max(curve[-1].seconds, 1.0)
    hidden = _variance_of_mean(seconds) / (1 - _variance_of_mean(seconds / 2))
    lost = 0.0 if cpu_utilization is None else max(0.0, -math.log(max(cpu_utilization, LEAST_UTILIZATION)))
    return math.hypot(STEADY, math.sqrt(hidden) * unevenness(curve), lost)


def _variance_of_mean(seconds: float) -> float:
    """Return the variance of the mean of such a process of variance 1 over some seconds."""
    length = seconds / DISTURBANCE_SECONDS
    return 2 * (length - 1 + math.exp(-length)) / length**2
