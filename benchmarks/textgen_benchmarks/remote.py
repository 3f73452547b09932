"""Work in a separate process, so that textgen's settings of its own process do not help a reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from textgen.runtime.process_setup import keep_freed_memory
from textgen_benchmarks.timing import Work

_built: list[Work] = []
"""The work of this process."""


@contextmanager
def remote(build: Callable[..., Work], *arguments: Any, keeps_memory: bool = False) -> Iterator[Work]:
    """Yield a piece of work that `build` makes in a new process (`build` and `arguments` are pickled).

    `keeps_memory` gives that process textgen's allocator settings. Without them the speed of a plain loop
    depends on where its blocks happen to be: at the end of the heap, they return to the system and are
    faulted in again at every step.
    """
    context, prepared = get_context("spawn"), (build, arguments, keeps_memory)
    with ProcessPoolExecutor(1, context, initializer=_build, initargs=prepared) as process:
        yield lambda: process.submit(_work).result()


def _build(build: Callable[..., Work], arguments: tuple[Any, ...], keeps_memory: bool) -> None:
    if keeps_memory:
        keep_freed_memory()
    _built.append(build(*arguments))


def _work() -> int:
    return _built[0]()
