"""Progress and result of a training run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import stdev
from typing import Any, TypeAlias

from textgen.runtime.storage.json_records import Amount, Count, Share
from textgen.training.schedule import Rates

MIN_CPU_UTILIZATION, MAX_UNEVENNESS = 0.8, 0.15
"""A run was disturbed if its CPU utilization is below the first or its unevenness above the other."""

LATE_SHARE = 0.7
"""The share of the updates after which the best weights come late enough."""


@dataclass(frozen=True)
class Progress:
    """Progress of a training run."""

    fraction: Amount
    """Share of the budget that is spent."""
    seconds: Amount
    num_updates: Count
    num_epochs: Amount
    num_chars: Count
    train_bits_per_char: float
    """Running average of the training loss."""
    validation_bits_per_char: float | None = None
    """Only right after a validation."""
    learning_rate: float | None = None
    """The rate of the last update."""


@dataclass(frozen=True)
class Moment:
    """A moment of training, and what the model in training wrote then, without a prompt."""

    progress: Progress
    text: str


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """Result of a training run; the model holds its best weights."""

    seconds: Amount
    """Training alone, without validation."""
    validation_seconds: Amount
    num_updates: Count
    num_epochs: Amount
    num_chars: Count
    chars_per_second: Amount
    best_update: Count
    """The update with the best validation score."""
    best_share: Share | None = None
    """The share of the updates after which that was, of several models the least; None if not recorded."""
    used_share: Amount = 1.0
    """The share of the budget that was used, which is less if training ended early."""
    curve: tuple[Progress, ...] = ()
    """Progress at each validation."""
    moments: tuple[Moment, ...] = ()
    """What was written while it was trained."""
    rates: Rates | None = None
    """The peak learning rate and the momentum, whether given or automatic; None without gradients."""
    cpu_utilization: Amount | None = None
    """Share of the CPU time that training wanted and got (see `CpuShare`), without validation; None on a
    GPU, and for models that are not trained by gradient."""
    unevenness: Amount = 0.0
    """Standard deviation of the logarithm of the pace in the second half; of several models, the greatest;
    zero under budgets that are not in time."""
    pace_sd: Amount = 0.0
    """Bits per character by which the score would likely change at another pace of the machine, a standard
    deviation; zero under budgets that are not in time."""
    single_thread_share: Share = 0.0
    """The share of its updates that one thread made, since other work slowed several down."""
    stopped: str | None = None
    """The reason for ending before the budget was spent: training diverged, so earlier weights count."""
    micro_batches: Count = 1
    """Parts of a batch that were computed one after the other, since all of it did not fit in memory."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Problems in training that the score alone does not show."""
        alone = f"used a single thread for {100 * self.single_thread_share:.0f} % of its updates (busy cores)"
        split = f"the batch did not fit in memory and was computed in {self.micro_batches} parts"
        remarks = {alone: self.single_thread_share > 0, split: self.micro_batches > 1}
        return (*filter(None, [self.stopped]), *(remark for remark, is_true in remarks.items() if is_true))

    @property
    def unused(self) -> str | None:
        """A remark that less training would have done; None if most of it helped, or it diverged."""
        if self.stopped:
            return None
        if self.used_share < 1:
            return f"ended after {100 * self.used_share:.0f} % of its budget, since more did not help"
        if self.best_share is not None and self.best_share < LATE_SHARE:
            return f"best after {100 * self.best_share:.0f} % of its updates"
        return None

    @property
    def disturbance(self) -> str | None:
        """A remark that other work, of this machine or of its host, changed the pace; None if it did not."""
        share, changes = self.cpu_utilization, self.unevenness
        if share is not None and share < MIN_CPU_UTILIZATION:
            return f"got {100 * share:.0f} % of the CPU time that its training needed"
        if changes > MAX_UNEVENNESS:
            return f"trained at a speed that varied by {100 * changes:.0f} %"
        return None


def unevenness(curve: Sequence[Progress]) -> float:
    """Return the standard deviation of the logarithm of the pace, between the validations of the second half.

    In the first half sequences get longer, which changes the pace too. Zero if it is not known.
    """
    half = curve[-1].seconds / 2 if curve else 0.0
    paces = [
        (after.num_chars - before.num_chars) / (after.seconds - before.seconds)
        for before, after in pairwise(curve)
        if before.seconds >= half and after.seconds > before.seconds
    ]
    return stdev(map(math.log, paces)) if len(paces) > 1 and min(paces) > 0 else 0.0


# --- what another pace of the machine would change

STEADY = 0.05
"""Standard deviation of the logarithm of the characters that a run reads in a given time, on a machine whose
pace does not change in a run."""
DISTURBANCE_SECONDS = 10.0
"""How long a pace lasts before something changes it: neighbours on the same host, other work on the same
cores, heat. The utilization of the CPU need not show it."""
GAIN = 1.0
"""Gain from e times as many characters, relative to the gain of the last doubling in training. All three are
from runs that differ only in their seed."""
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


# --- reports of progress

REPORT_SECONDS = 0.05
"""Interval at which progress is reported to another process."""

OnProgress: TypeAlias = Callable[[Progress], None]
"""Called after each update."""


@dataclass(frozen=True)
class Stage:
    """A planned part of the work on an entry, or on all of them, which begins with the step of this state."""

    entry: str
    state: str
    seconds: Amount
    """About how long it takes on an idle machine."""
    is_timed: bool = False
    """True if it takes as long on a busy one, as training for a given time does."""


@dataclass(frozen=True)
class Step:
    """A step of the work on one of several entries, or on all of them."""

    state: str
    """In words, such as `tokenizing` or `writing samples`; an entry ends with `DONE` or `FAILED`. It is empty
    if there is nothing but a remark or a folder."""
    entry: str = ""
    """Empty in what is done for all entries."""
    progress: Progress | None = None
    """Only in training."""
    fraction: float | None = None
    """Share of the step that is done, if that is known; in training, `progress` has it."""
    index: int = 0
    """The number of the entry, from 1."""
    total: int = 0
    """The number of entries."""
    stages: tuple[Stage, ...] = ()
    """All stages that follow, once they are known: what takes their time is announced."""
    remark: str = ""
    """A note for people before the step begins."""
    text: str = ""
    """What the entry has just written, in training."""
    outcome: str = ""
    """The score of an entry that is done, or the reason why it failed."""
    folder: Path | None = None
    """Once, at the beginning: where results are saved."""


DONE, FAILED = "done", "failed"
"""The last states of an entry."""

Report: TypeAlias = Callable[[Step], None]
"""Called when a step begins, and while it makes progress."""


def ignore_report(step: Progress | Step) -> None:
    """Do nothing: the default for `OnProgress` and `Report`."""


def filled_in(report: Report, **fields: Any) -> Report:
    """Return a function that reports steps with these fields set, such as `index` and `total`."""
    return lambda step: report(replace(step, **fields))


def seldom(report: Report) -> Report:
    """Return a function that reports steps, but of training only each validation and some of the rest."""
    last = 0.0

    def report_some(step: Step) -> None:
        nonlocal last
        progress, now = step.progress, time.monotonic()
        if progress is None or progress.validation_bits_per_char is not None or now - last > REPORT_SECONDS:
            last = now
            report(step)

    return report_some
