"""Rows of report tables: entries with all of their seeds, references, and the held-out text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from textgen.evaluation.metrics import TextMetrics
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_result import EntryResult
from textgen.reports.answer import classes, is_beaten
from textgen.results.comparison import Comparison, Difference, EntryScore, MetricEstimate, ReferenceScore


@dataclass(frozen=True)
class EntryRow:
    """The subject of a row: the runs of an entry that did not fail, one per seed, or a reference."""

    name: str
    runs: Sequence[EntryResult] = ()
    failures: Sequence[str] = ()
    comparable: bool = True
    part: str = "test"
    """The part of the split whose score counts."""
    estimate: EntryScore | ReferenceScore | None = None
    """The score over all seeds, or of a reference, with its interval."""
    metrics: Mapping[str, MetricEstimate] = field(default_factory=dict)
    """The metrics of text that have an interval, by their names."""
    reference_metrics: TextMetrics | None = None
    """Metrics of the held-out text, for the row that it has."""
    difference: Difference | None = None
    """The difference from the best entry."""
    is_beaten: bool = False
    """True if a reference of its class scores lower."""
    verdict: str = ""
    curve: str = ""
    """The learning curve, drawn in one line."""

    @property
    def is_reference(self) -> bool:
        """True if the row is not an entry."""
        return isinstance(self.estimate, ReferenceScore) or self.reference_metrics is not None

    @property
    def is_best(self) -> bool:
        """True if the score is clearly better than those of all others of its class, and no reference is."""
        return isinstance(self.estimate, EntryScore) and self.estimate.is_best and not self.is_beaten

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the score over all seeds, or that of its only run."""
        if self.estimate is not None:
            return self.estimate.interval
        return self.scores[0].interval if len(self.scores) == 1 else None

    @property
    def problem(self) -> str | None:
        """Why the row has no rank."""
        return next((run.problem for run in self.runs if run.problem is not None), None)

    @property
    def scores(self) -> list[Score]:
        """The scores of the runs that may be compared."""
        return self.scores_on(self.part)

    def scores_on(self, part: str) -> list[Score]:
        """Return the scores on `test` or `validation` of the runs that may be compared."""
        return [score for run in self.runs if (score := run.score(part)) is not None]

    @property
    def bits_per_char(self) -> list[float]:
        """The score of each run, or that of a reference."""
        if isinstance(self.estimate, ReferenceScore):
            return [self.estimate.bits_per_char]
        return [score.bits_per_char for score in self.scores]

    @property
    def num_parameters(self) -> list[int]:
        """The parameters of each run, or those of a reference that is a model."""
        if isinstance(self.estimate, ReferenceScore):
            return [self.estimate.num_parameters] if self.estimate.num_parameters else []
        return [run.num_parameters for run in self.runs]

    @property
    def sample_metrics(self) -> list[TextMetrics]:
        """The metrics of what each run wrote, or those of the held-out text."""
        if self.reference_metrics is not None:
            return [self.reference_metrics]
        return [run.sample_metrics for run in self.runs if run.sample_metrics is not None]

    def ranking(self) -> tuple[bool, bool, float]:
        """Return the sort key that puts the best score first, then what reads on, and what failed last."""
        failed = not self.runs and not self.is_reference
        reads_on = any(run.reads_on for run in self.runs)
        return (
            failed,
            reads_on,
            fmean(self.bits_per_char) if self.bits_per_char and self.comparable else math.inf,
        )


def entry_rows(result: Comparison) -> list[EntryRow]:
    """Return the entries, best first, then those that cannot be compared, then those that failed."""
    return sorted(_entry_rows(result), key=EntryRow.ranking)


def _entry_rows(result: Comparison) -> Iterator[EntryRow]:
    estimates = {score.name: score for score in result.scores}
    best = {each.best.name for each in classes(result) if each.differences}
    differences = {difference.b: difference for difference in result.differences}
    for name in dict.fromkeys(entry.name for entry in result.entries):
        seeds = [entry for entry in result.entries if entry.name == name]
        runs = [run for run in result.runs if run.name == name]
        estimate, difference, said = estimates.get(name), differences.get(name), ""
        beaten = estimate is not None and is_beaten(result, estimate)
        if difference is not None:
            said = "clearly worse" if difference.is_clear else "unclear"
        elif estimate is not None and name in best:
            said = "best" if estimate.is_best else "ahead, not clearly"
            said += " of the entries" if beaten and estimate.is_best else ""
        if estimate is not None and estimate.reads_on:
            said = f"reads on: {said}" if said else "reads on"
        yield EntryRow(
            name,
            runs,
            failures=[
                f"{name} failed{f' with seed {entry.seed}' if runs else ''}: {entry.error}"
                for entry in seeds
                if not isinstance(entry, EntryResult)
            ],
            comparable=all(run.is_comparable for run in runs),
            part=result.scored_on,
            estimate=estimate,
            metrics={each.metric: each for each in result.metrics if each.name == name},
            difference=difference,
            is_beaten=beaten,
            verdict=said,
        )


def reference_rows(result: Comparison) -> list[EntryRow]:
    """Return compressors and reference entries."""
    return [EntryRow(reference.label, estimate=reference) for reference in result.references]


def held_out_row(result: Comparison) -> EntryRow:
    """Return the held-out text itself, which has metrics but no score."""
    return EntryRow("held-out text", reference_metrics=result.held_out.sample_metrics)
