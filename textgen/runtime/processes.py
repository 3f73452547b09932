"""Work in other processes: a function mapped over many blocks of text."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from textgen.api import TextgenError

MAX_PROCESSES = 8
"""Upper limit of processes; more would wait for this one, which reads and writes their blocks."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_function: Callable[[Any], Any]


def map_blocks(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, computed in one process per core.

    Only a few items are in memory at a time. A function that cannot be pickled runs in this process, and
    so does everything if the processes do not start (in a script without `if __name__ == "__main__"`).
    """
    num_processes = min(num_cores(), MAX_PROCESSES)
    try:
        pickled = pickle.dumps(function)
    except Exception:  # whatever a plugin's objects raise
        num_processes = 1
    if num_processes == 1:
        yield from map(function, items)
        return
    # Spawned, not forked: a fork would leave the threads of torch in an unknown state.
    pool = ProcessPoolExecutor(
        num_processes, get_context("spawn"), initializer=_prepare_process, initargs=(pickled,)
    )
    try:
        yield from _map_in_pool(pool, items, 2 * num_processes) if _starts(pool) else map(function, items)
    except BrokenProcessPool:
        raise TextgenError(
            "a process that cleans or tokenizes was killed, possibly out of memory; "
            "free some memory, or use a smaller text with --max-chars"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _starts(pool: ProcessPoolExecutor) -> bool:
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool:
        return False
    return True


def _map_in_pool(pool: ProcessPoolExecutor, items: Iterable[Any], num_ahead: int) -> Iterator[Any]:
    pending: deque[Future[Any]] = deque()
    for item in items:
        pending.append(pool.submit(_call, item))
        if len(pending) > num_ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def prepare_process() -> None:
    """Make this process end with the one that started it, even if that one is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare_process(pickled: bytes) -> None:
    global _function  # noqa: PLW0603 - sent once, not with each item
    prepare_process()
    _function = pickle.loads(pickled)


def _call(item: Any) -> Any:
    return _function(item)
