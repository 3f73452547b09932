"""Trials one after another, in this process or in several."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import optuna
import torch
from optuna.trial import Trial

from textgen.api import TextgenError
from textgen.registry.attribution import describe_error
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_file
from textgen.runtime.processes import prepare_process
from textgen.training.progress import Progress
from textgen.tune.final_comparison import Report
from textgen.tune.objective import Objective
from textgen.tune.study import Study

PAUSE_SECONDS = 0.3
"""How often a process looks whether others have come to an end."""


@dataclass(frozen=True)
class Goal:
    """When a search is over."""

    num_trials: int | None
    """Of the whole study, what was there before included."""
    deadline: float | None
    """The time (`time.time()`) after which no trial is begun."""

    def is_late(self) -> bool:
        """Return whether the time is over."""
        return self.deadline is not None and time.time() >= self.deadline


def search(study: Study, goal: Goal, report: Report = lambda doing, progress: None) -> None:
    """Make trials until the goal is reached. One that fails, whatever the reason, is kept with it."""
    while not goal.is_late():
        trial = study.claim(goal.num_trials)
        if trial == "done":
            return
        if trial == "wait":
            time.sleep(PAUSE_SECONDS)
            continue
        doing = standing(study, goal, trial.number)
        make_trial(study, trial, lambda progress, doing=doing: report(doing, progress))  # type: ignore[misc]


def make_trial(study: Study, trial: Trial, report: Callable[[Progress], None]) -> None:
    """Measure one trial, unless its curve says on the way that it will not be among the better half."""
    start, reported, num_steps = time.perf_counter(), set(), study.objective.num_steps

    def follow(progress: Progress) -> None:
        report(progress)
        if progress.validation_bits_per_char is None:
            return
        # In whole steps: only values at the same percentage of the budget are compared.
        step = int(min(progress.fraction, 1.0) * num_steps + 1e-9) * 100 // num_steps
        if step not in reported:
            reported.add(step)
            trial.report(progress.validation_bits_per_char, step)
            if trial.should_prune():
                raise optuna.TrialPruned

    value, reason = None, None
    try:
        value = study.objective.measure(trial.params, follow)
    except optuna.TrialPruned:
        pass
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one choice that cannot be trained must not end the search
        reason = describe_error(error)
    study.finish(trial, value, time.perf_counter() - start, reason)


def search_in_processes(
    study: Study,
    goal: Goal,
    num_jobs: int,
    report: Report = lambda doing, progress: None,
) -> None:
    """Let processes search, each with its share of the threads; raises `TextgenError` if all of them fail."""
    context = multiprocessing.get_context("spawn")
    num_threads = max(1, torch.get_num_threads() // num_jobs)
    arguments = (study.folder, study.objective, goal, num_threads, plugin_files())
    processes: list[BaseProcess] = [
        context.Process(target=_search_here, args=arguments) for _ in range(num_jobs)
    ]
    try:
        with _ignored_interrupts():
            for process in processes:
                process.start()
        while any(process.is_alive() for process in processes):
            report(standing(study, goal, None), None)
            time.sleep(PAUSE_SECONDS)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    if all(process.exitcode for process in processes):
        raise TextgenError(
            f"every process of the search failed (exit code {processes[0].exitcode}); try --jobs 1"
        )


def standing(study: Study, goal: Goal, number: int | None) -> str:
    """Return where a search stands: how many trials there are, and the best value."""
    best, of = study.best(), f" of {goal.num_trials}" if goal.num_trials else ""
    done = f"trial {study.num_done() + 1}{of}" if number is not None else f"{study.num_done()}{of} trials"
    return done + (f", best {best.values[0]:.4f}" if best else "")


def _search_here(
    folder: Path, objective: Objective, goal: Goal, num_threads: int, files: Sequence[Path]
) -> None:
    prepare_process()  # a trial of one that ends with its parent is made another time
    torch.set_num_threads(num_threads)
    for path in files:
        load_plugin_file(path)
    with redirect_stdout(sys.stderr), Study(folder, objective) as study:
        search(study, goal)


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Let processes that start meanwhile ignore Ctrl-C, which a terminal sends to all of them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
