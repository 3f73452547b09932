"""What to try next with each entry, from the end of its learning curve and the share of the budget used."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from textgen.experiment.entry_result import EntryResult
from textgen.report.formats import plain
from textgen.report.rows import EntryRow, entry_rows
from textgen.results.comparison import Comparison
from textgen.training.budget import times

END = 0.8
"""Share of training after which the curve shows whether more would help."""
MIN_FALL = 0.003
"""Smallest fall in that part, in bits per character, that counts as still falling."""
EPSILON = 0.01
"""Share by which a validation may come late."""
TIMES = 3
"""The budget that is worth trying, as a multiple."""


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


def _next_step(row: EntryRow, budget: str) -> str:
    trained = [run for run in row.runs if run.train.num_updates]
    if stopped := next(filter(None, (run.train.stopped for run in trained)), None):
        return f"did not use its budget: {stopped}."
    if unused := next(filter(None, (run.train.unused for run in trained)), None):
        return f"was {unused}: more training text may help it, more time does not."
    falls = [each for run in trained if (each := fall(run)) is not None]
    if not falls:
        return ""
    fell = fmean(falls)
    if fell < -MIN_FALL:
        return "got worse at the end of its training: more training text may help it, more time does not."
    if fell < MIN_FALL:
        return "has levelled off: a larger model may help it more than time."
    more = times(budget, TIMES)
    what = f"try --budget {more}" if more else "try a larger budget"
    return f"still falls, by {fell:.3f} bits per character in the last fifth of its training: {what}."
