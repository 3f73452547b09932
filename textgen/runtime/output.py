"""Output: whatever textgen prints passes through here, and cannot steer the terminal that shows it.

Text of a file, an archive, a model or a plugin may contain characters that move the cursor, rename the
window or reverse what follows. `textgen.library.console` draws tables with the same care.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import TracebackType
from typing import Any, TextIO

STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that embed, override or isolate a direction.

Not the marks U+200E, U+200F and U+061C, which Arabic and Hebrew text needs: they move no more than a letter.
"""


def visible(text: str) -> str:
    """Return text in which escapes such as `\\u001b`, which JSON reads too, replace `STEERING` ones."""
    return STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def visible_in(record: Any) -> Any:
    """Return a dataclass, or a collection of them, with `visible` texts, whose widths are then known."""
    if isinstance(record, str):
        shown = visible(record)
        return record if shown == record else shown  # a budget, which is a string too, stays one
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        return dataclasses.replace(record, **visible_in(values))
    if isinstance(record, dict):
        return {visible_in(key): visible_in(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return getattr(record, "_make", type(record))(map(visible_in, record))  # `_make` of a named tuple
    return record


_streams: list[TextIO] = []
"""The stream of results while `sys.stdout` is another one; one per process."""


def results() -> TextIO:
    """Return the stream of results: stdout, which is for nothing else."""
    return _streams[-1] if _streams else sys.stdout


@contextmanager
def results_apart() -> Iterator[None]:
    """Let what others print in this context, such as plugins, go to stderr."""
    _streams.append(results())
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _streams.pop()


def say(text: object = "", end: str = "\n", *, flush: bool = False) -> None:
    """Print a text on stdout."""
    print(visible(str(text)), end=end, file=results(), flush=flush)


def note(text: object, end: str = "\n") -> None:
    """Print a text on stderr, at once."""
    print(visible(str(text)), end=end, file=sys.stderr, flush=True)


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback on stderr, as `sys.excepthook` does."""
    note("".join(traceback.format_exception(kind, error, trace)), end="")
