"""Commands in processes of their own, forked from one that has imported textgen, which saves two seconds.

Their jobs are forked from the same server, which ends if a command is killed while it connects: those that
are interrupted or killed in the middle of jobs are started as users start them.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
from collections.abc import Mapping
from multiprocessing import forkserver, get_context
from multiprocessing.reduction import DupFd
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

from textgen.workers import process as worker


class Launched:
    """A running `textgen …`: stderr is a pipe and stdout is kept until the end, unless they are given."""

    def __init__(
        self,
        *arguments: object,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        max_bytes: int | None = None,
    ) -> None:
        """Start it; with `max_bytes`, neither it nor what it starts can write a larger file."""
        self.args = ["textgen", *map(str, arguments)]
        self.returncode: int = 0
        """Its exit code, once it has ended."""
        self._printed = ""
        (out, out_writer), (err, err_writer) = os.pipe(), os.pipe()
        empty = os.open(os.devnull, os.O_RDONLY)
        given, others = (stdin, stdout, stderr), (empty, out_writer, err_writer)
        streams = [other if each is None else each for each, other in zip(given, others, strict=True)]
        worker.import_early()
        server: Any = forkserver._forkserver  # type: ignore[attr-defined]
        sent = (
            self.args,
            [_Sent(stream) for stream in streams],
            dict(os.environ if env is None else env),
            Path.cwd() if cwd is None else cwd,
            max_bytes,
            server._forkserver_address if max_bytes is None else None,
        )
        context: Any = get_context("forkserver")
        self._process = context.Process(target=_run, args=sent)
        try:
            with worker._replaced(sys.modules, "__main__", ModuleType("__main__")):
                self._process.start()
        finally:
            for descriptor in others:
                os.close(descriptor)
        self.stderr = os.fdopen(err, encoding="utf-8")
        self._reader = Thread(target=self._read, args=(out,))
        self._reader.start()
        self.pid = int(self._process.pid)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> tuple[str, str]:
        """Wait until it ends; return what it printed to stdout, and the rest of stderr."""
        with self.stderr:
            rest = self.stderr.read()
        self._reader.join()
        self._process.join()
        self.returncode = self._process.exitcode
        return self._printed, rest

    def _read(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", newline="") as stream:
            self._printed = stream.read()


class _Sent:
    """A descriptor that a process which starts is given."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _same, (DupFd(self.descriptor),)


def _same(sent: Any) -> Any:
    return sent


def _run(  # noqa: PLR0917
    arguments: list[str],
    streams: list[Any],
    environment: dict[str, str],
    folder: Path,
    max_bytes: int | None,
    server: str | None,
) -> None:
    for number, stream in enumerate(streams):
        descriptor = stream.detach()
        os.dup2(descriptor, number)
        os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        mode, buffering = ("w" if number else "r"), (1 if number == 2 or os.isatty(number) else -1)
        stream = open(number, mode, buffering, encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if max_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
    if server is not None:  # its jobs are forked from where it was itself
        started: Any = forkserver._forkserver  # type: ignore[attr-defined]
        started._forkserver_address = server
        forkserver.ensure_running = started.ensure_running = lambda: None
    sys.argv = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from textgen.cli.main import main

    try:
        main()
    finally:
        sys.stdout.flush()
        atexit._run_exitfuncs()
        worker._end_server()
