"""What a Ray cluster costs: `python -m textgen_benchmarks.cluster`.

The same jobs are computed by a local Ray cluster and by processes of this machine, as many at a time as it
has cores: 40 that use 2 s of CPU time each, and 1,000 that do nothing. Each is a process of its own in both.
Results go to results/cluster.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from textgen.cli.console import print_rows
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.jobs.runner import run_jobs
from textgen.runtime.environment import Machine, machine, num_cores, versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json
from textgen_benchmarks.timing import UsedTime, WorkJob

RESULT = Path(__file__).parents[1] / "results" / "cluster.json"
MAX_RATIO = 1.15
"""For the jobs that work."""


@dataclass(frozen=True, kw_only=True)
class ClusterRow:
    """Medians and ranges over repetitions, each of which has a cluster of its own; times are in seconds."""

    num_jobs: int
    job_seconds: float
    """CPU time of each job."""
    here: float
    """With processes of this machine."""
    there: float
    """On the cluster, from the first job to the last result."""
    start: float
    """To start the cluster and to end it."""
    ratio: float
    """Of the cluster to processes, without its start."""
    ratio_range: tuple[float, float]
    whole_ratio: float
    """The same with its start."""


@dataclass(frozen=True, kw_only=True)
class ClusterResult:
    """All measurements of this program."""

    schema_version: int = SCHEMA_VERSION
    machine: Machine
    versions: dict[str, str]
    repetitions: int
    rows: tuple[ClusterRow, ...]


def seconds_of(num_jobs: int, job_seconds: float, backend: Backend) -> float:
    """Return the time that jobs take on a backend."""
    began = time.perf_counter()
    outcomes = [outcome for _, outcome in run_jobs([WorkJob(job_seconds)] * num_jobs, UsedTime, backend)]
    if failures := {outcome.failure for outcome in outcomes if outcome.result is None}:
        raise RuntimeError(f"jobs failed: {failures}")
    return time.perf_counter() - began


def repetition(num_jobs: int, job_seconds: float) -> tuple[float, float, float]:
    """Return the seconds here, there, and of the start and end of the cluster."""
    here = seconds_of(num_jobs, job_seconds, LocalBackend(num_cores(), num_threads=1))
    began = time.perf_counter()
    with open_backend("ray") as cluster:
        there = seconds_of(num_jobs, job_seconds, cluster)
    return here, there, time.perf_counter() - began - there


def row(num_jobs: int, job_seconds: float, measured: Sequence[tuple[float, float, float]]) -> ClusterRow:
    """Return the medians of repetitions."""
    ratios = [there / here for here, there, _ in measured]
    return ClusterRow(
        num_jobs=num_jobs,
        job_seconds=job_seconds,
        here=median(here for here, _, _ in measured),
        there=median(there for _, there, _ in measured),
        start=median(start for _, _, start in measured),
        ratio=median(ratios),
        ratio_range=(min(ratios), max(ratios)),
        whole_ratio=median((there + start) / here for here, there, start in measured),
    )


def shown(row: ClusterRow) -> dict[str, str]:
    """Return the cells of a row."""
    return {
        "jobs": f"{row.num_jobs:,}",
        "CPU s each": f"{row.job_seconds:g}",
        "processes s": f"{row.here:.1f}",
        "Ray s": f"{row.there:.1f}",
        "ratio": "{:.2f} ({:.2f}-{:.2f})".format(row.ratio, *row.ratio_range),
        "start s": f"{row.start:.1f}",
        "ratio with it": f"{row.whole_ratio:.2f}",
    }


def main() -> None:
    """Measure, print a table and save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=RESULT)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="Share of the jobs to run, for a trial.")
    options = parser.parse_args()
    seconds_of(2 * num_cores(), 0.0, LocalBackend(num_cores()))  # the first processes wait for torch
    rows = []
    for num_jobs, job_seconds in ((int(40 * options.share), 2.0), (int(1000 * options.share), 0.0)):
        measured = [repetition(num_jobs, job_seconds) for _ in range(options.repetitions)]
        rows.append(row(num_jobs, job_seconds, measured))
    result = ClusterResult(
        machine=machine(), versions=versions(), repetitions=options.repetitions, rows=tuple(rows)
    )
    write_file(options.json, to_json(result))
    print_rows([shown(each) for each in rows])
    if rows[0].ratio > MAX_RATIO:
        raise SystemExit(f"{rows[0].ratio:.2f} is more than {MAX_RATIO}")


if __name__ == "__main__":
    main()
