"""A ladder: the same comparison under several budgets, what each step changes, and who passes whom."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from statistics import fmean

from textgen.evaluation.intervals import MeasuredValue, SeedPrior, crossing, difference, holm
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.results.comparison import Comparison, EntryScore
from textgen.results.judge import SCORED_TEXT, rank_entries, units_sample
from textgen.results.ladder import BudgetStep, Crossing, Ladder, Rung, RungRun
from textgen.training.budget import parse_budget

Samples = Mapping[str, Mapping[str, MeasuredValue]]
"""By budget, from the smallest on, and by entry: the score."""


@dataclass(frozen=True)
class Judgement:
    """What follows from the runs of a ladder."""

    rungs: tuple[Rung, ...]
    steps: tuple[BudgetStep, ...]
    crossings: tuple[Crossing, ...]


def ladder(results: Sequence[Comparison], command: str | None) -> Ladder:
    """Return the ladder of comparisons of the same entries on the same text, from the smallest budget on."""
    last = results[-1]
    prior = last.seed_priors["bits_per_char"]
    runs = {result.budget: _runs_by_entry(result) for result in results}
    judged = judge_ladder(runs, prior)
    return Ladder(
        command=command,
        corpus=last.corpus,
        sources=last.sources,
        budgets=tuple(runs),
        device=last.device,
        precision=last.precision,
        versions=last.versions,
        scored_on=last.scored_on,
        references=last.references,
        interval_method=last.interval_method,
        seed_prior=prior,
        rungs=judged.rungs,
        steps=judged.steps,
        crossings=judged.crossings,
        failures={
            f"{row.name}, {result.budget}, seed {row.seed}": row.error
            for result in results
            for row in result.entries
            if isinstance(row, FailedEntry)
        },
    )


def judge_ladder(runs: Mapping[str, Mapping[str, Sequence[RungRun]]], prior: SeedPrior) -> Judgement:
    """Return what follows from the runs by budget, from the smallest on, and by entry."""
    samples = {
        budget: {
            name: sample for name, made in entries.items() if (sample := _sample(made, prior)) is not None
        }
        for budget, entries in runs.items()
    }
    reading = {
        name for made in runs.values() for name, each in made.items() if any(run.reads_on for run in each)
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
        _rung(name, budget, made, scores[budget].get(name))
        for budget, entries in runs.items()
        for name, made in entries.items()
    ]
    return Judgement(tuple(rungs), tuple(_steps(samples)), tuple(_crossings(samples, reading)))


def _runs_by_entry(result: Comparison) -> dict[str, list[RungRun]]:
    runs: dict[str, list[RungRun]] = {}
    for row in result.runs:
        runs.setdefault(row.name, []).append(_run(row, result.scored_on))
    return runs


def _run(row: EntryResult, scored_on: str) -> RungRun:
    score, train = row.score(scored_on), row.train
    return RungRun(
        seed=row.seed,
        num_chars=train.num_chars,
        num_updates=train.num_updates,
        best_share=train.best_share,
        seconds=train.seconds,
        cpu_utilization=train.cpu_utilization,
        chance_remark=row.chance_remark,
        reads_on=row.reads_on,
        problem=row.problem,
        units=score.units if score else None,
        machine=row.machine,
    )


def _rung(name: str, budget: str, runs: Sequence[RungRun], score: EntryScore | None) -> Rung:
    shares = [run.best_share for run in runs if run.best_share is not None]
    return Rung(
        entry=name,
        budget=budget,
        runs=tuple(runs),
        score=score,
        num_chars=fmean(run.num_chars for run in runs),
        num_updates=fmean(run.num_updates for run in runs),
        seconds=fmean(run.seconds for run in runs),
        best_share=fmean(shares) if shares else None,
    )


def _sample(runs: Sequence[RungRun], prior: SeedPrior) -> MeasuredValue | None:
    """Return the scores of an entry's runs, or None if one of them has no rank."""
    own = prior.after_runs([run.num_chars for run in runs if run.num_updates])
    return units_sample([run.units for run in runs], SCORED_TEXT, [run.seed for run in runs], own)


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
