"""Start of the command line: signals and the standard streams are in hand before anything is imported."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

from textgen.cli.interrupts import INTERRUPTED, interrupts


def main() -> None:
    """Run the command line."""
    if os.name == "nt":  # which cannot wait until the names in a folder are on the disk, nor fork
        sys.exit("error: textgen needs Linux or macOS; on Windows, run it in WSL")
    interrupts.install()
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
            signal.signal(number, signal.SIG_DFL)
        raise


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

        note("error: standard output is closed; redirect it, for example to /dev/null")
        sys.exit(1)
