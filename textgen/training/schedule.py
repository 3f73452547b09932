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
ENOUGH_FOR_STEPS = 900
"""Updates from which on those of Muon have their usual size; in shorter runs over single characters they are
larger by the third root, for models that recommend it. With `char-lstm` on wiki, the best factor is about 1.7
in 164 updates, 1.5 in 326 and 1 in 977. Words and BPE are worse with it, and `gru`."""
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


def expected_updates(fraction: float, num_updates: int) -> float:
    """Return the updates of the whole run, of which `num_updates` took this fraction of the budget."""
    return num_updates / fraction if fraction > 0 else ASSUMED_UPDATES


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
    chars_per_token: float = 1.0
    is_timed: bool = False
    """True for a budget in seconds, in which longer sequences read more."""

    def at(self, fraction: float, num_updates: int) -> Rates:
        """Return what the next update uses, after `num_updates` that took this fraction of the budget."""
        peak = self.peak(expected_updates(fraction, num_updates))
        return Rates(peak.learning_rate * self._height(fraction), peak.momentum)

    def sequence_length(self, fraction: float, num_steps: int) -> int:
        """Return the tokens per stream of the next update; `num_steps` took this fraction of the budget."""
        longest = self.options.longest_sequence
        if self.options.sequence_length is not None or longest <= SHORTEST_SEQUENCE:
            return longest
        num_longest = num_steps / longest / fraction if fraction > 0 else 0.0
        # In sequences of 32, `word-lstm-glove` reads 1.25 times as much in less time, and is no worse after
        # 60 of the longest updates; `char-lstm` is worse by 0.02 after 130 (benchmarks/LOG.md).
        enough = ENOUGH_UPDATES / math.sqrt(self.chars_per_token) if self.is_timed else ENOUGH_UPDATES
        wanted = round(longest * num_longest / enough / SEQUENCE_STEP) * SEQUENCE_STEP
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

    def step_of_matrices(self, num_updates: float) -> float:
        """Return the factor of Muon's updates in a run of this many, unless the learning rate is given."""
        options = self.options
        if options.learning_rate is not None or options.start is not None or round(self.chars_per_token) > 1:
            return 1.0
        return max(1.0, min(math.cbrt(ENOUGH_FOR_STEPS / max(1.0, num_updates)), options.largest_step))

    def _height(self, fraction: float) -> float:
        """Return the learning rate at a fraction of the budget, relative to its peak."""
        warmup, floor = self.options.warmup_fraction, self.options.min_lr_factor
        if fraction < warmup:
            return max(fraction / warmup, 0.01)  # not zero, so that the first update has an effect
        rest = min(1.0, (fraction - warmup) / max(1e-9, 1 - warmup))
        return floor + (1 - floor) * (1 - rest)
