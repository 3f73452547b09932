"""What another pace of the machine would change: the part of a seed in a score under a budget in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textgen.training.progress import Progress

QUIET, SHARED = 0.005, 1.2
"""Standard deviation of the logarithm of the characters that a run reads in a given time, on a machine with
no other work; and what other work adds to it in a second of training that gets no CPU time."""
GAIN = 1.5
"""Bits that e times as many characters are worth, relative to those that twice as many gain at the end of
training. All three are from runs that differ in the seed only (benchmarks/results/pace.json)."""


def pace_sd(curve: Sequence[Progress], cpu_utilization: float | None) -> float:
    """Return the standard deviation of a score, in bits per character, that the pace of its run adds.

    That is what the last doubling of the characters gained, by its curve of validations, times the spread of
    the pace. Where other work took a share of the CPU, that much is missing, and what comes and goes has a
    variance that falls with the seconds, as that of a mean does.
    """
    points = [(each.num_chars, each.validation_bits_per_char) for each in curve]
    known = [(number, bits) for number, bits in points if bits is not None]
    if not known:
        return 0.0
    half = known[-1][0] / 2
    before = min(known, key=lambda point: abs(math.log(point[0] / half)))
    doublings = math.log2(known[-1][0] / before[0]) or 1.0
    gained = max(0.0, before[1] - min(bits for _, bits in known)) / doublings
    lost = 0.0 if cpu_utilization is None else max(0.0, 1 - cpu_utilization)
    return GAIN * gained * (QUIET + lost + SHARED * math.sqrt(lost / max(curve[-1].seconds, 1.0)))
