"""The trials of a study as jobs, wherever those are computed.

The study stays in this process: it asks for options, follows the curves, and is told what comes out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import Trial

from textgen.jobs.backends import Backend
from textgen.jobs.runner import Outcome, run_jobs
from textgen.registry.registry import plugin_files
from textgen.runtime.environment import Machine, machine
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, ignore_report
from textgen_tuning.objectives import Objective
from textgen_tuning.result import Value
from textgen_tuning.study import Study, carried

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


@dataclass(frozen=True)
class TrialValue:
    """The value of a trial, and what it took."""

    value: float
    seconds: float
    machine: Machine


@dataclass(frozen=True)
class TrialJob:
    """One choice of options, to be evaluated."""

    number: int
    params: Mapping[str, Value]
    objective: Objective
    folder: Path
    """The path beside which it keeps its checkpoints."""
    plugin_files: Sequence[Path]
    num_assistants: int = 0

    def compute(self, report: Report) -> TrialValue:
        """Return the value of the choice."""
        began = time.perf_counter()
        value = self.objective.evaluate(self.params, report, self.folder)
        return TrialValue(value, time.perf_counter() - began, machine())


def search(
    study: Study,
    goal: Goal,
    backend: Backend,
    report: Report = ignore_report,
    max_silence: float | None = None,
) -> None:
    """Evaluate trials until the goal is reached. One that fails is kept with its reason.

    One whose process is killed, or that is silent for `max_silence` seconds, is tried again.
    """
    trials = _Trials(study, goal, report, is_alone=backend.num_slots == 1)
    made = run_jobs(
        trials.jobs(),
        TrialValue,
        backend,
        on_step=trials.heard,
        max_silence=max_silence,
        may_start=trials.has_another,
    )
    for job, outcome in made:
        trials.end(job, outcome)


@dataclass
class _Running:
    """A trial that is evaluated in another process."""

    trial: Trial
    report: Report
    began: float
    reported: set[int]
    """The percentages of the budget whose scores the study knows."""


class _Trials:
    """The trials of a search that are evaluated in other processes."""

    def __init__(self, study: Study, goal: Goal, report: Report, *, is_alone: bool) -> None:
        self._study, self._goal, self._report, self._is_alone = study, goal, report, is_alone
        self._running: dict[int, _Running] = {}
        self._claimed: list[Trial] = []

    def jobs(self) -> Iterator[TrialJob]:
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
            curve = carried(trial)
            running = _Running(trial, self._report_of(), time.perf_counter(), set(curve))
            running.report(Step("starting"))
            if study.report(trial, curve):  # it was killed when it was about to be pruned
                study.finish(trial, None, seconds=time.perf_counter() - running.began)
                continue
            self._running[trial.number] = running
            files = list(plugin_files())
            yield TrialJob(trial.number, trial.params, study.objective, study.unfinished(trial.params), files)

    def has_another(self) -> bool:
        """Return whether a further trial can begin while others are evaluated here."""
        if not self._claimed and not self._goal.is_late():
            trial = self._study.claim(self._goal.num_trials)
            self._claimed += [trial] if isinstance(trial, Trial) else []
        return bool(self._claimed)

    def heard(self, job: TrialJob, step: Step) -> bool:
        """Follow a trial by its validation scores; return whether it is to be pruned."""
        running = self._running[job.number]
        if self._is_alone:
            running.report(step)
        progress, num_steps = step.progress, self._study.objective.num_steps
        if progress is None or progress.validation_bits_per_char is None:
            return False
        # In whole steps: only values at the same percentage of the budget are compared.
        percent = int(min(progress.fraction, 1.0) * num_steps + 1e-9) * 100 // num_steps
        if percent in running.reported:
            return False
        running.reported.add(percent)
        return self._study.report(running.trial, {percent: progress.validation_bits_per_char})

    def end(self, job: TrialJob, outcome: Outcome[TrialValue]) -> None:
        """Keep what came out of a trial; one without value or reason was pruned."""
        running = self._running.pop(job.number)
        if outcome.was_killed:
            self._study.lose(running.trial)
            return
        result, reason = outcome.result, None if outcome.was_stopped else outcome.failure or None
        about = vars(result) if result else {"value": None, "seconds": time.perf_counter() - running.began}
        self._study.finish(running.trial, reason=reason, **about)
        if not self._is_alone:
            running.report(Step("trials"))
        elif reason:
            running.report(Step(FAILED, outcome=reason))
        else:
            running.report(Step(DONE, outcome=f"{result.value:.4f}" if result else "pruned"))

    def _report_of(self) -> Report:
        of = f" of {self._goal.num_trials}" if self._goal.num_trials else ""
        if self._is_alone:
            return filled_in(self._report, entry=f"trial {self._study.num_done() + 1}{of}")

        def tell_of_all(step: Step) -> None:  # noqa: ARG001 - the steps of several trials would be a muddle
            best = self._study.best()
            standing = f"best {best.values[0]:.4f}" if best else ""
            self._report(Step(f"{self._study.num_done()}{of} trials", "search", outcome=standing))

        return tell_of_all
