"""The runner of jobs: each is given to a backend, heard, received, and what it leaves is discarded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from textgen.experiment.run_lock import discard_outlived, discard_unfinished
from textgen.jobs.backends import Backend
from textgen.registry.registry import describe_error
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.messages import shortened
from textgen.runtime.storage.json_records import from_plain, from_values, to_values
from textgen.training.progress import DONE, FAILED, Report, Step, filled_in, seldom
from textgen.workers.pool import Killed, Stopped, Unsaved, drive
from textgen.workers.process import import_early, is_worker, tell


class Job(Protocol):
    """Something to compute, with all that it needs; it is pickled."""

    @property
    def folder(self) -> Path | None:
        """The folder or file in which its result is kept; checkpoints are next to it."""

    @property
    def plugin_files(self) -> Sequence[Path]:
        """The plugin files that it needs, which its process loads."""

    def compute(self, report: Report) -> Any:
        """Return the result, a dataclass that is sent as JSON values, so that no object of a plugin is.

        It is in an `Unsaved` if its files could not be written.
        """


class PlannedJob(Job, Protocol):
    """A job of a plan that is known before the first one starts."""

    @property
    def title(self) -> str:
        """The name under which its progress is shown."""


AnyJob = TypeVar("AnyJob", bound=Job)
AnyPlannedJob = TypeVar("AnyPlannedJob", bound=PlannedJob)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """The outcome of a job: a result, or the reason why there is none."""

    result: Result | None = None
    failure: str = ""
    """Why there is no result; empty with one."""
    was_killed: bool = False
    """True if its process ended before the job did, so that it may be tried again."""
    was_stopped: bool = False
    """True if `on_step` ended it."""
    unsaved: str | None = None
    """Why its files could not be written."""


def run_jobs(
    jobs: Iterable[AnyJob],
    result_type: type[Result],
    backend: Backend,
    *,
    on_step: Callable[[AnyJob, Step], object] = lambda job, step: None,
    max_silence: float | None = None,
    may_start: Callable[[], bool] = lambda: True,
) -> Generator[tuple[AnyJob, Outcome[Result]]]:
    """Yield each job with its outcome, in the order of completion.

    A job is taken from `jobs` only when there is a slot and either `may_start()` or none is busy. Its steps
    go to `on_step`, which ends it by returning True; one without a step for `max_silence` seconds is ended.
    """
    import_early(__name__)

    def heard(job: AnyJob, values: Any) -> object:
        try:
            step = from_plain(Step, values)
        except ValueError:  # a plugin has sent it
            return None
        return on_step(job, step)

    return drive(
        backend.pool(_computed, heard, max_silence),
        jobs,
        lambda: backend.num_slots,
        ended=partial(_ended, result_type),
        lost=_discard,  # Ctrl-C: what the processes leave that were at work
        may_start=may_start,
    )


def _ended(result_type: type[Result], job: Job, answer: object) -> Outcome[Result]:
    """Return the outcome of a job, after what it leaves besides its result is removed."""
    outcome = _received(answer, result_type)
    if outcome.was_killed:
        _discard(job)
    elif job.folder is not None:
        discard_outlived(job.folder)  # what an attempt on this machine left, if another made the run
    return outcome


def _discard(job: Job) -> None:
    if job.folder is not None:
        discard_unfinished(job.folder)


class PlanProgress(Generic[AnyPlannedJob]):
    """Progress of jobs that are all known before the first one starts."""

    def __init__(self, plan: Sequence[AnyPlannedJob], report: Report) -> None:
        self._plan, self._report = plan, report
        self._number_of = {id(job): number for number, job in enumerate(plan, start=1)}

    def starting(self) -> Iterator[AnyPlannedJob]:
        """Yield the jobs, and report each before it starts."""
        for job in self._plan:
            self.heard(job, Step("starting"))
            yield job

    def heard(self, job: AnyPlannedJob, step: Step) -> None:
        """Report a step of a job."""
        number, total = self._number_of[id(job)], len(self._plan)
        filled_in(self._report, entry=job.title, index=number, total=total)(step)

    def ended(self, job: AnyPlannedJob, outcome: Outcome[Any]) -> None:
        """Report how a job ended; the property `outcome` of its result says that in a few words.

        One without a result has trained what another one scores.
        """
        if outcome.failure:
            self.heard(job, Step(FAILED, outcome=outcome.failure))
        else:
            self.heard(job, Step(DONE, outcome=outcome.result.outcome if outcome.result else "trained"))


def _computed(job: Job, say: Callable[[Any], None] = tell) -> Any:
    """Return the result as JSON values by the name "result", or why there is none by "failure".

    `say` sends a step, as JSON values, to the process that started the job.
    """
    try:
        load_plugin_files(job.plugin_files)
        result = job.compute(seldom(lambda step: say(to_values(step))))
        if isinstance(result, Unsaved):
            return {"result": to_values(result.result), "unsaved": result.reason}
        return {"result": to_values(result)}
    except BaseException as error:  # in another process, SystemExit and KeyboardInterrupt are a plugin's
        if not (isinstance(error, Exception) or is_worker()):  # Ctrl-C, or the end of a job of this process
            raise
        return {"failure": describe_error(error)}


def _received(answer: Any, result_type: type[Result]) -> Outcome[Result]:
    if isinstance(answer, Unsaved):
        outcome = _received(answer.result, result_type)
        return Outcome(outcome.result, outcome.failure, unsaved=answer.reason)
    if isinstance(answer, Killed):
        was_stopped = isinstance(answer, Stopped)
        return Outcome(failure=answer.reason, was_killed=not was_stopped, was_stopped=was_stopped)
    try:
        if "failure" in answer:
            return Outcome(failure=shortened(str(answer["failure"])))
        return Outcome(from_values(result_type, answer["result"]), unsaved=answer.get("unsaved"))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        return Outcome(failure=f"its result cannot be kept: {describe_error(error)}")
