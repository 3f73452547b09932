"""The schedule of learning rate, momentum and sequence length.

Unless given, these follow from what a run can do. A short run needs high rates and a short memory: with N
updates in all, the best peak of the learning rate falls about as the root of N, and so does the best share of
the newest gradient in the momentum. A run that could do few updates does more and smaller ones, on shorter
sequences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from textgen.training.train_options import TrainOptions

RATE, MIN_RATE, MAX_RATE = 0.15, 1e-3, 0.02
"""Peak learning rate times the root of the number of updates, and its bounds."""
TRAVEL, MIN_STARTED_RATE, MAX_STARTED_RATE = 0.35, 3e-4, 4e-3
"""Peak learning rate times the number of updates of an entry that starts from a run, and its bounds: how far
weights move is what makes them fit the new text and forget the other one. On 100 thousand characters of a
novel, `char-hier` that had read wiki is best with 0.004 in 135 updates and with 0.001 in 327."""
NEWEST, MIN_NEWEST, MAX_NEWEST = 2.7, 0.05, 0.25
"""Weight of the newest gradient in the momentum, times the root of the number of updates, and its bounds."""
SHORTEST_SEQUENCE, SEQUENCE_STEP, ENOUGH_UPDATES = 16, 8, 150
"""Sequences are shortened if the longest ones would allow fewer updates than that. With `char-lstm` on lee
and wiki, 16 tokens are better than 32 by 0.29, 0.15 and 0.02 bits per character of validation where those
allow 38, 71 and 128 updates, and worse by 0.05 where they allow 450."""
FEWEST_STREAMS, STREAM_STEP = 16, 8
"""Then fewer streams are read in parallel. `word-lstm` after 300 thousand characters, of 100 and of 300
thousand of a novel, is better with 32 streams than with 96 by 0.08 and 0.05 bits per character (141 and 134
updates instead of 47 and 45), and with 16 as good; on wiki, 48 are no better where 96 allow 128 updates."""
ASSUMED_UPDATES = 1000
"""Number of updates in a run of which nothing is known yet."""


def num_streams(num_tokens: float, most: int) -> int:
    """Return the streams to read in parallel by a run that reads this many tokens, of `most` at most."""
    enough = num_tokens / (SHORTEST_SEQUENCE * ENOUGH_UPDATES)
    return min(max(round(enough / STREAM_STEP) * STREAM_STEP, FEWEST_STREAMS), most)


def enough_updates(chars_per_token: float) -> float:
    """Return `ENOUGH_UPDATES` of a run under a budget in seconds, where longer sequences read more.

    Tokens of several characters need fewer updates. In the time of 1.1 million characters in sequences of 16,
    `word-lstm-glove` reads 1.4 million in sequences of 32, and has 1.695 instead of 1.705 on wiki and 1.483
    instead of 1.487 on a novel (`char-lstm` loses 0.02 by that).
    """
    return float(ENOUGH_UPDATES / math.sqrt(max(1.0, chars_per_token)))


@dataclass(frozen=True)
class Rates:
    """Learning rate, momentum and sequence length of an update."""

    learning_rate: float
    momentum: float
    sequence_length: int | None = None
    """Tokens per stream and update; None if it was not recorded."""


@dataclass(frozen=True)
class Schedule:
    """The learning rate rises linearly, then falls linearly to the end of the budget."""

    options: TrainOptions
    enough_updates: float = ENOUGH_UPDATES
    """Updates with the longest sequences below which those are shortened."""

    def at(self, fraction: float, num_updates: int) -> Rates:
        """Return what the next update uses, after `num_updates` that took this fraction of the budget."""
        peak = self.peak(num_updates / fraction if fraction > 0 else ASSUMED_UPDATES)
        return Rates(peak.learning_rate * self._height(fraction), peak.momentum)

    def sequence_length(self, fraction: float, num_steps: int) -> int:
        """Return the tokens per stream of the next update; `num_steps` took this fraction of the budget."""
        longest = self.options.longest_sequence
        if self.options.sequence_length is not None or longest <= SHORTEST_SEQUENCE:
            return longest
        num_longest = num_steps / longest / fraction if fraction > 0 else 0.0
        wanted = round(longest * num_longest / self.enough_updates / SEQUENCE_STEP) * SEQUENCE_STEP
        return min(max(wanted, SHORTEST_SEQUENCE), longest)

    def peak(self, num_updates: float) -> Rates:
        """Return the peak learning rate and the momentum of a run of this many updates."""
        root = math.sqrt(max(1.0, num_updates))
        rate, momentum = self.options.learning_rate, self.options.momentum
        if rate is None and self.options.start is not None:
            rate = min(max(TRAVEL / max(1.0, num_updates), MIN_STARTED_RATE), MAX_STARTED_RATE)
        if rate is None:
            rate = min(max(RATE / root, MIN_RATE), MAX_RATE)
        if momentum is None:
            momentum = 1 - min(max(NEWEST / root, MIN_NEWEST), MAX_NEWEST)
        return Rates(rate, momentum)

    def _height(self, fraction: float) -> float:
        """Return the learning rate at a fraction of the budget, relative to its peak."""
        warmup, floor = self.options.warmup_fraction, self.options.min_lr_factor
        if fraction < warmup:
            return max(fraction / warmup, 0.01)  # not zero, so that the first update has an effect
        rest = min(1.0, (fraction - warmup) / max(1e-9, 1 - warmup))
        return floor + (1 - floor) * (1 - rest)
