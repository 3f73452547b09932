"""Trials one after another, in this process or in several."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import optuna
import torch
from optuna.trial import Trial

from textgen.api import TextgenError
from textgen.registry.attribution import describe_error
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.environment import threads_per_job
from textgen.runtime.interrupts import interrupts_deferred
from textgen.runtime.preparation import Setup
from textgen.runtime.processes import Killed, run_jobs
from textgen.runtime.worker import import_early, is_worker, tell
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, ignore_report, seldom
from textgen.tune.objective import Objective
from textgen.tune.study import Study

PAUSE_SECONDS = 0.3
"""Seconds between two looks at whether other processes have finished."""


@dataclass(frozen=True)
class Goal:
    """The end of a search: a number of trials, a time, or whichever comes first."""

    num_trials: int | None
    """Trials of the whole study, earlier ones included."""
    deadline: float | None
    """The time (`time.time()`) after which no trial starts."""

    def is_late(self) -> bool:
        """Return whether the deadline has passed."""
        return self.deadline is not None and time.time() >= self.deadline


def search(study: Study, goal: Goal, report: Report = ignore_report) -> None:
    """Run trials until the goal is reached. One that fails, whatever the reason, is kept with its reason."""
    while not goal.is_late():
        trial = study.claim(goal.num_trials)
        if trial == "done":
            return
        if trial == "wait":
            report(Step("waiting for the trials of other processes"))
            time.sleep(PAUSE_SECONDS)
            continue
        make_trial(study, trial, filled_in(report, entry=f"trial {study.num_done() + 1}{_of(goal)}"))


def make_trial(study: Study, trial: Trial, report: Report) -> None:
    """Evaluate one trial, unless its curve falls behind the better half on the way."""
    start, reported, num_steps = time.perf_counter(), set[int](), study.objective.num_steps

    def follow(step: Step) -> None:
        report(step)
        progress = step.progress
        if progress is None or progress.validation_bits_per_char is None:
            return
        # In whole steps: only values at the same percentage of the budget are compared.
        percent = int(min(progress.fraction, 1.0) * num_steps + 1e-9) * 100 // num_steps
        if percent not in reported:
            reported.add(percent)
            with interrupts_deferred():
                trial.report(progress.validation_bits_per_char, percent)
                is_pruned = trial.should_prune()
            if is_pruned:
                raise optuna.TrialPruned

    value, reason = None, None
    report(Step("starting"))
    try:
        reported |= study.carry_over(trial)
        value = study.objective.evaluate(trial.params, follow, study.unfinished(trial.params))
    except optuna.TrialPruned:
        pass
    except BaseException as error:  # one choice that cannot be trained must not end the search
        if isinstance(error, KeyboardInterrupt) and not is_worker():
            raise
        reason = describe_error(error)
    study.finish(trial, value, time.perf_counter() - start, reason)
    if reason is None:
        report(Step(DONE, outcome="pruned" if value is None else f"{value:.4f}"))
    else:
        report(Step(FAILED, outcome=reason))


def search_in_processes(
    study: Study, goal: Goal, num_jobs: int, report: Report = ignore_report, max_silence: float | None = None
) -> None:
    """Let processes search, each with its share of the threads.

    One that is killed, in which a trial crashes, or which is silent for `max_silence` seconds is replaced.
    Raises `TextgenError` if all of them end before they begin a trial.
    """
    import_early(__name__)
    threads = threads_per_job(num_jobs) if num_jobs > 1 else torch.get_num_threads()
    setup = Setup(threads, partial(load_plugin_files, plugin_files()))
    lost: list[Killed] = []

    def numbers() -> Iterator[int]:
        yield from range(num_jobs)
        known, seen = 0, 0  # trials, and processes that were lost before the last of them began
        while lost and not (goal.is_late() or study.is_over(goal.num_trials)):
            if len(study.trials()) > known:
                known, seen = len(study.trials()), len(lost)
            elif len(lost) - seen >= num_jobs:
                raise TextgenError(f"every process of the search ended before it began a trial: {lost[-1]}")
            yield 0

    def show() -> None:
        report(Step(f"{study.num_done()}{_of(goal)} trials", "search", outcome=standing(study)))

    search_here = _SearchHere(study.folder, study.objective, goal)
    watched = {"on_wait": show} if num_jobs > 1 else {"on_message": lambda _, step: report(step)}
    for _, result in run_jobs(search_here, numbers(), num_jobs, setup, max_silence=max_silence, **watched):
        if isinstance(result, Killed):
            lost.append(result)


def _of(goal: Goal) -> str:
    return f" of {goal.num_trials}" if goal.num_trials else ""


def standing(study: Study) -> str:
    """Return the best value of a search so far, in words; nothing without one."""
    best = study.best()
    return f"best {best.values[0]:.4f}" if best else ""


@dataclass(frozen=True)
class _SearchHere:
    """Searches in another process."""

    folder: Path
    objective: Objective
    goal: Goal

    def __call__(self, number: int) -> None:  # noqa: ARG002 - all processes do the same
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with redirect_stdout(sys.stderr), Study(self.folder, self.objective) as study:
            search(study, self.goal, seldom(tell))
