"""Another process that computes a function of items: its start, its messages and its end, all of it here.

On Linux it is forked from a server that has imported torch but never used it, which takes some hundredths of
a second; elsewhere each starts a fresh interpreter. It shares this process's environment, working directory
and import paths, ignores Ctrl-C, writes to stderr only, and what it starts ends with it.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from mmap import mmap
from multiprocessing import Pipe, forkserver, get_context, parent_process, reduction, util
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen.runtime.private_process import give_up_tracing, make_private
from textgen.runtime.process_setup import (
    END_PROCESS,
    end_fork,
    end_with_starter,
    flush_output,
    interrupts_to,
    keep_freed_memory,
    mark_as_worker,
)
from textgen.runtime.storage.files import private_folder

MESSAGE, WARNING, RESULT, ERROR = "message", "warning", "result", "error"
"""Kinds of what a process sends: messages and warnings about an item, and how it ended."""
NOTHING = b"\0"
"""What is sent for a result of None, which a model is told many times in a second."""
METHOD = "forkserver" if sys.platform == "linux" else "spawn"
"""Not `fork`: torch has threads, which a fork would leave in an unknown state."""
IS_POSIX = os.name == "posix"
SERVER = "textgen.workers.fork_server"
"""The module that makes the server private; it is imported before there is another thread."""
PRELOADED = ("torch", "filelock", "pydantic.dataclasses", "pydantic.type_adapter")
"""Modules that the server imports, so that no fork of it has to."""

JOIN_SECONDS = 0.005
"""How often it is looked whether a process has ended."""
NUM_ATTEMPTS, RETRY_SECONDS = 3, 0.2
"""Attempts to start a process, and the time between two."""
CONTINUE_SECONDS = 0.5
"""How often the server is told to continue."""

_starting = threading.Lock()
"""Held while a process starts, since the main module is hidden meanwhile; one per process."""


@dataclass(frozen=True, eq=False)
class Line:
    """The line on which a process answers the one that started it."""

    connection: Connection
    is_trusted: bool
    """False if code that is not to be trusted computes there: then answers are JSON and tensors, not pickled,
    since whoever unpickles runs code."""

    def send(self, kind: str, content: Any) -> None:
        """Send what is one of the kinds above; if nobody listens any more, end this process."""
        end_fork()
        if content is not None:
            flush_output()
        try:
            data = NOTHING if kind == RESULT and content is None else self._packed(kind, content)
        except Exception as error:
            problem = RuntimeError(f"{type(content).__name__} cannot be sent: {one_line(error)}")
            data = self._packed(ERROR, problem)
        try:
            self.connection.send_bytes(data)
        except OSError:
            END_PROCESS(1)

    def take(self) -> tuple[str, Any] | None:
        """Return one of the kinds above with what the process sent, or None if it has ended."""
        try:
            data = self.connection.recv_bytes()
        except (EOFError, OSError):  # the latter if it was killed while it sent
            return None
        if data == NOTHING:
            return RESULT, None
        try:
            kind, content = pickle.loads(data) if self.is_trusted else _plain(data)
        except Exception as error:  # an object of a plugin, whatever that raises
            return ERROR, RuntimeError(f"its answer cannot be read: {one_line(error)}")
        return kind, content

    def _packed(self, kind: str, content: Any) -> bytes:
        if isinstance(content, BaseException):
            content = sendable(content)
        if self.is_trusted:
            return pickle.dumps((kind, content))
        from textgen.runtime.storage.state_files import pack_state

        if isinstance(content, BaseException):
            content = (isinstance(content, TextgenError), one_line(content, with_type=False))
        return pack_state((kind, content))


def _plain(data: bytes) -> tuple[str, Any]:
    """Return an answer of code that is not trusted; raises whatever a forged one makes of it."""
    from textgen.runtime.storage.state_files import unpack_state

    kind, content = unpack_state(data)
    if kind not in {MESSAGE, WARNING, RESULT, ERROR}:
        raise ValueError("it is none of the kinds of answers")
    if kind == ERROR:
        is_expected, reason = content
        return kind, (TextgenError if is_expected else RuntimeError)(str(reason))
    return kind, str(content) if kind == WARNING else content


_lines: list[Line] = []
"""In a worker: the line to the process that started it; one per process."""


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
        socket_place = _replaced(vars(tempfile), "tempdir", str(_socket_folder()))
        # The server is the parent of what is forked from it, so a plugin may send it a signal to end.
        terminations = interrupts_to(signal.SIG_IGN, signal.SIGTERM)
        with _ignored_interrupts(), terminations, _safe_path(), socket_place:
            # In such a process already, others are for blocks of text, which need none of the modules.
            needed = [] if is_worker() else [*PRELOADED, *modules]
            get_context("forkserver").set_forkserver_preload([SERVER, *needed])
            forkserver.ensure_running()
        _keep_server_running()


@cache
def _keep_server_running() -> None:
    """Let the server continue if a plugin has stopped it, whose parent it is: nothing would ever end."""

    def watch() -> None:
        while True:
            time.sleep(CONTINUE_SECONDS)
            with suppress(ProcessLookupError):
                if (server := _server()) is not None:
                    os.kill(server, signal.SIGCONT)  # which does nothing to a process that runs

    threading.Thread(target=watch, daemon=True).start()


def _server() -> int | None:
    """Return the number of the process that others are forked from, if there is one."""
    return getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)


def _end_server() -> None:
    """End the server of processes, which would first complete its imports, and remove its folder."""
    if (server := _server()) is not None:
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)
    if _socket_folder.cache_info().currsize:
        shutil.rmtree(_socket_folder(), ignore_errors=True)


end_server = util.Finalize(None, _end_server, exitpriority=-200)  # after what multiprocessing removes there
"""Ends the server that processes are forked from: now, or at the exit of this process, but not of forks."""


_listener: list[int] = []
"""The number of the process whose server forks those that this one starts; empty if it is this one."""


class _OwnServer:
    """What `multiprocessing.forkserver` sends descriptors by: only to a socket that this process has made."""

    @staticmethod
    def sendfds(client: socket.socket, descriptors: list[int]) -> None:
        """Send descriptors; raises `ConnectionError` if another process listens."""
        size = struct.calcsize("3i")  # of the process that listens: its number, user and group
        number, *_ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        if [number] != (_listener or [os.getpid()]):
            raise ConnectionError("another process listens in the place of the server of processes")
        reduction.sendfds(client, descriptors)


class Worker:
    """A process that computes the function of a recipe, of one item at a time."""

    def __init__(self, sent: bytes, *, is_trusted: bool = True, num_assistants: int = 0) -> None:
        """Start a process, which prepares itself by the recipe, or take one that waits for that.

        It may have `num_assistants` processes that wait for recipes of its own: they were forked from it
        before it was told anything. `is_trusted` is that of its `Line`.
        """
        is_waiting = not is_trusted and not num_assistants and len(_waiting) > 0
        if is_waiting:
            self.connection, self._process = _waiting.pop()
        for attempt in range(0 if is_waiting else NUM_ATTEMPTS):
            import_early()
            context: Any = get_context(METHOD)
            self.connection, other = context.Pipe()
            arguments = (Line(other, is_trusted), dict(os.environ), num_assistants)
            self._process = context.Process(target=_work, args=arguments)
            # What is forked from the server ignores Ctrl-C as the server does.
            ignored = _ignored_interrupts() if METHOD == "spawn" else nullcontext()
            # With the main module, multiprocessing would let it run the main script again.
            hidden_main = _replaced(sys.modules, "__main__", ModuleType("__main__"))
            try:
                # Whoever listens in the place of the server would be sent the connection to the process.
                own_server = _replaced(vars(forkserver), "reduction", _OwnServer)
                with _starting, ignored, hidden_main, own_server, _safe_path():
                    self._process.start()
                break
            except (OSError, EOFError):  # the server was just killed; there will be another one
                if attempt == NUM_ATTEMPTS - 1:
                    raise
                self.connection.close()
                time.sleep(RETRY_SECONDS)
            finally:
                other.close()  # so that the connection ends when the process does
        self._line = Line(self.connection, is_trusted)
        self.give(sent)
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

    def share(self, num_bytes: int) -> mmap | None:
        """Return memory, and send it to the process, which calls `receive_memory`; None if there is none.

        It has no name by which another process could find it.
        """
        try:
            file = os.memfd_create("logits")
        except (AttributeError, OSError):  # not Linux
            self.connection.send_bytes(b"")
            return None
        try:
            os.ftruncate(file, num_bytes)
        except OSError:  # the size of files is limited
            self.connection.send_bytes(b"")
            return None
        else:
            self.connection.send_bytes(b"memory")
            reduction.send_handle(self.connection, file, self._process.pid)
            return mmap(file, num_bytes)
        finally:
            os.close(file)

    def take(self) -> tuple[str, Any] | None:
        """Return one of the kinds above with what the process sent, or None if it has ended."""
        return self._line.take()

    def end(self, patience: float = 0.0) -> int | None:
        """End the process and those that it started; the item that it is working on is lost.

        Returns the exit code if it ends by itself within `patience` seconds.
        """
        self._process.join(timeout=patience)
        exitcode: int | None = self._process.exitcode
        if IS_POSIX and self._process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if exitcode is None:
            self._process.kill()
            self._process.join()
        self.connection.close()
        return exitcode


_waiting: list[tuple[Connection, Any]] = []
"""In a worker with assistants: those that wait for a recipe, each a connection and a process."""


class _Forked:
    """A process that this one has forked, with what `Worker` needs of `multiprocessing.Process`."""

    sentinel = -1

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exitcode: int | None = None

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended, at most `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.exitcode is None:
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG if end else 0)
            except ChildProcessError:  # somebody else has waited for it: it has ended, nobody knows how
                return
            self.exitcode = os.waitstatus_to_exitcode(status) if ended else None
            if end and time.monotonic() >= end:
                return
            time.sleep(0 if self.exitcode is not None else JOIN_SECONDS)

    def kill(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def _fork_assistants(line: Line, number: int) -> Line:
    """Fork processes that wait for recipes; return the line of this process, or in one of them its own."""
    for _ in range(number):
        connection, other = Pipe()
        if (pid := os.fork()) == 0:
            for each in (line.connection, connection, *(known for known, _ in _waiting)):
                each.close()  # it must not speak for the process that forked it
            _waiting.clear()
            end_with_starter()
            mark_as_worker()
            os.setpgid(0, 0)
            return Line(other, is_trusted=False)
        other.close()
        _waiting.append((connection, _Forked(pid)))
    return line


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
    for line in _lines:
        line.send(MESSAGE, message)


_memories: list[mmap] = []
"""In a worker: the memory that it has with the process that started it; one per process."""


def receive_memory() -> None:
    """Take the memory that the process which started this one shares (`Worker.share`), if there is any."""
    connection = _lines[0].connection
    if connection.recv_bytes():
        file = reduction.recv_handle(connection)
        _memories[:] = [mmap(file, 0)]
        os.close(file)


def shared_memory() -> mmap:
    """Return the memory that this process has with the one that started it."""
    return _memories[0]


def is_worker() -> bool:
    """Return whether this process computes items for another one, whose Ctrl-C does not arrive here."""
    return bool(_lines)


def _work(line: Line, environment: Mapping[str, str], num_assistants: int = 0) -> None:
    """Compute items until there are no more, or until the process that started this one ends."""
    make_private()
    give_up_tracing()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    if IS_POSIX:
        os.setpgid(0, 0)  # all that it starts ends with it
    _lines[:] = [line]
    mark_as_worker()
    _use_stderr()
    os.environ.clear()
    os.environ.update(environment)
    warnings.showwarning = _send_warning
    keep_freed_memory()
    if METHOD == "forkserver":  # before this process has threads, or anything that they must not know
        line = _fork_assistants(line, num_assistants)
        _lines[:] = [line]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        function = prepared(line.connection.recv_bytes())
    except (EOFError, OSError):
        return
    except BaseException as error:
        line.connection.recv_bytes()
        line.send(ERROR, error)
        return
    while True:
        try:
            data = line.connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            item = pickle.loads(data)
            del data  # which may be a whole text
            answer = RESULT, function(item)
        except BaseException as error:
            answer = ERROR, error
        line.send(*answer)


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
    if issubclass(category, TextgenWarning) and _lines:
        _lines[0].send(WARNING, str(message))
    else:
        note(warnings.formatwarning(message, category, filename, lineno), end="")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        if IS_POSIX:
            os.killpg(0, signal.SIGKILL)
        END_PROCESS(1)


@cache
def _socket_folder() -> Path:
    """Return the folder of the server's socket: whoever reaches that gets the environment of this process."""
    return private_folder()


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
