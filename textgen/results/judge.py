"""The judge: what follows from the rows of a result, and from nothing else.

Scores, their differences from the best and metrics of texts of a comparison; what larger budgets change on a
ladder. Saved rows can be judged again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations, pairwise
from statistics import fmean
from typing import TypeAlias

import numpy as np

from textgen.evaluation.intervals import (
    FIRST_CHARS,
    LEVEL,
    Contrast,
    MeasuredValue,
    SeedPrior,
    difference,
    estimate,
    holm,
    measured_ratio,
    rate_interval,
    smallest_clear,
)
from textgen.evaluation.metrics import METRICS, PERCENT, MetricInfo
from textgen.evaluation.scoring import ScoredUnits
from textgen.results.comparison import (
    Comparison,
    Difference,
    EntryScore,
    HeldOut,
    MetricEstimate,
    ReferenceScore,
    Resolution,
)
from textgen.results.header import JudgedHeader
from textgen.results.ladder import BudgetStep, Ladder, Rung
from textgen.results.row import Row, rows_by_entry
from textgen.training.budget import Budget

SCORE = "bits_per_char"
"""The metric that entries are ranked by."""
Ranking: TypeAlias = tuple[tuple[EntryScore, ...], tuple[Difference, ...]]
"""Scores, best first, and the differences of the others from the best."""
Samples = Mapping[Budget, Mapping[str, MeasuredValue]]
"""By budget, from the smallest on, and by entry: the score."""

HELD_OUT = "the held-out text"
"""The text that scores and metrics are measured on, where there is only one."""

UNKNOWN_FREEDOM = 3.0
"""Degrees of freedom of a prior that was not measured, as those of measured ones."""
MAX_SEEDS = 100
"""The most seeds that a comparison is said to need."""


@dataclass(frozen=True)
class Verdicts:
    """Scores, best first, their differences from the best, how small these may be, and metrics of text.

    Entries that read on come after the others, with differences from the best of their own.
    """

    scores: tuple[EntryScore, ...]
    differences: tuple[Difference, ...]
    resolution: Resolution | None
    metrics: tuple[MetricEstimate, ...]


def judge(
    rows: Mapping[str, Sequence[Row]],
    held_out: HeldOut,
    priors: Mapping[str, SeedPrior],
    other_metrics: Sequence[MetricInfo] = (),
) -> Verdicts:
    """Return what follows from the rows of a comparison by entry, several of one entry being its seeds.

    `other_metrics` are those of plugins.
    """
    samples, reading = score_samples(rows, priors[SCORE]), {name for name in rows if rows[name][0].reads_on}
    resolution = next(filter(None, map(resolution_of, _by_class(samples, reading))), None)
    compared = [each for each in (*METRICS.values(), *other_metrics) if each.best is not None]
    metrics = [
        each for metric in compared for each in _metric(metric, rows, held_out, priors.get(metric.name))
    ]
    return Verdicts(*rank_classes(samples, reading), resolution, tuple(metrics))


def score_samples(rows: Mapping[str, Sequence[Row]], prior: SeedPrior) -> dict[str, MeasuredValue]:
    """Return the scores of those entries that have a rank."""
    samples = {name: score_sample(own, prior) for name, own in rows.items()}
    return {name: sample for name, sample in samples.items() if sample is not None}


def samples_of(result: Comparison) -> dict[str, MeasuredValue]:
    """Return the scores of the entries of a comparison that have a rank; none without a prior for seeds."""
    prior = result.seed_priors.get(SCORE)
    return score_samples(rows_by_entry(result.runs, result.scored_on), prior) if prior else {}


def score_sample(rows: Sequence[Row], prior: SeedPrior, text: str = HELD_OUT) -> MeasuredValue | None:
    """Return the scores of an entry's rows on a text, or None if one of them has no rank.

    Values on the same text are paired.
    """
    units = [row.units for row in rows]
    if None in units:
        return None
    bits, sizes = (np.array([getattr(each, name) for each in units], float) for name in ("bits", "num_chars"))
    return measured_ratio(
        bits, sizes, f"stretches of {text}", _seeds(rows), _prior(rows, prior, is_score=True)
    )


def metric_sample(
    metric: str, rows: Sequence[Row], prior: SeedPrior | None, text: str = HELD_OUT
) -> MeasuredValue | None:
    """Return a metric of what an entry's rows wrote after passages of a text, or None if one lacks it.

    Without a prior, as for a metric of a plugin, seeds are taken to add as much variance as passages do,
    which is about so for textgen's own metrics.
    """
    values = [row.written.get(metric) for row in rows]
    shares = [row.pseudovalues.get(metric) for row in rows]
    if None in values or None in shares:
        return None
    pseudovalues = np.array(shares, float)
    if prior is None:
        sd = float(pseudovalues.std(axis=1).mean()) / math.sqrt(pseudovalues.shape[1])
        prior = SeedPrior(sd, UNKNOWN_FREEDOM, "as much as passages")
    seeds, own = _seeds(rows), _prior(rows, prior)
    return MeasuredValue(np.array(values, float), pseudovalues, f"passages of {text}", seeds, own)


def _seeds(rows: Sequence[Row]) -> tuple[int, ...]:
    return tuple(row.seed for row in rows)


def _prior(rows: Sequence[Row], prior: SeedPrior, *, is_score: bool = False) -> SeedPrior | None:
    """Return what is known about other seeds; None for entries that count, whose scores have no seed.

    Under budgets in time, another seed is also another pace, on which scores depend most.
    """
    trained = [row for row in rows if row.is_trained]
    num_chars = [row.num_chars or FIRST_CHARS for row in trained]
    return prior.after_runs(num_chars, [row.pace_sd * is_score for row in trained])


def _by_class(
    samples: Mapping[str, MeasuredValue], reading: Collection[str]
) -> list[dict[str, MeasuredValue]]:
    """Return the scores of entries that do not read on, and of those that do."""
    return [
        {name: each for name, each in samples.items() if (name in reading) == reads_on}
        for reads_on in (False, True)
    ]


def rank_classes(samples: Mapping[str, MeasuredValue], reading: Collection[str]) -> Ranking:
    """Return what `rank_entries` does of the entries that do not read on, then of those that do."""
    (scores, differences), (reading_scores, others) = map(rank_entries, _by_class(samples, reading))
    return (*scores, *(replace(each, reads_on=True) for each in reading_scores)), (*differences, *others)


def rank_entries(samples: Mapping[str, MeasuredValue]) -> Ranking:
    """Return the scores of entries, best first, and the differences of the others from the best.

    The best is chosen by its score, so p-values are adjusted for the comparisons of all pairs.
    """
    ranked = sorted(samples, key=lambda name: samples[name].value)
    from_best = list(adjusted_contrasts(samples).items())[: len(ranked) - 1]
    differences = tuple(
        Difference(a=best, b=name, bits_per_char=each.value, interval=each.interval, p_value=each.p_value)
        for (best, name), each in from_best
    )
    is_best = bool(differences) and all(each.is_clear for each in differences)
    scores = [
        EntryScore(
            name=name,
            bits_per_char=samples[name].value,
            interval=estimate(samples[name]).interval,
            num_seeds=len(samples[name].seeds),
            is_best=is_best and name == ranked[0],
        )
        for name in ranked
    ]
    return tuple(scores), differences


def resolution_of(samples: Mapping[str, MeasuredValue]) -> Resolution | None:
    """Return how small a difference between the two best entries would have been called clear.

    Holm's method multiplies the smallest of m p-values by m, the next by m - 1 and so on, and stops at the
    first that is not clear. Whether the difference of the two best is clear thus depends on the d other pairs
    that are clear whatever it is: its p-value is multiplied by m - d. Multiplied by m, differences below the
    one returned could be clear after all.
    """
    contrasts = contrasts_of(samples)
    if not contrasts:
        return None
    (best, second), *others = contrasts
    num_clear = sum(p_value < LEVEL for p_value in holm([1.0, *(contrasts[pair].p_value for pair in others)]))
    pair, num_tests = (samples[second], samples[best]), len(contrasts) - num_clear
    smallest = smallest_clear(*pair, num_tests)
    if not smallest > 0:  # or NaN
        return None
    numbers = range(max(len(each.values) for each in pair) + 1, MAX_SEEDS + 1)
    enough = (number for number in numbers if smallest_clear(*pair, num_tests, number) <= smallest / 2)
    return Resolution(smallest_clear=smallest, num_seeds_for_half=next(enough, None))


def contrasts_of(samples: Mapping[str, MeasuredValue]) -> dict[tuple[str, str], Contrast]:
    """Return how much worse the second entry of each pair is, the pairs with the best first."""
    ranked = sorted(samples, key=lambda name: samples[name].value)
    return {
        (better, worse): difference(samples[worse], samples[better])
        for better, worse in combinations(ranked, 2)
    }


def adjusted_contrasts(samples: Mapping[str, MeasuredValue]) -> dict[tuple[str, str], Contrast]:
    """Return the contrasts of all pairs, with p-values that are adjusted for their number (Holm 1979)."""
    found = contrasts_of(samples)
    p_values = holm([each.p_value for each in found.values()])
    return {
        pair: replace(found[pair], p_value=adjusted) for pair, adjusted in zip(found, p_values, strict=True)
    }


def reference_score(
    name: str,
    description: str,
    units: ScoredUnits,
    *,
    reads_on: bool = False,
    num_parameters: int | None = None,
    is_pretrained: bool = False,
) -> ReferenceScore:
    """Return the score of a reference with its interval, by the bits of its units."""
    bits, sizes = (np.array([values], float) for values in (units.bits, units.num_chars))
    score = estimate(measured_ratio(bits, sizes, HELD_OUT, (0,), None))
    return ReferenceScore(
        name=name,
        description=description,
        bits_per_char=score.value,
        interval=score.interval,
        reads_on=reads_on,
        units=units,
        num_parameters=num_parameters,
        is_pretrained=is_pretrained,
    )


def _metric(
    metric: MetricInfo, rows: Mapping[str, Sequence[Row]], held_out: HeldOut, prior: SeedPrior | None
) -> list[MetricEstimate]:
    """Return a metric of what each entry writes; the best is marked if that is clear."""
    samples = {
        name: sample
        for name, own in rows.items()
        if (sample := metric_sample(metric.name, own, prior)) is not None
    }
    estimates = {name: estimate(sample) for name, sample in samples.items()}
    unmarked = [
        MetricEstimate(
            name=name,
            metric=metric.name,
            value=each.value,
            interval=rate_interval(each) if metric.unit == PERCENT else each.interval,
        )
        for name, each in estimates.items()
    ]
    distances = _distances(metric, samples, held_out)
    if len(distances) < max(2, len(samples)):
        return unmarked
    best, *others = sorted(distances, key=lambda name: distances[name].value)
    p_values = holm([difference(distances[name], distances[best]).p_value for name in others])
    is_clear = max(p_values) < LEVEL
    return [replace(each, is_best=is_clear and each.name == best) for each in unmarked]


def _distances(
    metric: MetricInfo, samples: Mapping[str, MeasuredValue], held_out: HeldOut
) -> dict[str, MeasuredValue]:
    """Return how far entries are from what is best, the least being the best; those where that is known."""
    if metric.best != "author":
        sign = 1.0 if metric.best == "lower" else -1.0
        return {
            name: replace(each, values=sign * each.values, pseudovalues=sign * each.pseudovalues)
            for name, each in samples.items()
        }
    pseudovalues = held_out.pseudovalues.get(metric.name, ())
    author = np.array([held_out.sample_metrics.get(metric.name)], float)
    reference = MeasuredValue(author, np.array([pseudovalues]), f"passages of {HELD_OUT}", (0,))
    return {
        name: sample.distance_from(reference)
        for name, sample in samples.items()
        if sample.pseudovalues.shape[1] == len(pseudovalues)
    }


# --- ladders


@dataclass(frozen=True)
class LadderVerdicts:
    """What follows from the rows of a ladder."""

    rungs: tuple[Rung, ...]
    steps: tuple[BudgetStep, ...]


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
        failures={name: reason for result in results for name, reason in result.failures.items()},
    )


def judge_ladder(rows: Mapping[Budget, Mapping[str, Sequence[Row]]], prior: SeedPrior) -> LadderVerdicts:
    """Return what follows from the rows by budget, from the smallest on, and by entry."""
    samples = {budget: score_samples(entries, prior) for budget, entries in rows.items()}
    reading = {
        name for entries in rows.values() for name, own in entries.items() if any(row.reads_on for row in own)
    }
    scores = {
        budget: {each.name: each for each in rank_classes(of, reading)[0]} for budget, of in samples.items()
    }
    rungs = [
        _rung(name, budget, own, scores[budget].get(name))
        for budget, entries in rows.items()
        for name, own in entries.items()
    ]
    return LadderVerdicts(tuple(rungs), tuple(_steps(samples)))


def standing(result: Ladder, budget: str) -> Ranking:
    """Return the scores under a budget, best first, and their differences from the best of their class."""
    rows = {rung.entry: rung.runs for rung in result.rungs if rung.budget == budget}
    return rank_classes(score_samples(rows, result.seed_priors[SCORE]), result.reading)


def _rung(name: str, budget: Budget, rows: Sequence[Row], score: EntryScore | None) -> Rung:
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
