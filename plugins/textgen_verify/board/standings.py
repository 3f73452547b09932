"""Standings: the submissions of a text, a budget and a class, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, TypeAlias

from textgen.evaluation.baselines import READING_ON
from textgen.evaluation.intervals import SHIPPED_PRIORS, Interval, MeasuredValue, estimate, holm
from textgen.results.comparison import Difference
from textgen.results.judge import contrasts_of, score_sample
from textgen.results.row import Row
from textgen.training.budget import is_timed, parse_budget
from textgen_verify.board.again import LEVEL, reproduction
from textgen_verify.board.folders import Folder
from textgen_verify.board.rules import READING, Rules

State = Literal["claimed", "recomputed", "reproduced"]
STATES: dict[State, str] = {
    "claimed": "as submitted, since nobody has reviewed it; it is compared with nothing",
    "recomputed": "what follows from the bits of its stretches was computed again, and its text loaded again",
    "reproduced": "trained again by those who keep the leaderboard, with the same score or the same time; "
    "theirs is shown",
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
    num_chars: float
    """Characters read in training, the mean of its seeds; models that count read all of the training text."""
    seconds: float
    """Of training, the mean of its seeds, on the machine of these rows."""
    num_parameters: int
    command: str
    """That which trains it again."""
    machine: str
    made: str
    has_plugin: bool
    is_record: bool = False
    """True if it is reproduced, and better than all others of its table that were reviewed, at p < 0.01."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The submissions of one table, best first."""

    text: str
    budget: str
    kind: str
    timed_on: str = ""
    """The machine, if the budget is in time: only entries that were timed together are in one table."""
    places: tuple[Place, ...]
    """Best first, then those that are only claimed."""
    differences: tuple[Difference, ...]
    """How much worse the second of each pair is; p-values are adjusted for all pairs (Holm 1979)."""
    compressors: dict[str, float]
    """Bits per character by file compressors of the same class, as reviews found them."""

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


Table: TypeAlias = tuple[str, ...]


def table_of(folder: Folder) -> Table:
    """Return the table of a submission; under budgets in time, that of the bench or review that timed it."""
    table = folder.text, folder.budget, folder.kind
    if not is_timed(folder.budget):
        return table
    if folder.review and (again := folder.review.again):
        return *table, again.began, again.machine.description
    return *table, folder.submission.bench, folder.result.made, folder.runs[0].machine.description


def standings_of(folders: Iterable[Folder], rules: Rules) -> list[Standing]:
    """Return the tables of submissions, by text, class and budget."""
    tables: dict[Table, list[Folder]] = {}
    for folder in folders:
        tables.setdefault(table_of(folder), []).append(folder)
    texts = list(rules.texts)

    def order(table: Table) -> tuple[int, bool, str, float]:
        text, budget, kind, *_ = table
        amount = parse_budget(budget)
        return texts.index(text), kind == READING, amount.unit, amount.amount

    standings = [_standing(tables[table]) for table in sorted(tables, key=order)]
    return [each for each in standings if each.places]


def state_of(folder: Folder) -> State:
    """Return how much of a submission others have computed again."""
    if folder.review is None:
        return "claimed"
    again = folder.review.again
    return "reproduced" if again and reproduction(folder, again).agrees else "recomputed"


def rows_of(folder: Folder, state: State) -> Sequence[Row]:
    """Return the rows that are judged: those of training again, or else those that were submitted."""
    if state == "reproduced" and folder.review and folder.review.again:
        return folder.review.again.rows
    return folder.rows


def compared(samples: Mapping[str, MeasuredValue]) -> list[Difference]:
    """Return how much worse the second of each pair is, the pairs of the best first."""
    contrasts = contrasts_of(samples)
    p_values = holm([each.p_value for each in contrasts.values()])
    return [
        Difference(a=a, b=b, bits_per_char=each.value, interval=each.interval, p_value=p_value)
        for ((a, b), each), p_value in zip(contrasts.items(), p_values, strict=True)
    ]


def _standing(folders: Sequence[Folder]) -> Standing:
    prior, first = SHIPPED_PRIORS["bits_per_char"], folders[0]
    places, reviewed = list[Place](), dict[str, MeasuredValue]()
    for folder in folders:
        state = state_of(folder)
        rows = rows_of(folder, state)
        if sample := score_sample(rows, prior):
            places.append(_place(folder, state, rows, sample))
            reviewed |= {} if state == "claimed" else {folder.name: sample}
    differences = compared(reviewed)
    ranked = sorted(places, key=lambda place: (place.state == "claimed", place.bits_per_char))
    best = next((place for place in ranked if is_record(place, ranked, differences)), None)
    return Standing(
        text=first.text,
        budget=first.budget,
        kind=first.kind,
        timed_on=table_of(first)[-1] if is_timed(first.budget) else "",
        places=tuple(replace(place, is_record=place is best) for place in ranked),
        differences=tuple(differences),
        compressors={
            name: bits
            for folder in folders
            if folder.review
            for name, bits in folder.review.compressors.items()
            if (name == READING_ON) == (first.kind == READING)
        },
    )


def is_record(place: Place, places: Sequence[Place], differences: Sequence[Difference]) -> bool:
    """Return whether a place is reproduced, and better than all others that were reviewed, at p < 0.01."""
    rivals = {each.name for each in places if each.state != "claimed"} - {place.name}
    beaten = {each.b for each in differences if each.a == place.name and each.p_value < LEVEL}
    return place.state == "reproduced" and bool(rivals) and rivals <= beaten


def _place(folder: Folder, state: State, rows: Sequence[Row], sample: MeasuredValue) -> Place:
    return Place(
        name=folder.name,
        entry=folder.submission.entry,
        author=folder.submission.author,
        about=folder.about,
        state=state,
        bits_per_char=sample.value,
        interval=estimate(sample).interval,
        num_seeds=len(rows),
        num_chars=fmean(row.num_chars or 0 for row in rows),
        seconds=fmean(row.seconds or 0.0 for row in rows),
        num_parameters=folder.runs[0].num_parameters,
        command=folder.command,
        machine=rows[0].machine.description,
        made=folder.result.made,
        has_plugin=bool(folder.submission.plugins),
    )
