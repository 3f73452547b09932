"""Functions of the blocks of a large text, computed in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from textgen.contracts import TextgenError
from textgen.registry.registry import plugin_files
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.environment import num_cores
from textgen.workers.pool import Killed, run_in_processes
from textgen.workers.process import prepared, recipe

MAX_PROCESSES = 8
"""Upper limit of processes; more would wait for this one, which reads and writes their items."""

Job = TypeVar("Job")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Job], Result], items: Iterable[Job]) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, computed in one process per core.

    At most twice as many items as processes are in memory. The function can be of a plugin file. One that
    cannot be sent to other processes runs in this one, and so does everything if other processes do not
    start (in a script without `if __name__ == "__main__"`).
    """
    num_processes = min(num_cores(), MAX_PROCESSES)
    load_plugins = partial(load_plugin_files, plugin_files())
    if num_processes == 1 or not _can_be_sent(function, load_plugins):
        yield from map(function, items)
        return
    done: dict[int, Result] = {}
    position = 0
    results = run_in_processes(
        partial(_call, function),
        enumerate(items),
        num_processes,
        [load_plugins],
        may_start=lambda: len(done) < num_processes,  # while one item is slow
    )
    for (index, _), result in results:
        if isinstance(result, Killed):
            raise TextgenError(
                "a process that cleans or tokenizes was killed, possibly by the out-of-memory killer; "
                "free some memory, or shorten the text with --max-chars"
            )
        done[index] = result
        while position in done:
            yield done.pop(position)
            position += 1


def _call(function: Callable[[Job], Result], pair: tuple[int, Job]) -> Result:
    return function(pair[1])


def _can_be_sent(function: Callable[..., Any], load_plugins: Callable[[], None]) -> bool:
    """Return whether another process starts and knows the function."""
    try:
        (_, received), *_ = run_in_processes(prepared, [recipe(function, load_plugins)], 1)
    except Exception:  # whatever a plugin's objects raise
        return False
    return not isinstance(received, Killed)
