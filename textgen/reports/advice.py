"""What to try next, by the curves of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from textgen.experiment.entry_result import EntryResult
from textgen.reports.formats import plain
from textgen.reports.rows import EntryRow, entry_rows
from textgen.results.comparison import Comparison
from textgen.training.budget import Budget

END = 0.8
"""Share of training after which the curve shows whether more would help."""
MIN_FALL = 0.003
"""Smallest fall in that part, in bits per character, that counts as still falling."""
EPSILON = 0.01
"""Share by which a validation may come late."""
TIMES = 3
"""The budget that is worth trying, as a multiple."""
MANY_EPOCHS = 3
"""Times that a text was read after which a model that has levelled off lacks text and not parameters."""


def advice(result: Comparison) -> str:
    """Return what to try first; empty if nothing is known."""
    return next(next_steps(result), "")


def next_steps(result: Comparison) -> Iterator[str]:
    """Yield what to try next with each entry that has a rank and was trained, the best first."""
    for row in entry_rows(result):
        if row.comparable and row.runs and (said := _next_step(row, result.budget)):
            yield plain(f"{row.name} {said}")


def fall(run: EntryResult) -> float | None:
    """Return the fall of the validation score in the last fifth of training, in bits per character.

    Of copies, which are trained one after another, it is that of the last one. None if there is no
    validation before that part.
    """
    curve = [(at.fraction, at.validation_bits_per_char) for at in run.train.curve]
    known = [(fraction, bits) for fraction, bits in curve if bits is not None]
    share, end = 1 / run.num_copies, known[-1][0] if known else 0.0
    last = [(fraction, bits) for fraction, bits in known if fraction > (1 - share) * end + EPSILON]
    before = [bits for fraction, bits in last if fraction <= (1 - share * (1 - END)) * end + EPSILON]
    return before[-1] - last[-1][1] if before else None


def _next_step(row: EntryRow, budget: Budget) -> str:
    trained = [run for run in row.runs if run.train.num_updates]
    if stopped := next(filter(None, (run.train.stopped for run in trained)), None):
        return f"did not use its budget: {stopped}."
    if unused := next(filter(None, (run.train.unused for run in trained)), None):
        return f"was {unused}: more training text may help, more time does not."
    falls = [each for run in trained if (each := fall(run)) is not None]
    if not falls:
        return ""
    fell = fmean(falls)
    if fell < -MIN_FALL:
        return "got worse at the end of its training: more training text may help, more time does not."
    if fell < MIN_FALL:
        return _levelled_off(fmean(run.train.num_epochs / run.num_copies for run in trained))
    more = budget.times(TIMES)
    what = f"try --budget {more}" if more else "try a larger budget"
    return f"was still improving, by {fell:.3f} bits per character in the last fifth of training: {what}."


def _levelled_off(num_epochs: float) -> str:
    """Return what may help a model to which reading its text again gives nothing more."""
    if num_epochs < MANY_EPOCHS:
        return "has levelled off: a larger model may help more than more time."
    return (
        f"has levelled off after reading its training text {num_epochs:.0f} times: more text may help "
        "more than more time or a larger model."
    )
