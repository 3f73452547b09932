"""A row: the measurements of one run by which results of every kind are judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry_result import EntryResult
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import Amount, Count, Share


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run of an entry; nothing in it is derived from others."""

    seed: int
    num_chars: Count | None
    """Characters read in training; None if that was not recorded."""
    num_updates: Count | None
    """Zero for a model that counts, which has no seed; None if it was not recorded."""
    seconds: Amount | None = None
    """Seconds of training; None if they were not recorded."""
    best_share: Share | None = None
    """The share of its updates up to the best validation score, the least of several models."""
    cpu_utilization: Amount | None = None
    """Share of the CPU time that training wanted and got; None if it was not measured."""
    pace_sd: Amount = 0.0
    """Standard deviation of the score, in bits per character, that the pace of the machine adds."""
    chance_remark: str | None = None
    """A remark that the score is worse than chance; None if it is not."""
    reads_on: bool = False
    problem: str | None = None
    """Why the run has no rank."""
    units: ScoredUnits | None
    """The stretches of the scored text, with their bits; None without a rank."""
    written: dict[str, float] = field(default_factory=dict)
    """Metrics of the text that it wrote, by their names."""
    pseudovalues: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By metric: the contribution of each continuation."""
    machine: Machine
    """The machine that it was trained and scored on."""

    @property
    def is_trained(self) -> bool:
        """True if it was trained by gradient, so that its score depends on a seed."""
        return self.num_updates != 0


def row_of(run: EntryResult, scored_on: str) -> Row:
    """Return the row of a run that is scored on `test` or `validation`."""
    score, train, metrics = run.score(scored_on), run.train, run.sample_metrics or {}
    return Row(
        seed=run.seed,
        num_chars=train.num_chars,
        num_updates=train.num_updates,
        seconds=train.seconds,
        best_share=train.best_share,
        cpu_utilization=train.cpu_utilization,
        pace_sd=train.pace_sd,
        chance_remark=run.chance_remark,
        reads_on=run.reads_on,
        problem=run.problem,
        units=score.units if score else None,
        written={name: float(value) for name, value in metrics.items() if value is not None},
        pseudovalues=run.metric_pseudovalues,
        machine=run.machine,
    )


def rows_by_entry(runs: Iterable[EntryResult], scored_on: str) -> dict[str, list[Row]]:
    """Return the rows of entries, several of one name being its seeds."""
    rows: dict[str, list[Row]] = {}
    for run in runs:
        rows.setdefault(run.name, []).append(row_of(run, scored_on))
    return rows
