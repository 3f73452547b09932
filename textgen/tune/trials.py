"""Trials: here one after another, or each in a process of its own, wherever that is computed.

The study stays in this process: it asks for options, follows the curves, and is told what comes out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import torch
from optuna.trial import Trial

from textgen.registry.attribution import describe_error
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.environment import machine, threads_per_job
from textgen.runtime.json_records import to_values
from textgen.runtime.preparation import Setup
from textgen.runtime.processes import Killed, Stopped, run_jobs
from textgen.runtime.worker import import_early, tell
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, ignore_report, seldom
from textgen.tune.objective import Objective
from textgen.tune.results import Value
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
    curve = _Curve(study, trial)

    def follow(step: Step) -> None:
        report(step)
        if curve.is_hopeless(step):
            raise optuna.TrialPruned

    value, reason = None, None
    report(Step("starting"))
    try:
        curve.carry_over()
        value = study.objective.evaluate(trial.params, follow, study.unfinished(trial.params))
    except optuna.TrialPruned:
        pass
    except BaseException as error:  # one choice that cannot be trained must not end the search
        if isinstance(error, KeyboardInterrupt):
            raise
        reason = describe_error(error)
    curve.end(value, reason, machine=None if value is None else to_values(machine()))
    report(_last_step(value, reason))


class _Curve:
    """The validation scores of a trial that is being evaluated."""

    def __init__(self, study: Study, trial: Trial) -> None:
        self.study, self.trial = study, trial
        self._start, self._reported = time.perf_counter(), set[int]()

    def carry_over(self) -> None:
        """Report again what a killed attempt reported; raises `optuna.TrialPruned` if that is hopeless."""
        self._reported |= self.study.carry_over(self.trial)

    def is_hopeless(self, step: Step) -> bool:
        """Report the score of a step, if it has one, and return whether the trial is to be pruned."""
        progress, num_steps = step.progress, self.study.objective.num_steps
        if progress is None or progress.validation_bits_per_char is None:
            return False
        # In whole steps: only values at the same percentage of the budget are compared.
        percent = int(min(progress.fraction, 1.0) * num_steps + 1e-9) * 100 // num_steps
        if percent in self._reported:
            return False
        self._reported.add(percent)
        return self.study.report(self.trial, {percent: progress.validation_bits_per_char})

    def end(
        self, value: float | None, reason: str | None, seconds: float | None = None, machine: object = None
    ) -> None:
        """Save the outcome: a value, or None for a trial that was pruned or, with a reason, failed.

        Without `seconds`, those since the trial was given away count.
        """
        seconds = time.perf_counter() - self._start if seconds is None else seconds
        self.study.finish(self.trial, value, seconds=seconds, reason=reason, machine=machine)


def _last_step(value: float | None, reason: str | None) -> Step:
    if reason is not None:
        return Step(FAILED, outcome=reason)
    return Step(DONE, outcome="pruned" if value is None else f"{value:.4f}")


def search_in_processes(
    study: Study, goal: Goal, num_jobs: int, report: Report = ignore_report, max_silence: float | None = None
) -> None:
    """Evaluate each trial in a process of its own, `num_jobs` at a time, each with its share of the threads.

    One whose process ends, or that is silent for `max_silence` seconds, is tried again.
    """
    import_early(__name__)
    trials = _Trials(study, goal, report, is_alone=num_jobs == 1)
    threads = threads_per_job(num_jobs) if num_jobs > 1 else torch.get_num_threads()
    results = run_jobs(
        _evaluate,
        trials.tasks(),
        num_jobs,
        Setup(threads),
        on_message=trials.heard,
        max_silence=max_silence,
        own_process=True,
        may_start=trials.has_another,
    )
    for task, result in results:
        trials.end(task, result)


@dataclass(frozen=True)
class _Task:
    """A trial, and what its process needs to know."""

    number: int
    params: Mapping[str, Value]
    objective: Objective
    folder: Path
    """Beside which it keeps its checkpoints."""
    plugin_files: Sequence[Path]


def _evaluate(task: _Task) -> tuple[float, float, object] | str:
    """Return the value of a trial, its seconds and its machine, or the reason why there is no value."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        load_plugin_files(task.plugin_files)
        began = time.perf_counter()
        value = task.objective.evaluate(task.params, seldom(tell), task.folder)
        return value, time.perf_counter() - began, to_values(machine())
    except BaseException as error:
        return describe_error(error)


class _Trials:
    """The trials of a search that are evaluated in other processes."""

    def __init__(self, study: Study, goal: Goal, report: Report, *, is_alone: bool) -> None:
        self._study, self._goal, self._report, self._is_alone = study, goal, report, is_alone
        self._running: dict[int, tuple[_Curve, Report]] = {}
        self._claimed: list[Trial] = []

    def tasks(self) -> Iterator[_Task]:
        """Yield the trials to evaluate, until the goal is reached."""
        study, goal = self._study, self._goal
        while self._claimed or not goal.is_late():
            trial = self._claimed.pop() if self._claimed else study.claim(goal.num_trials)
            if trial == "done":
                return
            if trial == "wait":  # nothing is evaluated here now
                self._report(Step("waiting for the trials of other processes"))
                time.sleep(PAUSE_SECONDS)
                continue
            curve, report = _Curve(study, trial), self._report_of()
            report(Step("starting"))
            try:
                curve.carry_over()
            except optuna.TrialPruned:
                curve.end(None, None)
                continue
            self._running[trial.number] = curve, report
            files = list(plugin_files())
            yield _Task(trial.number, trial.params, study.objective, study.unfinished(trial.params), files)

    def has_another(self) -> bool:
        """Return whether a further trial can begin while others are evaluated here."""
        if not self._claimed and not self._goal.is_late():
            trial = self._study.claim(self._goal.num_trials)
            self._claimed += [trial] if isinstance(trial, Trial) else []
        return bool(self._claimed)

    def heard(self, task: _Task, step: Step) -> bool:
        """Follow a trial; return whether it is to be pruned."""
        curve, report = self._running[task.number]
        if self._is_alone:
            report(step)
        return curve.is_hopeless(step)

    def end(self, task: _Task, result: tuple[float, float, object] | str | Killed) -> None:
        """Keep what came out of a trial."""
        curve, report = self._running.pop(task.number)
        if isinstance(result, Killed) and not isinstance(result, Stopped):
            self._study.lose(curve.trial)
            return
        reason = result if isinstance(result, str) else None
        value, seconds, about = result if isinstance(result, tuple) else (None, None, None)
        curve.end(value, reason, seconds, about)
        report(_last_step(value, reason) if self._is_alone else Step("trials"))

    def _report_of(self) -> Report:
        done, of = self._study.num_done(), _of(self._goal)
        if self._is_alone:
            return filled_in(self._report, entry=f"trial {done + 1}{of}")

        def tell_of_all(step: Step) -> None:  # noqa: ARG001 - the steps of several trials would be a muddle
            title = f"{self._study.num_done()}{of} trials"
            self._report(Step(title, "search", outcome=standing(self._study)))

        return tell_of_all


def _of(goal: Goal) -> str:
    return f" of {goal.num_trials}" if goal.num_trials else ""


def standing(study: Study) -> str:
    """Return the best value of a search so far, in words; nothing without one."""
    best = study.best()
    return f"best {best.values[0]:.4f}" if best else ""
