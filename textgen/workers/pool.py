"""A function of items, computed in other processes: given out one by one, watched, ended with this process.

A process that is killed takes only the item that it was working on with it.
"""

from __future__ import annotations

import pickle
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeAlias, TypeVar

from textgen.contracts import TextgenWarning
from textgen.runtime.messages import about, one_line
from textgen.workers.process import ERROR, MESSAGE, WARNING, Worker, recipe

WAIT_SECONDS = 0.3
"""Time after which a pool stops waiting, so that time limits are checked."""

ENDING_SECONDS = 5.0
"""Time in which a process that has hung up ends by itself, so that its exit code is known."""

OnMessage: TypeAlias = Callable[[Any, Any], object] | None
"""A function that is called with an item and what its process says by `tell`; True ends the item."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Killed:
    """The result of an item that its process did not return, and the reason in words."""

    reason: str


class Stopped(Killed):
    """The result of an item that `on_message` ended."""


def killed(exitcode: int | None) -> Killed:
    """Return the result of an item whose process ended before the item did."""
    if exitcode is None or exitcode == -9:
        return Killed("its process was killed, possibly by the out-of-memory killer")
    if exitcode >= 0:
        return Killed(f"its process ended itself (exit code {exitcode})")
    try:
        return Killed(f"its process crashed ({signal.Signals(-exitcode).name})")
    except ValueError:  # a real-time signal, which has no name
        return Killed(f"its process crashed (signal {-exitcode})")


def unsent(error: BaseException) -> Killed:
    """Return the result of an item that its process could not receive or return."""
    return Killed(f"its process failed: {one_line(error)}")


@dataclass(frozen=True)
class Unsaved:
    """The result of an item whose files could not be written."""

    result: Any
    reason: str


class Pool(Protocol):
    """Items that are being computed."""

    busy: dict[Any, Any]
    """One value for each item."""

    def start(self, item: Any) -> None:
        """Begin an item."""

    def wait(self) -> Iterator[tuple[Any, Any]]:
        """Yield the items that end next with their results, or nothing after a while."""

    def end(self) -> None:
        """End all items; those that are being computed are lost."""


def drive(
    pool: Pool,
    items: Iterable[Item],
    num_slots: Callable[[], int],
    *,
    ended: Callable[[Item, Any], Any] = lambda item, answer: answer,
    lost: Callable[[Item], object] = lambda item: None,
    may_start: Callable[[], bool] = lambda: True,
) -> Generator[tuple[Item, Any]]:
    """Yield each item with `ended(item, result)`, in the order of completion.

    One is taken from `items` only when there is a slot and either `may_start()` or none is busy. The pool
    ends when the iteration does; if that is not by itself, `lost` is called with each item that is at work.
    """
    at_work: list[Item] = []  # those that have ended are let go, since they may be blocks of a large text

    def some_ended() -> Iterator[tuple[Item, Any]]:
        for done, answer in pool.wait():
            at_work[:] = [item for item in at_work if item is not done]
            yield done, ended(done, answer)

    try:
        for item in items:
            at_work.append(item)
            pool.start(item)
            while len(pool.busy) >= num_slots() or (pool.busy and not may_start()):
                yield from some_ended()
        while pool.busy:
            yield from some_ended()
    except BaseException:
        pool.end()
        for item in at_work:
            lost(item)
        raise
    pool.end()


def run_in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    num_processes: int,
    first: Sequence[Callable[[], object]] = (),
    may_start: Callable[[], bool] = lambda: True,
) -> Generator[tuple[Item, Result | Killed]]:
    """Yield each item with `function(item)`, in the order of completion, computed in shared processes.

    Each process makes the calls of `first` before its first item. What `function` raises is raised here.
    """
    pool = Processes(recipe(function, *first), None, None, own_process=False)
    return drive(pool, items, lambda: num_processes, may_start=may_start)


class Processes:
    """Processes that start when there is an item for them.

    With `own_process` each computes only one item. What an item has as `withheld` is sent apart, and read by
    `received` when its process asks for it.
    """

    def __init__(
        self, sent: bytes, on_message: OnMessage, max_silence: float | None, own_process: bool
    ) -> None:
        self.busy: dict[Any, Worker] = {}
        """The processes that work, by their connections."""
        self._sent = sent
        self._on_message, self._max_silence, self._own_process = on_message, max_silence, own_process
        self._workers: list[Worker] = []

    def start(self, item: Any) -> None:
        data = pickle.dumps(item)
        for worker in [worker for worker in self._workers if worker.connection not in self.busy]:
            if worker.give(data):
                break
            self._remove(worker)  # it was killed while idle
        else:
            worker = Worker(self._sent)
            self._workers.append(worker)
            worker.give(data)
        if (withheld := getattr(item, "withheld", None)) is not None:
            worker.give_later(pickle.dumps(withheld))
        worker.item, worker.heard = item, time.monotonic()
        self.busy[worker.connection] = worker

    def wait(self) -> Iterator[tuple[Any, Any]]:
        """Yield the items that finish next with their results, or nothing after a while."""
        watched = [*self.busy, *(worker.sentinel for worker in self.busy.values())]
        ready = wait(watched, WAIT_SECONDS)
        for worker in list(self.busy.values()):
            if worker.connection in ready:
                yield from self._heard(worker)
            elif worker.sentinel in ready:  # a process that it forked keeps the connection open
                yield worker.item, killed(self._remove(worker, patience=ENDING_SECONDS))
            elif self._max_silence and time.monotonic() - worker.heard > self._max_silence:
                self._remove(worker)
                silence = about(self._max_silence).removeprefix("about ")
                yield worker.item, Killed(f"it made no progress for {silence} and was stopped")

    def _heard(self, worker: Worker) -> Iterator[tuple[Any, Any]]:
        """Take what a process says, and yield its item if that has ended."""
        worker.heard = time.monotonic()
        answer = worker.take()
        if answer is None:
            yield worker.item, killed(self._remove(worker, patience=ENDING_SECONDS))
            return
        kind, content = answer
        if kind == WARNING:
            warnings.warn(content, TextgenWarning, stacklevel=2)
        elif kind == MESSAGE:
            if self._on_message and self._on_message(worker.item, content):
                self._remove(worker)
                yield worker.item, Stopped("")
        else:
            del self.busy[worker.connection]
            if self._own_process:
                self._remove(worker)
            elif kind == ERROR:
                raise content
            yield worker.item, unsent(content) if kind == ERROR else content

    def end(self) -> None:
        for worker in self._workers:
            worker.end()

    def _remove(self, worker: Worker, patience: float = 0.0) -> int | None:
        """End a process; returns its exit code if it ends by itself within `patience` seconds."""
        self._workers.remove(worker)
        self.busy.pop(worker.connection, None)
        return worker.end(patience)
