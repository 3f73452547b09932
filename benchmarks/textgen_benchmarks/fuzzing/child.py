"""The command line in a fork of this process: as another user, on a terminal, killed, with limits."""

from __future__ import annotations

import atexit
import ctypes
import os
import pty
import re
import resource
import select
import signal
import sys
import tempfile
import termios
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from textgen.cli.main import main
from textgen_benchmarks.fuzzing.commands import problem
from textgen_benchmarks.fuzzing.kind import run
from textgen_kit.texts import PROSE

NOBODY = 65534
"""A user who owns nothing."""
MAX_FILE_BYTES = 1 << 30
SECONDS = 60.0
"""A case that takes longer is slow, perhaps only because the machine is busy."""
STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OF_RICH = re.compile(r"\r?\x1b\[(?![45]m)[0-9;?]*[A-Za-z]|\r\n")
"""Colours and movements of the cursor, but underlined and blinking text, which nothing of ours is."""


@dataclass(frozen=True)
class Ended:
    """The end of a fork."""

    code: int | None
    """Negative for a signal; None if it was killed here."""
    stdout: str
    stderr: str
    seconds: float

    def problem(self) -> str | None:
        """Return what is wrong with it, as with that of any command."""
        if self.code is None:
            return f"slow: not done after {self.seconds:.0f} s; on stderr {self.stderr[-300:]!r}"
        return problem(self.code, self.stderr)


@cache
def warmed() -> None:
    """Import in this process what most commands import, so that forks need not."""
    tiny = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
    with tempfile.TemporaryDirectory() as name:
        text = Path(name, "text.txt")
        text.write_text(PROSE[:3000], "utf-8")
        out, common = f"{name}/run", ("--corpus", str(text), "--device", "cpu", "--precision", "fp32")
        for command in (
            ("train", tiny, *common, "--budget", "1000chars", "--out", out),
            ("train", "char-ngram", *common, "--out", f"{name}/other"),
            ("sample", out, "The", "--length", "5", "--keep"),
            ("score", out, str(text)),
            ("describe", out),
            ("onnx", out, "--out", f"{name}/x.onnx"),
            ("runs", "--root", name),
            ("runs", "show", out),
            ("corpus", str(text)),
            ("plugins",),
            ("runs", "remove", out, "--yes"),
        ):
            run(command)


def textgen(arguments: Sequence[str], *, ends: bool = False) -> Callable[[], int]:
    """Return a function that runs a command; with `ends`, to the end of its threads and handlers."""

    def run() -> int:
        sys.argv = ["textgen", *arguments]
        atexit._clear()
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
        if ends:
            sys.stdout.flush()
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        return code if isinstance(code, int) else 1

    return run


def forked(
    function: Callable[[], int],
    place: Path,
    *,
    stdin: bytes = b"",
    user: int | None = None,
    environment: Mapping[str, str | None] = {},
    seconds: float = SECONDS,
    kill_after: float | None = None,
    on_terminal: bool = False,
) -> Ended:
    """Call a function in a fork, in the folder `place`, until it ends or is killed with all that it started.

    `environment` replaces variables, or removes those that are None. With `kill_after`, it gets SIGKILL then.
    """
    warmed()
    began = time.monotonic()
    master, slave = pty.openpty() if on_terminal else (-1, -1)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        if on_terminal:
            termios.tcsetwinsize(slave, (50, 160))
        streams = (
            (given.fileno(), slave, slave) if on_terminal else (given.fileno(), out.fileno(), err.fileno())
        )
        process = os.fork()
        if not process:
            _become(function, place, streams, user, environment)
        if on_terminal:
            os.close(slave)
        shown = _ended(process, began, kill_after or seconds, master)
        streams_said = [_read(stream) for stream in (out, err)]
    if on_terminal:
        os.close(master)
        streams_said[1] = shown[1].decode("utf-8", "replace")
    code = None if kill_after is None and shown[0] is None else shown[0]
    return Ended(code, streams_said[0], streams_said[1], time.monotonic() - began)


def _read(stream: object) -> str:
    stream.seek(0)  # type: ignore[attr-defined]
    return stream.read().decode("utf-8", "replace")  # type: ignore[attr-defined, no-any-return]


def _ended(process: int, began: float, seconds: float, master: int) -> tuple[int | None, bytes]:
    """Wait for a process, which is killed in the end; return its exit code and what it showed."""
    code, shown = None, b""
    while True:
        if master >= 0:
            while select.select([master], [], [], 0)[0]:
                try:
                    shown += os.read(master, 65536)
                except OSError:
                    break
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if master >= 0:
                with suppress(OSError):
                    while select.select([master], [], [], 0.05)[0] and (more := os.read(master, 65536)):
                        shown += more
            break
        if time.monotonic() - began > seconds:
            break
        time.sleep(0.003)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    if code is None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return code, shown


def _become(
    function: Callable[[], int],
    place: Path,
    streams: Sequence[int],
    user: int | None,
    environment: Mapping[str, str | None],
) -> None:
    """Be the fork; never returns."""
    code = 99
    try:
        os.setsid()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
        sys.stderr = open(  # noqa: SIM115
            2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.resetwarnings()
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        tempfile.tempdir = None
        os.chdir(place)
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        code = function()
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
            ctypes.CDLL(None).fflush(None)
        os._exit(code & 255)
