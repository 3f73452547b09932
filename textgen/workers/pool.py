"""Jobs in other processes: started, given work one by one, watched, and ended with this process.

A process that is killed takes only the job that it was working on with it.
"""

from __future__ import annotations

import pickle
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeAlias, TypeVar

from textgen.contracts import TextgenWarning
from textgen.runtime.messages import about, one_line
from textgen.workers.worker import ERROR, MESSAGE, WARNING, Worker
from textgen.workers.worker_setup import Setup, prepared, recipe

WAIT_SECONDS = 0.3
"""Interval at which `on_wait` is called and time limits are checked."""

ENDING_SECONDS = 5.0
"""Time in which a process that has hung up ends by itself, so that its exit code is known."""

OnMessage: TypeAlias = Callable[[Any, Any], object] | None
"""What is called with a job and what it says by `tell`; True ends the job."""

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Killed:
    """The result of a job whose process ended before the job did."""

    exitcode: int | None

    def __str__(self) -> str:
        code = self.exitcode
        if code is None or code == -9:
            return "its process was killed, possibly by the out-of-memory killer"
        if code >= 0:
            return f"its process ended itself (exit code {code})"
        try:
            return f"its process crashed ({signal.Signals(-code).name})"
        except ValueError:  # a real-time signal, which has no name
            return f"its process crashed (signal {-code})"


@dataclass(frozen=True)
class TimedOut(Killed):
    """The result of a job that was silent for too long."""

    seconds: float = 0.0

    def __str__(self) -> str:
        return f"it made no progress for {about(self.seconds).removeprefix('about ')} and was ended"


@dataclass(frozen=True)
class Stopped(Killed):
    """The result of a job that `on_message` ended."""


@dataclass(frozen=True)
class Unsent(Killed):
    """The result of a job that its process could not receive or return."""

    reason: str = ""

    def __str__(self) -> str:
        return f"its process failed: {self.reason}"


@dataclass(frozen=True)
class Unsaved:
    """The result of a job whose files could not be written here."""

    result: Any
    reason: str


class Pool(Protocol):
    """Jobs that are being computed."""

    busy: dict[Any, Any]
    """One item for each job."""

    def start(self, job: Any) -> None:
        """Begin a job."""

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that end next with their results, then call `on_wait`."""

    def end(self) -> None:
        """End all jobs; those that are being computed are lost."""


def drive(
    pool: Pool,
    jobs: Iterable[Job],
    num_slots: Callable[[], int],
    may_start: Callable[[], bool] = lambda: True,
    on_wait: Callable[[], None] | None = None,
) -> Generator[tuple[Job, Any]]:
    """Yield each job with its result, in the order of completion; the pool ends when the iteration does.

    A job is taken from `jobs` only when there is a slot and either `may_start()` or none is busy.
    """
    try:
        for job in jobs:
            pool.start(job)
            while len(pool.busy) >= num_slots() or (pool.busy and not may_start()):
                yield from pool.wait(on_wait)
        while pool.busy:
            yield from pool.wait(on_wait)
    finally:
        pool.end()


def run_in_processes(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    num_processes: int,
    setup: Setup | None = None,
    may_start: Callable[[], bool] = lambda: True,
) -> Generator[tuple[Job, Result | Killed]]:
    """Yield each job with `function(job)`, in the order of completion, computed in processes that they share.

    What `function` raises is raised here.
    """
    pool = Processes(recipe(function, setup or Setup()), None, None, own_process=False)
    return drive(pool, jobs, lambda: num_processes, may_start)


@dataclass
class _Busy:
    """A process and its job."""

    worker: Worker
    job: Any
    heard: float = field(default_factory=time.monotonic)
    """When the job began or said something."""


class Processes:
    """Processes that start when there is a job for them."""

    def __init__(
        self,
        sent: bytes,
        on_message: OnMessage,
        max_silence: float | None,
        own_process: bool,
    ) -> None:
        self.busy: dict[Any, _Busy] = {}
        """The processes that work, by their connections."""
        self._sent = sent
        self._on_message, self._max_silence, self._own_process = on_message, max_silence, own_process
        self._workers: list[Worker] = []

    def start(self, job: Any) -> None:
        """Give a job to an idle process or to a new one."""
        data = pickle.dumps(job)
        for worker in [worker for worker in self._workers if worker.connection not in self.busy]:
            if worker.give(data):
                break
            self._remove(worker)  # it was killed while idle
        else:
            worker = Worker(partial(prepared, self._sent))
            self._workers.append(worker)
            worker.give(data)
        self.busy[worker.connection] = _Busy(worker, job)

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that finish next with their results, then call `on_wait`."""
        watched = [*self.busy, *(each.worker.sentinel for each in self.busy.values())]
        ready = wait(watched, WAIT_SECONDS if on_wait or self._max_silence else None)
        for each in list(self.busy.values()):
            if each.worker.connection in ready:
                yield from self._heard(each)
            elif each.worker.sentinel in ready:  # a process that it forked keeps the connection open
                yield each.job, Killed(self._remove(each.worker, patience=ENDING_SECONDS))
            elif self._max_silence and time.monotonic() - each.heard > self._max_silence:
                self._remove(each.worker)
                yield each.job, TimedOut(None, self._max_silence)
        if on_wait:
            on_wait()

    def _heard(self, busy: _Busy) -> Iterator[tuple[Any, Any]]:
        """Take what a process says, and yield its job if that has ended."""
        busy.heard = time.monotonic()
        answer = busy.worker.take()
        if answer is None:
            yield busy.job, Killed(self._remove(busy.worker, patience=ENDING_SECONDS))
            return
        kind, content = answer
        if kind == WARNING:
            warnings.warn(content, TextgenWarning, stacklevel=2)
        if kind == MESSAGE and self._on_message and self._on_message(busy.job, content):
            self._remove(busy.worker)
            yield busy.job, Stopped(None)
        if kind in (WARNING, MESSAGE):
            return
        del self.busy[busy.worker.connection]
        if self._own_process:
            self._remove(busy.worker)
        if kind == ERROR and not self._own_process:
            raise content
        yield busy.job, Unsent(None, one_line(content)) if kind == ERROR else content

    def end(self) -> None:
        """End all processes; the jobs that they work on are lost."""
        for worker in self._workers:
            worker.end()

    def _remove(self, worker: Worker, patience: float = 0.0) -> int | None:
        """End a process; returns its exit code if it ends by itself within `patience` seconds."""
        self._workers.remove(worker)
        self.busy.pop(worker.connection, None)
        return worker.end(patience)
