"""A process that runs code which is not to be trusted, for one that tells it as little as it needs."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Any, Protocol

from textgen.contracts import TextgenError, TextgenWarning
from textgen.registry.registry import describe_error
from textgen.workers.pool import ENDING_SECONDS, killed
from textgen.workers.process import ERROR, MESSAGE, RESULT, WARNING, Worker, receive_memory, recipe


class Host(Protocol):
    """An object that is asked, in this process or in another one."""

    def ask(self, method: str, *arguments: Any, hear: Callable[[Any], object] = ...) -> Any:
        """Return what one of its methods returns; `hear` gets what that says meanwhile.

        Raises `TextgenError` if the method raises, or its process ends.
        """

    def begin(self, method: str, *arguments: Any) -> None:
        """Ask without waiting for the answer."""

    def answer(self) -> Any:
        """Return the answer to what was asked, as `ask` does."""

    def end(self) -> None:
        """Forget the object; its process ends with all that it has started."""


OpensHost = Callable[[Callable[[], object]], Host]
"""A function that makes an object by a function of no arguments, here or in another process."""


def ignore(message: Any) -> None:
    """Do nothing with a message."""


class Assistant:
    """A process with one object, which is asked.

    What it is asked is pickled; it answers in JSON values and tensors (see `Line`), so that it can run no
    code here.
    """

    def __init__(self, make: Callable[[], object], *first: Callable[[], object]) -> None:
        """Start a process, or take one that waits, which makes the calls of `first` and then the object."""
        self._worker = Worker(recipe(_Asked(make), *first), is_trusted=False)

    def ask(self, method: str, *arguments: Any, hear: Callable[[Any], object] = ignore) -> Any:
        """Return what a method of the object returns (see `Host`)."""
        self.begin(method, *arguments)
        return self.answer(hear)

    def begin(self, method: str, *arguments: Any) -> None:
        """Ask without waiting for the answer."""
        self._worker.give(pickle.dumps((method, arguments)))

    def answer(self, hear: Callable[[Any], object] = ignore) -> Any:
        """Return the answer to what was asked."""
        while (answer := self._worker.take()) is not None:
            kind, content = answer
            if kind == RESULT:
                return content
            if kind == ERROR:
                raise content if isinstance(content, TextgenError) else TextgenError(str(content))
            if kind == WARNING:
                warnings.warn(content, TextgenWarning, stacklevel=2)
            elif kind == MESSAGE:
                hear(content)
        raise TextgenError(killed(self._worker.end(patience=ENDING_SECONDS)).reason)

    def share(self, num_bytes: int) -> mmap | None:
        """Return memory that only the process has too (`shared_memory`); None where there is none."""
        self.begin("share")
        memory = self._worker.share(num_bytes)
        self.answer()
        return memory

    def end(self) -> None:
        """End the process, and those that it has started."""
        self._worker.end()


class _Asked:
    """The function of a process with one object, which is made when it is asked first."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make
        self._made: object = None

    def __call__(self, question: tuple[str, Sequence[Any]]) -> Any:
        method, arguments = question
        if method == "share":
            return receive_memory()
        try:
            if self._made is None:
                self._made = self._make()
            return getattr(self._made, method)(*arguments)
        except BaseException as error:  # a plugin's SystemExit, too, is no more than its failure
            raise TextgenError(describe_error(error)) from error


class InThisProcess:
    """An object in this process, which is asked as if it were in another one."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.made = make()

    def ask(self, method: str, *arguments: Any, hear: Callable[[Any], object] = ignore) -> Any:  # noqa: ARG002
        """Return what a method of the object returns."""
        return getattr(self.made, method)(*arguments)

    def begin(self, method: str, *arguments: Any) -> None:
        """Call a method of the object."""
        self._answer = self.ask(method, *arguments)

    def answer(self) -> Any:
        """Return what it has returned."""
        return self._answer

    def end(self) -> None:
        """Do nothing."""
