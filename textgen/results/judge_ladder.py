"""A ladder: the same comparison under several budgets, what each step changes, and who passes whom."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations, pairwise
from statistics import fmean

from textgen.evaluation.intervals import MeasuredValue, SeedPrior, crossing, difference, holm
from textgen.experiment.entry_result import FailedEntry
from textgen.results.comparison import Comparison, EntryScore
from textgen.results.header import JudgedHeader
from textgen.results.judge import rank_entries, score_sample
from textgen.results.ladder import BudgetStep, Crossing, Ladder, Rung
from textgen.results.row import Row, rows_by_entry
from textgen.training.budget import parse_budget

SCORE = "bits_per_char"

Samples = Mapping[str, Mapping[str, MeasuredValue]]
"""By budget, from the smallest on, and by entry: the score."""


@dataclass(frozen=True)
class LadderVerdicts:
    """What follows from the rows of a ladder."""

    rungs: tuple[Rung, ...]
    steps: tuple[BudgetStep, ...]
    crossings: tuple[Crossing, ...]


def ladder(results: Sequence[Comparison], command: str | None) -> Ladder:
    """Return the ladder of comparisons of the same entries on the same text, from the smallest budget on."""
    last = results[-1]
    rows = {result.budget: rows_by_entry(result.runs, result.scored_on) for result in results}
    common = {each.name: getattr(last, each.name) for each in fields(JudgedHeader)}
    return Ladder(
        **common | {"command": command, "seed_priors": {SCORE: last.seed_priors[SCORE]}},
        budgets=tuple(rows),
        scored_on=last.scored_on,
        references=last.references,
        **vars(judge_ladder(rows, last.seed_priors[SCORE])),
        failures={
            f"{row.name}, {result.budget}, seed {row.seed}": row.error
            for result in results
            for row in result.entries
            if isinstance(row, FailedEntry)
        },
    )


def judge_ladder(rows: Mapping[str, Mapping[str, Sequence[Row]]], prior: SeedPrior) -> LadderVerdicts:
    """Return what follows from the rows by budget, from the smallest on, and by entry."""
    samples = {
        budget: {
            name: sample for name, own in entries.items() if (sample := score_sample(own, prior)) is not None
        }
        for budget, entries in rows.items()
    }
    reading = {
        name for entries in rows.values() for name, own in entries.items() if any(row.reads_on for row in own)
    }
    scores = {
        budget: {
            each.name: replace(each, reads_on=reads_on)
            for reads_on in (False, True)
            for each in rank_entries({name: of[name] for name in of if (name in reading) == reads_on})[0]
        }
        for budget, of in samples.items()
    }
    rungs = [
        _rung(name, budget, own, scores[budget].get(name))
        for budget, entries in rows.items()
        for name, own in entries.items()
    ]
    return LadderVerdicts(tuple(rungs), tuple(_steps(samples)), tuple(_crossings(samples, reading)))


def _rung(name: str, budget: str, rows: Sequence[Row], score: EntryScore | None) -> Rung:
    def mean(values: Iterable[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    return Rung(
        entry=name,
        budget=budget,
        runs=tuple(rows),
        score=score,
        num_chars=mean(row.num_chars for row in rows) or 0.0,
        num_updates=mean(row.num_updates for row in rows) or 0.0,
        seconds=mean(row.seconds for row in rows) or 0.0,
        best_share=mean(row.best_share for row in rows),
    )


def _steps(samples: Samples) -> Iterable[BudgetStep]:
    """Return the steps of entries that are trained; p-values are adjusted for their number."""
    found = [
        (name, before, after, difference(samples[after][name], samples[before][name]))
        for name in dict.fromkeys(name for of in samples.values() for name in of)
        for before, after in pairwise(samples)
        if all((sample := samples[budget].get(name)) and sample.prior for budget in (before, after))
    ]
    p_values = holm([change.p_value for *_, change in found])
    for (name, before, after, change), p_value in zip(found, p_values, strict=True):
        yield BudgetStep(
            entry=name,
            before=before,
            after=after,
            bits_per_char=change.value,
            interval=change.interval,
            p_value=p_value,
        )


def _crossings(samples: Samples, reading: Collection[str]) -> Iterable[Crossing]:
    """Return who passes whom of the same class, `reading` being those that read on.

    Pairs of entries that do not depend on the budget are left out.
    """
    amounts, values = [parse_budget(budget).amount for budget in samples], list(samples.values())
    names = [name for name in values[-1] if all(name in of for of in values)]
    for pair in combinations(names, 2):
        if len({name in reading for name in pair}) > 1:
            continue
        ahead, behind = sorted(pair, key=lambda name: values[-1][name].value)
        if any(of[name].prior for of in values for name in pair):
            amount, interval = crossing(amounts, *([of[name] for of in values] for name in (behind, ahead)))
            if math.isinf(amount):  # their scores are equal
                continue
            ends = None
            if interval is not None:
                ends = interval[0], None if math.isinf(interval[1]) else interval[1]
            yield Crossing(ahead=ahead, behind=behind, amount=amount, interval=ends)
