"""Running a suite: what is measured already is kept, what is missing is measured, effects are computed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from textgen.api import TextgenError
from textgen.runtime.environment import machine, versions
from textgen.runtime.files import make_folder, to_json, write_file
from textgen.suite.effects import describe_factors
from textgen.suite.job import Unit, held_out_measures
from textgen.suite.planner import JobPlanner, SuiteOptions
from textgen.suite.schema import Case, Suite
from textgen.suite.workers import Report, measure_units, share_cores
from textgen.training.budget import parse_budget

USUAL_OVERHEAD = 15.0
"""Seconds beside the training of a run, until some have been measured."""


def run_suite(
    suite: Suite,
    options: SuiteOptions,
    folder: Path,
    report: Report = lambda doing, progress: None,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Measure what `folder` does not hold yet; return the effects as JSON values, also saved there.

    A measurement is kept under the hash of all that decides it, so that a suite goes on where it stopped,
    and what two factors or suites share is measured once. A case that fails is named with its reason, and
    tried again the next time.
    """
    share_cores(options.num_jobs)
    runner = JobPlanner(suite, options, folder)
    report("reading the texts", None)
    units = {runner.path(unit): unit for unit in runner.units()}
    make_folder(folder / "measurements")
    missing = {path: unit for path, unit in units.items() if not path.exists()}
    say(forecast(suite, len(units), list(missing.values()), list(units), options.num_jobs))
    failures: dict[str, str] = {}
    for path, found in measure_units(runner, missing, report):
        if isinstance(found, str):
            unit = missing[path]
            failures.setdefault(f"{unit.case.label} (seed {unit.seed})", found)
        else:
            write_file(path, to_json(found))
    first = runner.unit(suite.cases()[0], 0)
    result = {
        "suite": suite.title,
        "corpus": first.corpus.to_json(),
        "held_out": {"sample_metrics": held_out_measures(first, runner.measures(first.case))},
        "budget": options.budget or suite.budget,
        "num_seeds": runner.num_seeds,
        "num_jobs": options.num_jobs,
        "device": options.device_config.device.type,
        "precision": options.device_config.precision,
        "versions": versions(),
        "machine": machine(),
        "factors": describe_factors(suite, lambda case: _found(runner, case)),
        "failures": failures,
    }
    write_file(folder / "suite.json", to_json(result))
    if failures and len(failures) == len(units):
        raise TextgenError(f"every case failed; the first one: {next(iter(failures.values()))}")
    return result


def forecast(
    suite: Suite, num_units: int, missing: Sequence[Unit], paths: Sequence[Path], num_jobs: int
) -> str:
    """Return how much there is to do, and about how long it will take."""
    done = [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
    extra = [found["seconds"] - found["result"]["train"]["seconds"] for found in done]
    overhead = statistics.mean(extra) if extra else USUAL_OVERHEAD
    usual = statistics.mean(found["result"]["train"]["seconds"] for found in done) if done else 60.0
    budgets = [parse_budget(unit.budget) for unit in missing]
    seconds = sum(overhead + (budget.amount if budget.unit == "seconds" else usual) for budget in budgets)
    rest = f"; about {seconds / 60 / num_jobs:.0f} min to go" if missing else ""
    return f"{suite.title}: {num_units} runs, of which {num_units - len(missing)} are done{rest}"


def _found(runner: JobPlanner, case: Case) -> list[dict[str, Any]]:
    """Return the measurements of a case, one for each seed that there is."""
    paths = [runner.path(replace(runner.unit(case, 0), seed=seed)) for seed in range(runner.num_seeds)]
    return [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
