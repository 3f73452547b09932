"""What follows from the rows of a saved result, computed again by the code that judged them."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any, TypeAlias

from textgen.data.split import PARTS
from textgen.evaluation.scoring import MAX_WORD_BITS, BitsByCategory, Score, ScoredUnits, interval
from textgen.evaluation.token_bits import LOG2
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.results.comparison import Comparison, ReferenceScore
from textgen.results.judge import judge, judge_ladder, reference_score
from textgen.results.ladder import Ladder
from textgen.results.row import Row, rows_by_entry
from textgen.training.budget import Budget

Values: TypeAlias = dict[str, Any]
"""Values of a record by their fields, perhaps not all of them: see `textgen_verify.compare`."""


def rebuild_comparison(result: Comparison) -> Values:
    """Return the values of a comparison that follow from its rows."""
    rows = rows_by_entry(result.runs, result.scored_on)
    return {
        "scored_on": "test" if result.corpus.split.test.num_chars else "validation",
        "machine": result.runs[0].machine if result.runs else result.machine,
        "entries": [_row(row, result) for row in result.entries],
        "references": [_reference(each) for each in result.references],
        **vars(judge(rows, result.held_out, result.seed_priors, result.other_metrics)),
    }


def rebuild_ladder(result: Ladder) -> Values:
    """Return the values of a ladder that follow from its rows."""
    rows: dict[Budget, dict[str, Sequence[Row]]] = {budget: {} for budget in result.budgets}
    for rung in result.rungs:
        rows[rung.budget][rung.entry] = rung.runs
    judged = judge_ladder(rows, result.seed_priors["bits_per_char"])
    return {
        "references": [_reference(each) for each in result.references],
        "steps": judged.steps,
        "rungs": [
            {name: each for name, each in vars(rung).items() if name != "runs"} for rung in judged.rungs
        ],
    }


def _row(row: EntryResult | FailedEntry, result: Comparison) -> Values:
    """Return the scores of a run by the bits of stretches, and its speed."""
    if isinstance(row, FailedEntry):
        return {}
    again: Values = {"train": {"chars_per_second": row.train.num_chars / max(row.train.seconds, 1e-9)}}
    for part in PARTS[1:]:
        score: Score | None = getattr(row, part)
        if score and score.units:
            again[part] = _score(score, score.units, row, result)
    return again


def _score(score: Score, units: ScoredUnits, row: EntryResult, result: Comparison) -> Values:
    """Return a score by the bits of its stretches."""
    bits = fsum(units.bits)
    bits_per_char = bits / sum(units.num_chars)
    again = {
        "bits_per_char": bits_per_char,
        "bits_by_category": _completed(score.bits_by_category, bits_per_char),
        "bits_per_char_without_oov": bits_per_char - score.bits_by_category.oov_words,
        "oov_rate": score.num_oov / score.num_words if score.num_words else 0.0,
        "bits_per_byte": bits / score.num_bytes,
        "nats_per_char": bits_per_char * LOG2,
        "perplexity_per_word": 2 ** min(bits / max(1, score.num_between_spaces), MAX_WORD_BITS),
        "interval": interval(units, score.seed_prior),
    }
    if score.bits_by_seen_words:
        again["bits_by_seen_words"] = _completed(score.bits_by_seen_words, bits_per_char)
    if score.seed_prior:
        prior = result.seed_priors["bits_per_char"]
        again["seed_prior"] = prior.after_runs([row.train.num_chars], [row.train.pace_sd])
    return again


def _completed(spent: BitsByCategory, whole: float) -> Values:
    """Return the last of the kinds of text, whose bits are what the others leave of the whole."""
    *others, last = vars(spent)
    return {last: whole - fsum(getattr(spent, name) for name in others)}


def _reference(saved: ReferenceScore) -> Values:
    """Return the score of a reference by the bits of its stretches."""
    if saved.units is None:
        return {}
    again = reference_score(saved.name, saved.description, saved.units)
    return {"bits_per_char": again.bits_per_char, "interval": again.interval}
