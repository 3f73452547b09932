"""One other process that computes jobs: started with torch imported, heard, and ended with all it started.

On Linux processes are forked from a server that has imported torch but never used it, which takes some
hundredths of a second; elsewhere each starts anew. They share this process's environment, working directory
and import paths, ignore Ctrl-C, and write to stderr only.
"""

from __future__ import annotations

import atexit
import os
import pickle
import shutil
import signal
import socket
import sys
import tempfile
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import forkserver, get_context, parent_process, util
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import is_alive
from textgen.runtime.this_process import END_PROCESS, end_fork, keep_freed_memory, mark_as_worker

METHOD = "forkserver" if sys.platform == "linux" else "spawn"
"""Not `fork`: torch has threads, which a fork would leave in an unknown state."""
IS_POSIX = os.name == "posix"

PRELOADED = ("torch", "textgen.workers.preloaded")
SAFE_PATH = "PYTHONSAFEPATH"
_this_process = os.getpid()
_starting = threading.Lock()
"""Held while a process starts, since the main module is hidden meanwhile."""

MESSAGE, WARNING, RESULT, ERROR = "message", "warning", "result", "error"
"""What a process sends: messages and warnings of a running job, and how the job ended."""


def import_early(*modules: str) -> None:
    """Begin to import modules where processes are forked, unless that has begun; returns at once."""
    if METHOD == "forkserver":
        with _ignored_interrupts(), _safe_path(), _own_temporary_folder():
            # In a process that computes jobs already, others are for blocks of text, which need none of them.
            get_context("forkserver").set_forkserver_preload([] if is_worker() else [*PRELOADED, *modules])
            forkserver.ensure_running()


def end_server() -> None:
    """End the server that processes are forked from, which would first complete its imports."""
    server = getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
    if server is not None and os.getpid() == _this_process:
        with suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)


def remove_temporary_folder() -> None:
    """Remove the folder in which multiprocessing puts its socket."""
    if os.getpid() == _this_process:
        for folder in _temporary_folders:
            shutil.rmtree(folder, ignore_errors=True)


atexit.register(end_server)
util.Finalize(None, remove_temporary_folder, exitpriority=-200)  # after what multiprocessing removes there


class Worker:
    """A process that computes one job at a time."""

    def __init__(self, prepare: Callable[[], Callable[[Any], Any]]) -> None:
        """Start a process; there, `prepare` is called once and returns the function of a job."""
        import_early()
        context: Any = get_context(METHOD)
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, prepare, dict(os.environ)))
        # What is forked from the server ignores Ctrl-C as the server does.
        ignored = _ignored_interrupts() if METHOD == "spawn" else nullcontext()
        with _starting, ignored, _hidden_main(), _safe_path():
            self._process.start()
        other.close()  # so that the connection ends when the process does

        self.sentinel: int = self._process.sentinel
        """What becomes ready when the process ends, even if one that it forked keeps the connection open."""

    def give(self, data: bytes) -> bool:
        """Send a pickled job and return whether the process was alive."""
        try:
            self.connection.send_bytes(data)
        except OSError:
            return False
        return True

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
        """End the process and those that it started; the job that it is working on is lost.

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


def tell(message: Any) -> None:
    """Send a message from a job to `on_message` of `run_jobs` in the process that started this one."""
    for connection in _connections:
        _send(connection, MESSAGE, message)


def is_worker() -> bool:
    """Return whether this process computes jobs of another one, whose Ctrl-C does not arrive here."""
    return bool(_connections)


_connections: list[Connection] = []
"""In a process that computes jobs: the connection to the one that started it."""


def _work(
    connection: Connection, prepare: Callable[[], Callable[[Any], Any]], environment: Mapping[str, str]
) -> None:
    """Compute jobs until there are no more, or until the process that started this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the main process, which ends this one
    if IS_POSIX:
        os.setpgid(0, 0)  # all that it starts ends with it
    _connections.append(connection)
    mark_as_worker()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _use_stderr()
    os.environ.clear()
    os.environ.update(environment)
    warnings.showwarning = _send_warning
    keep_freed_memory()
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # where memory runs out, this process goes and not the one that has the results
    try:
        function = prepare()
    except BaseException as error:
        connection.recv_bytes()
        _send(connection, ERROR, _sendable(error))
        return
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            job = pickle.loads(data)
            del data  # which may be a whole text
            answer = RESULT, function(job)
        except BaseException as error:
            answer = ERROR, _sendable(error)
        _send(connection, *answer)


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
    if issubclass(category, TextgenWarning) and _connections:
        _send(_connections[0], WARNING, str(message))
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def _send(connection: Connection, kind: str, content: Any) -> None:
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


def _sendable(error: BaseException) -> BaseException:
    """Return the error, or one of the same message if pickle would change or lose it."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        if one_line(copy) == one_line(error):
            return error
    except Exception:  # whatever its constructor raises when it is called with other arguments
        pass
    if isinstance(error, TextgenError):
        return TextgenError(one_line(error, with_type=False))
    return RuntimeError(one_line(error))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        if IS_POSIX:
            os.killpg(0, signal.SIGKILL)
        END_PROCESS(1)


_temporary_folders: list[Path] = []


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """Let multiprocessing put its socket where it is found and removed even if this process is killed."""
    before = tempfile.tempdir
    parent = Path(tempfile.gettempdir())
    if not _temporary_folders:
        # Short, since the path of a socket has a hundred characters at most.
        own = f"textgen-{zlib.crc32(socket.gethostname().encode()):08x}-"
        for path in parent.glob(f"{own}*"):
            number = path.name.removeprefix(own)
            if number.isdecimal() and not is_alive(int(number)):
                shutil.rmtree(path, ignore_errors=True)
        _temporary_folders.append(parent / f"{own}{os.getpid()}")
        _temporary_folders[0].mkdir(mode=0o700, exist_ok=True)
    tempfile.tempdir = str(_temporary_folders[0])
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep processes from running the main script again, as multiprocessing lets them do."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep a Python that starts in this context from importing what lies in the working directory."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]
        if before is not None:
            os.environ[SAFE_PATH] = before


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Make processes that start in this context ignore Ctrl-C, which a terminal sends to all of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
