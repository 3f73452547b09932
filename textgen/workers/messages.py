"""What a process sends to the one that started it: messages, warnings, and how its item ended."""

from __future__ import annotations

import pickle
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.process_setup import END_PROCESS, end_fork

MESSAGE, WARNING, RESULT, ERROR = "message", "warning", "result", "error"
"""Kinds of what a process sends: messages and warnings about an item, and how it ended."""


def send(connection: Connection, kind: str, content: Any) -> None:
    """Send what is one of the kinds above; if nobody listens any more, end this process."""
    end_fork()
    try:
        data = pickle.dumps((kind, content))
    except Exception as error:
        problem = RuntimeError(f"{type(content).__name__} cannot be sent: {one_line(error)}")
        data = pickle.dumps((ERROR, problem))
    try:
        connection.send_bytes(data)
    except OSError:
        END_PROCESS(1)


def sendable(error: BaseException) -> BaseException:
    """Return the error, or one of the same message if pickle would change or lose it."""
    with suppress(Exception):  # whatever its constructor raises when it is called with other arguments
        copy = pickle.loads(pickle.dumps(error))
        if one_line(copy) == one_line(error):
            return error
    if isinstance(error, TextgenError):
        return TextgenError(one_line(error, with_type=False))
    return RuntimeError(one_line(error))
