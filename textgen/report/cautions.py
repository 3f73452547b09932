"""Cautions in answers of comparisons and ladders: a CPU that was shared, entries worse than chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from textgen.experiment.entry_result import EntryResult
from textgen.report.formats import listed
from textgen.training.budget import is_timed
from textgen.training.progress import MIN_CPU_UTILIZATION


@dataclass(frozen=True)
class RunCaution:
    """What cautions about a run follow from."""

    name: str
    cpu_utilization: float | None
    chance_remark: str | None

    @classmethod
    def of(cls, run: EntryResult) -> RunCaution:
        """Return that of a row of a comparison."""
        return cls(run.name, run.train.cpu_utilization, run.chance_remark)


def cautions(runs: Iterable[RunCaution], budget: str) -> Iterator[str]:
    """Yield what makes an answer one of this hour on this machine, and which entries have learnt nothing."""
    known = list(runs)
    if shares := _disturbed(known, budget):
        ends = dict.fromkeys(f"{100 * share:.0f}" for share in (min(shares), max(shares)))
        got = f"training got {' to '.join(ends)} % of it"
        yield f"The CPU was shared: {got}, so another run may answer otherwise."
    remarks = {run.name: run.chance_remark for run in known if run.chance_remark}
    if remarks:
        yield f"{_are(list(remarks))} {next(iter(remarks.values()))}."


def short_cautions(runs: Iterable[RunCaution], budget: str) -> Iterator[str]:
    """Yield the same in few words."""
    known = list(runs)
    if _disturbed(known, budget):
        yield "the CPU was shared"
    if names := list(dict.fromkeys(run.name for run in known if run.chance_remark)):
        yield f"{_are(names)} worse than chance"


def _disturbed(runs: Sequence[RunCaution], budget: str) -> list[float]:
    """Return the shares of the CPU of runs that other work slowed down; none where time does not count."""
    if not is_timed(budget):
        return []
    shares = (run.cpu_utilization for run in runs if run.cpu_utilization is not None)
    return [share for share in shares if share < MIN_CPU_UTILIZATION]


def _are(names: Sequence[str]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
