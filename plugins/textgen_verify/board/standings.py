"""Standings: the submissions of a text, a budget and a class, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Literal

from textgen.evaluation.intervals import SHIPPED_PRIORS, Interval, MeasuredValue, difference, estimate, holm
from textgen.results.comparison import Difference
from textgen.results.judge import score_sample
from textgen.training.budget import is_timed, parse_budget
from textgen_verify.board.again import LEVEL, agrees, change_of
from textgen_verify.board.folders import Folder
from textgen_verify.board.rules import MIN_SEEDS, READING, Rules

State = Literal["claimed", "recomputed", "reproduced"]
STATES: dict[State, str] = {
    "claimed": "as submitted, since nobody has reviewed it",
    "recomputed": "what follows from the bits of its stretches was computed again, and its text loaded again",
    "reproduced": "trained again from its command by those who keep the leaderboard; the score agrees",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A row of a table."""

    name: str
    """That of its folder."""
    entry: str
    author: str
    about: str
    """The first lines of its prose."""
    state: State
    bits_per_char: float
    interval: Interval | None
    num_seeds: int
    seconds: float
    """Of training, the mean of its seeds, on its own machine."""
    num_parameters: int
    machine: str
    made: str
    has_plugin: bool
    is_record: bool = False
    """True if it is better than all others of its table, each by more than chance explains at 1 %."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The submissions of one table, best first."""

    text: str
    budget: str
    kind: str
    timed_on: str = ""
    """The machine, if the budget is in time: only entries that were timed together are in one table."""
    places: tuple[Place, ...]
    differences: tuple[Difference, ...]
    """How much worse the second of each pair is; p-values are adjusted for all pairs (Holm 1979)."""

    @property
    def title(self) -> str:
        """What it is of."""
        return f"{self.text}, {self.budget}" + (", reading on" if self.kind == READING else "")


@dataclass(frozen=True, kw_only=True)
class Board:
    """All standings of a leaderboard."""

    standings: tuple[Standing, ...]
    unread: tuple[str, ...] = ()
    """Submissions that are left out, with the reasons."""


def table_of(folder: Folder) -> tuple[str, str, str, str]:
    """Return the table of a submission; under budgets in time, that of the bench that it was timed in."""
    together = folder.submission.bench if is_timed(folder.budget) else ""
    return folder.text, folder.budget, folder.kind, together


def standings_of(folders: Iterable[Folder], rules: Rules) -> list[Standing]:
    """Return the tables of submissions, by text, class and budget."""
    tables: dict[tuple[str, str, str, str], list[Folder]] = {}
    for folder in folders:
        tables.setdefault(table_of(folder), []).append(folder)
    texts = list(rules.texts)

    def order(table: tuple[str, str, str, str]) -> tuple[int, bool, str, float]:
        text, budget, kind, _ = table
        amount = parse_budget(budget)
        return texts.index(text), kind == READING, amount.unit, amount.amount

    return [_standing(tables[table]) for table in sorted(tables, key=order)]


def samples_of(folders: Iterable[Folder]) -> dict[str, MeasuredValue]:
    """Return the scores of submissions by the names of their folders."""
    prior = SHIPPED_PRIORS["bits_per_char"]
    found = {folder.name: score_sample(folder.rows, prior) for folder in folders}
    return {name: sample for name, sample in found.items() if sample is not None}


def state_of(folder: Folder) -> State:
    """Return how much of a submission others have computed again."""
    if folder.review is None:
        return "claimed"
    again = folder.review.again
    return "reproduced" if again and agrees(change_of(folder.rows, again)) else "recomputed"


def compared(samples: dict[str, MeasuredValue]) -> list[Difference]:
    """Return how much worse the second of each pair is, the pairs of the best first."""
    ranked = sorted(samples, key=lambda name: samples[name].value)
    pairs = list(combinations(ranked, 2))
    contrasts = [difference(samples[worse], samples[better]) for better, worse in pairs]
    p_values = holm([each.p_value for each in contrasts])
    return [
        Difference(a=a, b=b, bits_per_char=each.value, interval=each.interval, p_value=p_value)
        for (a, b), each, p_value in zip(pairs, contrasts, p_values, strict=True)
    ]


def _standing(folders: Sequence[Folder]) -> Standing:
    samples = samples_of(folders)
    differences = compared(samples)
    known = {folder.name: folder for folder in folders}
    ranked = sorted(samples, key=lambda name: samples[name].value)
    places = [_place(known[name], samples[name]) for name in ranked]
    if places and is_record(places[0], differences, known[ranked[0]]):
        places[0] = replace(places[0], is_record=True)
    first = folders[0]
    machine = first.runs[0].machine.description if is_timed(first.budget) else ""
    return Standing(
        text=first.text,
        budget=first.budget,
        kind=first.kind,
        timed_on=machine,
        places=tuple(places),
        differences=tuple(differences),
    )


def is_record(place: Place, differences: Sequence[Difference], folder: Folder) -> bool:
    """Return whether the best of a table is better than each other one, by more than chance at 1 %.

    Its score must have been computed again, with enough seeds if it depends on them.
    """
    own = [each for each in differences if each.a == place.name]
    counts = not any(run.train.num_updates for run in folder.runs)
    enough = counts or place.num_seeds >= MIN_SEEDS
    return bool(own) and enough and place.state != "claimed" and all(each.p_value < LEVEL for each in own)


def _place(folder: Folder, sample: MeasuredValue) -> Place:
    runs, result = folder.runs, folder.result
    return Place(
        name=folder.name,
        entry=folder.submission.entry,
        author=folder.submission.author,
        about=folder.about,
        state=state_of(folder),
        bits_per_char=sample.value,
        interval=estimate(sample).interval,
        num_seeds=len(runs),
        seconds=fmean(run.train.seconds + run.preparation.seconds for run in runs),
        num_parameters=runs[0].num_parameters,
        machine=runs[0].machine.description,
        made=result.made,
        has_plugin=bool(folder.submission.plugins),
    )
