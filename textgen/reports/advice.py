"""What to try next: an entry of another kind where counting does nearly as well, and what the curves tell."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from textgen.defaults import ENTRIES, LANGUAGE
from textgen.experiment.entry import COPIES
from textgen.experiment.entry_result import EntryResult
from textgen.reports.answer import classes
from textgen.reports.formats import plain
from textgen.reports.rows import EntryRow, entry_rows
from textgen.results.comparison import Comparison, EntryScore, ReferenceScore
from textgen.training.budget import Budget

NEAR = 0.15
"""Share of a score by which counting may be behind so that a mixture with it is worth trying."""
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
    return next((said for said in (other_entry(result), *next_steps(result)) if said), "")


def other_entry(result: Comparison) -> str:
    """Return which mixture is likely better than the best entry that is trained; empty if none is known.

    Its parts are those of entries that are known here: compared, references, or compared by default.
    """
    entries = next((each for each in classes(result) if not each.best.reads_on), None)
    best = next((each for each in entries.scores if each.name in entries.read), None) if entries else None
    if entries is None or best is None:
        return ""
    tokenizer, _, _ = _parts(best.name) or ("", [], [])
    fixed = [each for each in result.references if not (each.reads_on or each.is_pretrained)]
    known: list[EntryScore | ReferenceScore] = [*entries.scores, *fixed]
    for each in sorted(known, key=lambda each: each.bits_per_char):
        advised = "" if each.name in entries.read else _mixture(best.name, each.name, result)
        behind = each.bits_per_char / best.bits_per_char - 1
        # Counts of other tokens only tell that these are better if they are ahead themselves.
        if advised and behind < (NEAR if advised.split("-")[0] == tokenizer else 0):
            return plain(
                f"Counting ({each.name}, {each.bits_per_char:.3f}) "
                f"{'comes near' if behind > 0 else 'is ahead of'} {best.name} ({best.bits_per_char:.3f}): "
                f"{advised}, a mixture with it, is likely better."
            )
    return ""


def _mixture(best: str, counts: str, result: Comparison) -> str:
    """Return the mixture of an entry, or of a usual one over other tokens, with one that counts."""
    if not (counted := _parts(counts)):
        return ""
    tokenizer, models, _ = counted
    compared = [parts for run in result.entries if (parts := _parts(run.name))]
    if any(each == tokenizer and {*models} < {*of} for each, of, _ in compared):
        return ""
    own, usual = _parts(best), [parts for name in ENTRIES.split() if (parts := _parts(name))]
    known = [parts for parts in usual if parts[0] == tokenizer and result.corpus.language == LANGUAGE]
    if own and own[0] == tokenizer:  # perhaps with the embedding that the same model usually has
        known = [parts for parts in known if parts[1] == own[1] and not own[2]] or [own]
    if not known:
        return ""
    _, others, embedding = known[0]
    options = best.partition(":")[1:] if own and own[1] == others else ()
    return "-".join([tokenizer, "+".join([*others, *models]), *embedding]) + "".join(options)


def _parts(entry: str) -> tuple[str, list[str], list[str]] | None:
    """Return tokenizer, models and embedding of an entry by its name; None of an alias or a compressor."""
    tokenizer, *others = entry.partition(":")[0].rpartition(COPIES)[2].split("-")
    return (tokenizer, others[0].split("+"), others[1:]) if others else None


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
        return f"was {unused}: more training text may help it, more time does not."
    falls = [each for run in trained if (each := fall(run)) is not None]
    if not falls:
        return ""
    fell = fmean(falls)
    if fell < -MIN_FALL:
        return "got worse at the end of its training: more training text may help it, more time does not."
    if fell < MIN_FALL:
        return _levelled_off(fmean(run.train.num_epochs / run.num_copies for run in trained))
    more = budget.times(TIMES)
    what = f"try --budget {more}" if more else "try a larger budget"
    return f"still falls, by {fell:.3f} bits per character in the last fifth of its training: {what}."


def _levelled_off(num_epochs: float) -> str:
    """Return what may help a model to which reading its text again gives nothing more."""
    if num_epochs < MANY_EPOCHS:
        return "has levelled off: a larger model may help it more than time."
    return (
        f"has levelled off after reading its training text {num_epochs:.0f} times: more text may help it "
        "more than time or a larger model."
    )
