"""Result of a ladder, as `textgen bench --budget 15s,1m,4m --json` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from textgen.evaluation.intervals import LEVEL, Interval
from textgen.results.comparison import EntryScore, ReferenceScore
from textgen.results.header import JudgedHeader
from textgen.results.row import Row
from textgen.runtime.storage.json_records import Amount, Share, check_different, check_lengths, check_names
from textgen.training.budget import Budget, ladder_of


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One entry under one budget, over all its seeds."""

    entry: str
    budget: Budget
    runs: tuple[Row, ...]
    """One for each seed."""
    score: EntryScore | None
    """None if a run has no rank; the best one is clearly better than all others of its class."""
    num_chars: Amount
    """Means over seeds, as are the next two."""
    num_updates: Amount
    seconds: Amount
    best_share: Share | None
    """The share of the updates that helped. None for a model that counts."""

    def check(self) -> None:
        """Raise `ValueError` if there are no runs, or the score is that of another entry."""
        if not self.runs or (self.score and self.score.name != self.entry):
            raise ValueError("it lacks its runs or its own score")
        if self.num_updates and not self.num_chars:
            raise ValueError("num_chars: 0 in spite of updates")


@dataclass(frozen=True, kw_only=True)
class BudgetStep:
    """What a larger budget changes in the score of an entry; below zero is better."""

    entry: str
    before: Budget
    after: Budget
    """The two budgets."""
    bits_per_char: float
    interval: Interval | None
    p_value: Share
    """Adjusted for all steps of the ladder by the method of Holm (1979)."""

    @property
    def verdict(self) -> Literal["better", "worse", "no clear change"]:
        """What the step does, if it is more than chance explains."""
        if self.p_value >= LEVEL:
            return "no clear change"
        return "better" if self.bits_per_char < 0 else "worse"


@dataclass(frozen=True, kw_only=True)
class Ladder(JudgedHeader):
    """Entries × seeds × budgets on one corpus."""

    budgets: tuple[Budget, ...]
    """From the smallest on; each has a comparison of its own in a folder of this name."""
    scored_on: Literal["test", "validation"]
    references: tuple[ReferenceScore, ...]
    rungs: tuple[Rung, ...]
    """By budget, and within it by the order of the entries."""
    steps: tuple[BudgetStep, ...]
    """Of each entry that is trained, from each budget to the next."""
    failures: dict[str, str]
    """Entry, budget and seed: why it failed."""

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries, best first under the largest budget; those that read on are last."""
        last = [rung.score for rung in self.rungs if rung.score and rung.budget == self.budgets[-1]]
        ranked = sorted(last, key=lambda score: (score.name in self.reading, score.bits_per_char))
        unranked = (rung.entry for rung in self.rungs)
        return tuple(dict.fromkeys([*(score.name for score in ranked), *unranked]))

    @property
    def reading(self) -> frozenset[str]:
        """The entries that learn from the text while it is scored."""
        return frozenset(rung.entry for rung in self.rungs if any(run.reads_on for run in rung.runs))

    @property
    def runs(self) -> list[Row]:
        """The runs that did not fail."""
        return [run for rung in self.rungs for run in rung.runs]

    def check(self) -> None:
        """Raise `ValueError` or `TextgenError` if the parts of the ladder contradict each other."""
        if ladder_of(self.budgets) != self.budgets:
            raise ValueError("budgets: not from the smallest on")
        names = {rung.entry for rung in self.rungs}
        check_names("seed_priors", ["bits_per_char"], self.seed_priors)
        check_names("rungs", [rung.budget for rung in self.rungs], self.budgets)
        check_different("rungs", [(rung.entry, rung.budget) for rung in self.rungs])
        check_names("steps", [step.entry for step in self.steps], names)
        check_names("steps", [(step.before, step.after) for step in self.steps], list(pairwise(self.budgets)))
        check_lengths("rungs: units", *(run.units.bits for run in self.runs if run.units))

    def rung(self, entry: str, budget: str) -> Rung | None:
        """Return `entry` under `budget`; None if it failed."""
        found = (rung for rung in self.rungs if (rung.entry, rung.budget) == (entry, budget))
        return next(found, None)
