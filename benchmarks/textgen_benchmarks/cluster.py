"""Cost of a Ray cluster: `python -m textgen_benchmarks.cluster`.

The same jobs are computed by a local Ray cluster and by processes of this machine, as many at a time as it
has cores: 40 that use 2 s of CPU time each, and 1,000 that do nothing. Each has a process of its own in both.
Times are in seconds, medians over repetitions, each of which has a cluster of its own.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from textgen.cli.console import print_rows
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.jobs.runner import run_jobs
from textgen.runtime.environment import num_cores
from textgen_benchmarks.saving import json_option, save
from textgen_benchmarks.timing import Medians, UsedTime, WorkJob

MAX_RATIO = 1.15
"""For the jobs that work."""


def seconds_of(num_jobs: int, job_seconds: float, backend: Backend) -> float:
    """Return the time that jobs take."""
    began = time.perf_counter()
    outcomes = [outcome for _, outcome in run_jobs([WorkJob(job_seconds)] * num_jobs, UsedTime, backend)]
    if failures := {outcome.failure for outcome in outcomes if outcome.result is None}:
        raise RuntimeError(f"jobs failed: {failures}")
    return time.perf_counter() - began


def repetition(num_jobs: int, job_seconds: float) -> tuple[float, float, float]:
    """Return the seconds on the cluster, here, and of the start and end of the cluster."""
    here = seconds_of(num_jobs, job_seconds, LocalBackend(num_cores(), num_threads=1))
    began = time.perf_counter()
    with open_backend("ray") as cluster:
        there = seconds_of(num_jobs, job_seconds, cluster)
    return there, here, time.perf_counter() - began - there


def main() -> None:
    """Measure, print a table and save the results."""
    parser = json_option(__doc__, "cluster")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="Share of the jobs to run, for a trial.")
    options = parser.parse_args()
    seconds_of(2 * num_cores(), 0.0, LocalBackend(num_cores()))  # the first processes wait for torch
    rows: list[dict[str, Any]] = []
    shown = []
    for num_jobs, job_seconds in ((int(40 * options.share), 2.0), (int(1000 * options.share), 0.0)):
        measured = [repetition(num_jobs, job_seconds) for _ in range(options.repetitions)]
        times = Medians.of([(there, here) for there, here, _ in measured])
        row = {"num_jobs": num_jobs, "job_seconds": job_seconds, "here": times.reference, "there": times.ours}
        row |= {"start": median(start for _, _, start in measured)}
        whole = {"whole_ratio": median((there + start) / here for there, here, start in measured)}
        rows.append({**row, "ratio": times.ratio, "ratio_range": times.ratio_range, **whole})
        shown.append({**row, "ratio": times.ratio_cell, **whole})
    save(options.json, repetitions=options.repetitions, rows=rows)
    print_rows(shown)
    if rows[0]["ratio"] > MAX_RATIO:
        raise SystemExit(f"{rows[0]['ratio']:.2f} is more than {MAX_RATIO}")


if __name__ == "__main__":
    main()
