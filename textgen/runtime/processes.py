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

MAX_PROCESSES = 8
"""Upper limit of `map_in_order`; more would wait for this process, which reads and writes their items."""
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
) -> Iterator[tuple[Job, Result | Killed]]:
    """Yield each job with `function(job)`, in the order of completion, computed in other processes.

    A job is taken from `jobs` only when a process is free. What `function` raises is raised here. All
    processes end when the iteration does.
    """
    recipe = pickle.dumps((function, setup or Setup()))
    pending, workers, is_over = iter(jobs), list[_Worker](), False
    busy: dict[Connection, tuple[_Worker, Job]] = {}
    try:
        while True:
            while len(busy) < num_processes and not is_over:
                try:
                    job = next(pending)
                except StopIteration:
                    is_over = True
                    break
                idle = [worker for worker in workers if worker.connection not in busy]
                worker = idle[0] if idle else _Worker(recipe)
                workers += [] if idle else [worker]
                worker.give(job)
                busy[worker.connection] = worker, job
            if not busy:
                return
            for connection in wait(list(busy), WAIT_SECONDS if on_wait else None):
                assert isinstance(connection, Connection)
                worker, job = busy.pop(connection)
                result = worker.take()
                if isinstance(result, Killed):
                    workers.remove(worker)
                yield job, result
            if on_wait:
                on_wait()
    finally:
        for worker in workers:
            worker.end()


def map_in_order(function: Callable[[Job], Result], items: Iterable[Job]) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, computed in one process per core.

    A function that cannot be pickled runs in this process, and so does everything if other processes do
    not start (in a script without `if __name__ == "__main__"`).
    """
    num_processes = min(num_cores(), MAX_PROCESSES)
    if num_processes == 1 or not _can_be_sent(function) or not _can_start():
        yield from map(function, items)
        return
    found: dict[int, Result] = {}
    position = 0
    for (index, _), result in run_jobs(_Indexed(function), enumerate(items), num_processes):
        if isinstance(result, Killed):
            raise TextgenError(
                "a process that cleans or tokenizes was killed, possibly by the out-of-memory killer; "
                "free some memory, or give a shorter text with --max-chars"
            )
        found[index] = result
        while position in found:
            yield found.pop(position)
            position += 1


@dataclass(frozen=True)
class _Indexed:
    """A function of the second part of a pair."""

    function: Callable[[Any], Any]

    def __call__(self, pair: tuple[int, Any]) -> Any:
        return self.function(pair[1])


class _Worker:
    """A process that computes one job at a time."""

    def __init__(self, recipe: bytes) -> None:
        context = get_context("spawn")  # torch has threads, which a fork would leave in an unknown state
        self.connection, other = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_work, args=(other, recipe))
        with _ignored_interrupts():
            self._process.start()
        other.close()  # so that the connection ends when the process does

    def give(self, job: Any) -> None:
        """Send a job; if the process has died, the job is lost and `take` returns `Killed`."""
        try:
            self.connection.send(job)
        except (BrokenPipeError, ConnectionResetError):
            return

    def take(self) -> Any:
        """Return the result of the job, or `Killed`; raise what the job raised."""
        try:
            succeeded, result = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return Killed(self._process.exitcode)
        if not succeeded:
            raise result
        return result

    def end(self) -> None:
        """End the process; the job that it is working on is lost."""
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _work(connection: Connection, recipe: bytes) -> None:
    """Compute jobs until there are no more, or until the process that started this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_freed_memory()
    try:
        function, setup = pickle.loads(recipe)
        setup.run()
    except BaseException as error:
        connection.recv()
        _answer(connection, False, error)
        return
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        try:
            answer = True, function(job)
        except BaseException as error:
            answer = False, error
        _answer(connection, *answer)


def _answer(connection: Connection, succeeded: bool, result: Any) -> None:
    try:
        connection.send((succeeded, result))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)
    except Exception as error:  # a result or an error that cannot be pickled
        connection.send((False, RuntimeError(f"{type(result).__name__} cannot be sent: {error}")))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _can_be_sent(function: Callable[..., Any]) -> bool:
    try:
        pickle.dumps(function)
    except Exception:  # whatever a plugin's objects raise
        return False
    return True


def _can_start() -> bool:
    results = [result for _, result in run_jobs(abs, [0], 1)]
    return not isinstance(results[0], Killed)


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
