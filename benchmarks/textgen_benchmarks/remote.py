"""Work in a separate process, so that textgen's settings of its own process do not help a reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from textgen.runtime.this_process import keep_freed_memory
from textgen_benchmarks.timing import Work


@contextmanager
def remote(build: Callable[..., Work], *arguments: Any, keeps_memory: bool = False) -> Iterator[Work]:
    """Yield a piece of work that `build` makes in a new process (`build` and `arguments` are pickled).

    `keeps_memory` gives that process textgen's allocator settings. Without them the speed of a plain loop
    depends on where its blocks happen to be: at the end of the heap, they return to the system and are
    faulted in again at every step.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, build, arguments, keeps_memory), daemon=True)
    process.start()
    theirs.close()

    def work() -> int:
        ours.send("work")
        units: int = ours.recv()
        return units

    try:
        yield work
    finally:
        ours.close()
        process.join()


def _serve(
    connection: Connection, build: Callable[..., Work], arguments: tuple[Any, ...], keeps_memory: bool
) -> None:
    if keeps_memory:
        keep_freed_memory()
    work = build(*arguments)
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        connection.send(work())
