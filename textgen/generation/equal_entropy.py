"""Samplers of a given entropy, so that entries write equally freely.

One temperature is not the same freedom for every model: at 0.8 a character model's choices may have 2.1 bits
per character and a word model's 1.4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp, log

from scipy.optimize import brentq

from textgen.generation.bound_sampler import BoundSampler

COLDEST, HOTTEST = 0.05, 8.0
"""The temperatures that are searched."""
STEP = 1.5
"""Ratio of the temperatures that are tried until one lies on either side."""
TOLERANCE = 0.005
"""Relative error of the temperature."""
DECIMALS = 2
"""Those of the temperature, as shown: rounding in bf16 moves the third one between processes."""
NUM_MEASURED, MEASURED_CHARS = 16, 150
"""Samples without a prompt from which the entropy at one temperature is measured, and their length."""


def at_entropy(sampler: BoundSampler, measure: Callable[[BoundSampler], float]) -> BoundSampler:
    """Return a sampler at the temperature at which its choices have the entropy that it asks for.

    `measure` returns the bits per character of the choices of a sampler; it rises with the temperature. If no
    temperature has this entropy, as for a model that gives every token the same probability, it is the one
    that comes nearest of those that were tried, beginning with 1.
    """
    wanted = sampler.entropy
    assert wanted is not None  # the caller has asked

    @cache
    def excess(log_temperature: float) -> float:
        return measure(sampler.at(exp(log_temperature))) - wanted

    step = -log(STEP) if excess(0.0) > 0 else log(STEP)
    tried = [0.0]
    while excess(tried[-1]) * step < 0:
        if not log(COLDEST) < tried[-1] < log(HOTTEST):
            return sampler.at(exp(min(tried, key=lambda each: round(abs(excess(each)), 3))))
        tried.append(tried[-1] + step)
    if len(tried) == 1:
        return sampler.at(1.0)
    found: float = brentq(excess, tried[-2], tried[-1], xtol=TOLERANCE, disp=False)
    return sampler.at(max(round(exp(found), DECIMALS), 0.1**DECIMALS))
