"""Measuring units one after another, or several at once in processes with their share of the cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import torch

from textgen.api import TextgenError
from textgen.registry.attribution import describe_error
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_file
from textgen.runtime.processes import num_cores, prepare_process
from textgen.suite.job import Unit, measure
from textgen.suite.planner import JobPlanner
from textgen.suite.schema import Case
from textgen.training.progress import Progress

Report = Callable[[str, Progress | None], None]

_preparation: JobPlanner


def share_cores(num_jobs: int) -> None:
    """Let this process use as many threads as each of so many may."""
    if num_jobs > 1:
        torch.set_num_threads(max(1, num_cores() // num_jobs))


def measure_units(
    preparation: JobPlanner, units: Mapping[Path, Unit], report: Report
) -> Iterator[tuple[Path, dict[str, Any] | str]]:
    """Yield each unit's path with its measurement, or with the reason why there is none."""
    if preparation.options.num_jobs > 1:
        yield from _measure_at_once(preparation, units, report)
        return
    for number, (path, unit) in enumerate(units.items(), start=1):
        doing = f"{number}/{len(units)} {unit.case.label}, seed {unit.seed}"
        yield path, _measured(preparation, unit.case, unit.seed, partial(report, doing))


def _measure_at_once(
    preparation: JobPlanner, units: Mapping[Path, Unit], report: Report
) -> Iterator[tuple[Path, dict[str, Any] | str]]:
    files = [str(file) for file in plugin_files()]
    # Each process reads the texts itself, once: to send them with each unit would cost more.
    new = JobPlanner(preparation.suite, preparation.options, preparation.folder)
    pool = ProcessPoolExecutor(
        preparation.options.num_jobs,
        get_context("spawn"),  # torch has threads, which a fork would leave behind in an unknown state
        initializer=_prepare_process,
        initargs=(new, files),
    )
    try:
        paths = {pool.submit(_measure_in_process, unit.case, unit.seed): path for path, unit in units.items()}
        for number, future in enumerate(as_completed(paths), start=1):
            report(f"{number}/{len(units)} measured", None)
            yield paths[future], future.result()
    except BrokenProcessPool:
        raise TextgenError(
            "a process that measured was ended from outside, perhaps for want of memory; what is measured "
            "is kept, so start again, with fewer --jobs"
        ) from None
    except BaseException:
        for process in active_children():  # what they are at is lost anyway
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_process(preparation: JobPlanner, files: list[str]) -> None:
    global _preparation  # noqa: PLW0603 - sent once, not with each unit
    prepare_process()
    share_cores(preparation.options.num_jobs)
    for file in files:
        load_plugin_file(Path(file))
    _preparation = preparation


def _measure_in_process(case: Case, seed: int) -> dict[str, Any] | str:
    return _measured(_preparation, case, seed)


def _measured(
    preparation: JobPlanner,
    case: Case,
    seed: int,
    report: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any] | str:
    try:
        return measure(preparation.unit(case, seed), preparation.measures(case), report)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one case must not take the others down
        return describe_error(error)
