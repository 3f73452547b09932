"""The answer of a ladder in two sentences: who is ahead from which budget on, and what more training does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen.report.cautions import RunCaution, cautions
from textgen.report.formats import plain, short
from textgen.results.ladder import BudgetStep, Crossing, Ladder
from textgen.training.budget import parse_budget

EVERY = "every budget"


def ladder_answer(result: Ladder) -> str:
    """Return who is ahead from which budget on, whether a larger budget made an entry worse, and cautions."""
    said = (
        f"{who_is_ahead(result)}.",
        _what_steps_do(result.steps),
        *cautions(_warned(result), result.budgets[0]),
    )
    return plain(" ".join(filter(None, said)))


def _warned(result: Ladder) -> Iterator[RunCaution]:
    for rung in result.rungs:
        for run in rung.runs:
            yield RunCaution(f"{rung.entry} at {rung.budget}", run.cpu_utilization, run.chance_remark)


def who_is_ahead(result: Ladder) -> str:
    """Return which entry is ahead under the largest budget, and since when; of those that read on, apart."""
    said = [
        f"of those that learn from the text while it is scored, {of_class}"
        if names[0] in result.reading
        else of_class
        for names in result.classes
        if (of_class := _who_is_ahead_of(result, names))
    ]
    joined = "; ".join(said) or "no entry has a score that can be ranked"
    return joined if joined.startswith(result.entries) else joined[:1].upper() + joined[1:]


def _who_is_ahead_of(result: Ladder, names: Sequence[str]) -> str:
    """Return who of these is ahead, or the scores of a single one; nothing if none has a score."""
    leaders = _leaders(result, names)
    if not leaders:
        return ""
    best = leaders[-1]
    others = list(dict.fromkeys(leader for leader in leaders if leader != best))
    if not others:
        others = [name for name in names if _score(result, name, result.budgets[-1])][1:2]
    crossings = (crossing_of(result, best, other) for other in others)
    said = "; ".join(crossing_sentence(each, result) for each in crossings if each)
    return said or _scores(result, best)


def crossing_of(result: Ladder, one: str, other: str) -> Crossing | None:
    """Return which of two entries is ahead from where on; None if one lacks a score."""
    found = (each for each in result.crossings if {each.ahead, each.behind} == {one, other})
    return next(found, None)


def crossing_sentence(crossing: Crossing, result: Ladder) -> str:
    """Return who is ahead of whom, from where on, and how sure that is."""
    first, last = result.budgets[0], result.budgets[-1]
    pair = f"{crossing.ahead} is ahead of {crossing.behind}"
    end = crossing.interval[1] if crossing.interval else 0
    doubt = ", but not clearly" if end is None else ""
    if not crossing.amount:
        since = f", clearly from {amount_text(end, first)} on" if end else doubt
        return f"{pair} at {EVERY} from {first} to {last}{since}"
    begins = f"from {amount_text(crossing.amount, first)} on"
    if doubt or crossing.interval is None:
        return f"{pair} {begins}{doubt}"
    return f"{begins} (95 % interval {crossing_interval(crossing.interval, result)}) {pair}"


def crossing_interval(interval: tuple[float, float | None], result: Ladder) -> str:
    """Return the interval of a crossing in words."""
    first, last = result.budgets[0], result.budgets[-1]
    low, high = interval
    if high == 0:
        return EVERY
    begin = amount_text(low, first) if low else f"below {first}"
    return f"{begin} to {f'beyond {last}' if high is None else amount_text(high, first)}"


def amount_text(amount: float, budget: str) -> str:
    """Return an amount in the unit of a budget, in two significant digits or so: `40 s`, `2.5 min`."""
    unit = parse_budget(budget).unit
    if unit != "seconds":
        number = short(float(f"{amount:.2g}"))
        return f"{number} {'characters' if unit == 'chars' else unit}"
    if amount < 90:
        return f"{amount:.2g} s"
    return f"{amount / 60:.2g} min" if amount < 5400 else f"{amount / 3600:.2g} h"


def _leaders(result: Ladder, names: Sequence[str]) -> list[str]:
    """Return which of these has the lowest score under each budget that has one, from the smallest on."""
    leaders = []
    for budget in result.budgets:
        scored = {name: score for name in names if (score := _score(result, name, budget))}
        if scored:
            leaders.append(min(scored, key=lambda name: scored[name]))
    return leaders


def _score(result: Ladder, name: str, budget: str) -> float | None:
    rung = result.rung(name, budget)
    return rung.score.bits_per_char if rung and rung.score else None


def _scores(result: Ladder, name: str) -> str:
    """Return the scores of one entry under the smallest and the largest budget that it has one under."""
    scores = {budget: score for budget in result.budgets if (score := _score(result, name, budget))}
    ends = dict.fromkeys((next(iter(scores)), next(reversed(scores))))
    return f"{name} scores {' and '.join(f'{scores[budget]:.3f} with {budget}' for budget in ends)}"


def _what_steps_do(steps: Sequence[BudgetStep]) -> str:
    """Return which steps to a larger budget make an entry clearly worse, or that none does."""
    worse = list(_worse(steps))
    if worse:
        return f"More training makes worse: {', '.join(worse)}."
    return "No step to a larger budget makes an entry clearly worse." if steps else ""


def _worse(steps: Sequence[BudgetStep]) -> Iterator[str]:
    for step in steps:
        if step.verdict == "worse":
            yield f"{step.entry} from {step.before} to {step.after} ({step.bits_per_char:+.3f})"
