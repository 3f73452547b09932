"""Jobs in other processes: started, given work one by one, watched, and ended with this process.

Everything that textgen does in parallel goes through `run_jobs`. A process that is killed takes only the
job that it was working on with it.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from textgen.api import TextgenError
from textgen.runtime.allocator import keep_freed_memory
from textgen.runtime.messages import one_line

WAIT_SECONDS = 0.3
"""Interval at which `on_wait` is called."""

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Killed:
    """The result of a job whose process was killed."""

    exitcode: int | None

    def __str__(self) -> str:
        return "its process was killed, possibly by the out-of-memory killer"


@dataclass(frozen=True)
class Setup:
    """Preparation of each process before its first job; it is pickled."""

    num_threads: int | None = None
    """Threads of torch; None leaves them unchanged."""
    initialize: Callable[[], object] | None = None

    def run(self) -> None:
        """Prepare the current process."""
        if self.num_threads is not None:
            import torch

            torch.set_num_threads(self.num_threads)
        if self.initialize is not None:
            self.initialize()


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    num_processes: int,
    setup: Setup | None = None,
    on_wait: Callable[[], None] | None = None,
    *,
    may_start: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[Job, Result | Killed]]:
    """Yield each job with `function(job)`, in the order of completion, computed in other processes.

    A job is taken from `jobs` only when a process is free and either `may_start()` or none is busy. What
    `function` raises is raised here. All processes end when the iteration does.
    """
    pool = _Pool(recipe(function, setup or Setup()))
    try:
        for job in jobs:
            pool.start(job)
            while len(pool.busy) == num_processes or (pool.busy and not may_start()):
                yield from pool.wait(on_wait)
        while pool.busy:
            yield from pool.wait(on_wait)
    finally:
        pool.end()


def recipe(function: Callable[..., Any], setup: Setup) -> bytes:
    """Return what `prepared` needs; the function can be of a module that only the setup makes known."""
    return pickle.dumps((setup, pickle.dumps(function)))


def prepared(sent: bytes) -> Callable[[Any], Any]:
    """Prepare the current process and return the function."""
    setup, function = pickle.loads(sent)
    setup.run()
    return pickle.loads(function)  # type: ignore[no-any-return]


class _Pool:
    """Processes that start when there is a job for them."""

    def __init__(self, sent: bytes) -> None:
        self.busy: dict[Connection, tuple[_Worker, Any]] = {}
        """The processes that work, each with its job, by their connections."""
        self._sent = sent
        self._workers: list[_Worker] = []

    def start(self, job: Any) -> None:
        """Give a job to an idle process or to a new one."""
        data = pickle.dumps(job)
        for worker in [worker for worker in self._workers if worker.connection not in self.busy]:
            if worker.give(data):
                break
            self._remove(worker)  # it was killed while idle
        else:
            worker = _Worker(self._sent)
            self._workers.append(worker)
            worker.give(data)
        self.busy[worker.connection] = worker, job

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that finish next with their results, then call `on_wait`."""
        for connection in wait(list(self.busy), WAIT_SECONDS if on_wait else None):
            assert isinstance(connection, Connection)
            worker, job = self.busy.pop(connection)
            result = worker.take()
            if isinstance(result, Killed):
                self._remove(worker)
            yield job, result
        if on_wait:
            on_wait()

    def end(self) -> None:
        """End all processes; the jobs that they work on are lost."""
        for worker in self._workers:
            worker.end()

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()


class _Worker:
    """A process that computes one job at a time."""

    def __init__(self, sent: bytes) -> None:
        context = get_context("spawn")  # torch has threads, which a fork would leave in an unknown state
        self.connection, other = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(other, sent))
        with _ignored_interrupts():
            self._process.start()
        other.close()  # so that the connection ends when the process does

    def give(self, data: bytes) -> bool:
        """Send a pickled job and return whether the process was alive; if not, `take` returns `Killed`."""
        try:
            self.connection.send_bytes(data)
        except OSError:
            return False
        return True

    def take(self) -> Any:
        """Return the result of the job, or `Killed`; raise what the job raised."""
        try:
            data = self.connection.recv_bytes()
        except (EOFError, OSError):  # the latter if it was killed while it sent the result
            self._process.join()
            return Killed(self._process.exitcode)
        succeeded, result = pickle.loads(data)
        if not succeeded:
            raise result
        return result

    def end(self) -> None:
        """End the process; the job that it is working on is lost."""
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, sent: bytes) -> None:
    """Compute jobs until there are no more, or until the process that started this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    try:
        function = prepared(sent)
    except BaseException as error:
        connection.recv_bytes()
        _answer(connection, False, _sendable(error))
        return
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            answer = True, function(pickle.loads(data))
        except BaseException as error:
            answer = False, _sendable(error)
        _answer(connection, *answer)


def _answer(connection: Connection, succeeded: bool, result: Any) -> None:
    try:
        data = pickle.dumps((succeeded, result))
    except Exception as error:
        problem = RuntimeError(f"{type(result).__name__} cannot be sent: {one_line(error)}")
        data = pickle.dumps((False, problem))
    try:
        connection.send_bytes(data)
    except OSError:
        os._exit(1)


def _sendable(error: BaseException) -> BaseException:
    """Return the error, or one of the same message if pickle would change or lose it."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        if one_line(copy) == one_line(error):
            return error
    except Exception:  # whatever its constructor raises when it is called with other arguments
        pass
    if isinstance(error, TextgenError):
        return TextgenError(one_line(error, with_type=False))
    return RuntimeError(one_line(error))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Make processes that start in this context ignore Ctrl-C, which a terminal sends to all of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
