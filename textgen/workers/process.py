"""Another process that computes a function of items: its start, its messages and its end.

On Linux it is forked from a server that has imported torch but never used it, which takes some hundredths of
a second; elsewhere each starts a fresh interpreter. It shares this process's environment, working directory
and import paths, ignores Ctrl-C, writes to stderr only, and what it starts ends with it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import forkserver, get_context, parent_process, util
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen.runtime.process_setup import interrupts_to, keep_freed_memory

MESSAGE, WARNING, RESULT, ERROR = "message", "warning", "result", "error"
"""Kinds of what a process sends: messages and warnings about an item, and how it ended."""
METHOD = "forkserver" if sys.platform == "linux" else "spawn"
"""Not `fork`: torch has threads, which a fork would leave in an unknown state."""
PRELOADED = ("torch", "filelock", "pydantic.dataclasses", "pydantic.type_adapter")
"""Modules that the server imports, so that no fork of it has to."""

_starting = threading.Lock()
"""Held while a process starts, since the main module is hidden meanwhile; one per process."""
_parent: list[Connection] = []
"""In a worker: the connection to the process that started it; one per process."""


def recipe(function: Callable[..., Any], *first: Callable[[], object]) -> bytes:
    """Return what `prepared` needs; its module may be known only after the calls of `first`."""
    return pickle.dumps((first, pickle.dumps(function)))


def prepared(sent: bytes) -> Callable[[Any], Any]:
    """Make the first calls of a recipe in the current process, and return its function."""
    first, function = pickle.loads(sent)
    for call in first:
        call()
    return pickle.loads(function)  # type: ignore[no-any-return]


def import_early(*modules: str) -> None:
    """Begin to import modules where processes are forked, unless that has begun; returns at once."""
    if METHOD == "forkserver":
        with _ignored_interrupts(), _safe_path():
            # In such a process already, others are for blocks of text, which need none of the modules.
            needed = [] if is_worker() else [*PRELOADED, *modules]
            get_context("forkserver").set_forkserver_preload(needed)
            forkserver.ensure_running()


def _end_server() -> None:
    """End the server of processes, which would first complete its imports."""
    server = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    if server is not None:
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)


end_server = util.Finalize(None, _end_server, exitpriority=-200)  # after what multiprocessing removes there
"""Ends the server that processes are forked from: now, or at the exit of this process, but not of forks."""


class Worker:
    """A process that computes the function of a recipe, of one item at a time."""

    def __init__(self, sent: bytes) -> None:
        """Start a process, which prepares itself by the recipe."""
        import_early()
        context: Any = get_context(METHOD)
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, dict(os.environ), sent))
        # With the main module, multiprocessing would let it run the main script again.
        hidden_main = _replaced(sys.modules, "__main__", ModuleType("__main__"))
        with _starting, _ignored_interrupts(), hidden_main, _safe_path():
            self._process.start()
        other.close()  # so that the connection ends when the process does
        self.item: Any = None
        """The item that it computes, or computed last."""
        self.heard = 0.0
        """When that began or said something."""
        self.sentinel: int = self._process.sentinel
        """Becomes ready when the process ends, even if one that it forked keeps the connection open."""

    def give(self, data: bytes) -> bool:
        """Send a pickled item and return whether the process was alive."""
        with suppress(OSError):
            self.connection.send_bytes(data)
            return True
        return False

    def give_later(self, data: bytes) -> None:
        """Send what the process asks for by `received`, without waiting until it does."""
        threading.Thread(target=self.give, args=(data,), daemon=True).start()

    def take(self) -> tuple[str, Any] | None:
        """Return one of the kinds above with what the process sent, or None if it has ended."""
        try:
            data = self.connection.recv_bytes()
        except (EOFError, OSError):  # the latter if it was killed while it sent
            return None
        try:
            kind, content = pickle.loads(data)
        except Exception as error:  # an object of a plugin, whatever that raises
            return ERROR, RuntimeError(f"its answer cannot be read: {one_line(error)}")
        return kind, content

    def end(self, patience: float = 0.0) -> int | None:
        """End the process and those that it started; the item that it is working on is lost.

        Returns the exit code if it ends by itself within `patience` seconds.
        """
        self._process.join(timeout=patience)
        exitcode: int | None = self._process.exitcode
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if exitcode is None:
            self._process.kill()
            self._process.join()
        self.connection.close()
        return exitcode


def sendable(error: BaseException) -> BaseException:
    """Return the error, or one of the same message if pickle would change or lose it."""
    with suppress(Exception):  # whatever its constructor raises when it is called with other arguments
        copy = pickle.loads(pickle.dumps(error))
        if one_line(copy) == one_line(error):
            return error
    if isinstance(error, TextgenError):
        return TextgenError(one_line(error, with_type=False))
    return RuntimeError(one_line(error))


def tell(message: Any) -> None:
    """Send a message about the current item to `on_message` in the process that started this one."""
    if _parent:
        _send(MESSAGE, message)


def received() -> Any:
    """Return what the process that started this one gave for later (`Worker.give_later`)."""
    return pickle.loads(_parent[0].recv_bytes())


def is_worker() -> bool:
    """Return whether this process computes items for another one, whose Ctrl-C does not arrive here."""
    return bool(_parent)


def _send(kind: str, content: Any) -> None:
    """Send what is one of the kinds above; if nobody listens any more, end this process."""
    try:
        data = pickle.dumps((kind, sendable(content) if isinstance(content, BaseException) else content))
    except Exception as error:
        problem = RuntimeError(f"{type(content).__name__} cannot be sent: {one_line(error)}")
        data = pickle.dumps((ERROR, problem))
    try:
        _parent[0].send_bytes(data)
    except OSError:
        os._exit(1)


def _work(connection: Connection, environment: Mapping[str, str], sent: bytes) -> None:
    """Compute items until there are no more, or until the process that started this one ends."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    os.setpgid(0, 0)  # all that it starts ends with it
    _parent[:] = [connection]
    _use_stderr()
    os.environ.clear()
    os.environ.update(environment)
    warnings.showwarning = _send_warning
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    function: Callable[[Any], Any] | None = None
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            function = function or prepared(sent)
            item = pickle.loads(data)
            del data  # which may be a whole text
            answer = RESULT, function(item)
        except BaseException as error:
            answer = ERROR, error
        _send(*answer)


def _use_stderr() -> None:
    """Let all that is written here, even by code that is not Python, go to stderr: stdout holds results."""
    empty = os.open(os.devnull, os.O_RDONLY)
    with suppress(OSError):
        os.dup2(empty, 0)
        os.dup2(2, 1)
    os.close(empty)
    sys.stdout = sys.stderr


def _send_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    """Send a warning for people to the process that shows them; others go to stderr."""
    if issubclass(category, TextgenWarning):
        _send(WARNING, str(message))
    else:
        note(warnings.formatwarning(message, category, filename, lineno), end="")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


@contextmanager
def _replaced(values: MutableMapping[str, Any], key: str, value: Any) -> Iterator[None]:
    """Let a mapping have this value in this context."""
    before = {key: values[key]} if key in values else {}
    values[key] = value
    try:
        yield
    finally:
        del values[key]
        values.update(before)


def _safe_path() -> AbstractContextManager[None]:
    """Keep a Python that starts in this context from importing what lies in the working directory."""
    return _replaced(os.environ, "PYTHONSAFEPATH", "1")


def _ignored_interrupts() -> AbstractContextManager[Any]:
    """Make processes that start in this context ignore Ctrl-C, which a terminal sends to all of them."""
    return interrupts_to(signal.SIG_IGN)
