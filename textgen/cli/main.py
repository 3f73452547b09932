"""Start of the command line: signals and the standard streams are in hand before anything is imported."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from threading import Thread

_early: list[int] = []
"""Interrupts before there is anyone to tell."""
IS_HEEDED = signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""False in the background, where Ctrl-C means nothing."""
for number in (signal.SIGTERM, *([signal.SIGINT] if IS_HEEDED else [])):
    signal.signal(number, lambda number, _: _early.append(number))
ENDING_SECONDS = 5.0
"""Time that Python has to end after a command: threads and `atexit` handlers of plugins may never end."""

from textgen.cli.interrupts import INTERRUPTED, interrupts  # noqa: E402 - Ctrl-C must not end the import


def main() -> None:
    """Run the command line."""
    interrupts.install(is_interactive=IS_HEEDED)
    if _early:
        interrupts.end("interrupted")
    _open_streams()
    _keep_results_apart()
    for variable in ("COLUMNS", "LINES"):  # some containers set them to 0, and nothing would be shown
        if os.environ.get(variable) == "0":
            del os.environ[variable]
    try:
        from textgen.cli.app import main as run

        run()
    except BaseException as error:  # an interrupt may become an ImportError, or the error of a library
        if interrupts.count and (not isinstance(error, SystemExit) or error.code == INTERRUPTED):
            interrupts.end("interrupted")  # while Python ends, a second one would kill it
        for number in (signal.SIGINT, signal.SIGTERM):  # all has been said
            signal.signal(number, signal.SIG_IGN)
        Thread(target=_end_soon, args=(error,), daemon=True).start()
        raise


def _end_soon(error: BaseException) -> None:
    """End this process with the exit code of an error, unless Python has ended it by then."""
    code = (error.code or 0) if isinstance(error, SystemExit) else 1
    time.sleep(ENDING_SECONDS)
    interrupts.end(code=code if isinstance(code, int) else 1)


def _keep_results_apart() -> None:
    """Let what libraries in C print go to stderr: stdout has results, which must remain readable."""
    with suppress(OSError, ValueError):  # a stream without a descriptor
        if sys.stdout.fileno() == 1:
            encoding, errors = sys.stdout.encoding, sys.stdout.errors
            results = open(os.dup(1), "w", encoding=encoding, errors=errors)  # noqa: SIM115 - it stays open
            os.dup2(sys.stderr.fileno(), 1)
            sys.stdout = results


def _open_streams() -> None:
    """Open what is closed of the standard streams, so that no file takes its number; without stdout, fail."""
    is_closed = sys.stdout is None
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            stream = open(number, "w" if number else "r", encoding="utf-8")  # noqa: SIM115 - it stays open
            setattr(sys, name, stream)
    if is_closed:
        from textgen.runtime.output import note

        note("error: standard output is closed; redirect it, such as to /dev/null")
        sys.exit(1)
