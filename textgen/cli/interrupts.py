"""Ctrl-C and SIGTERM: one line, with what is kept and the command that continues; twice, at once.

Python raises KeyboardInterrupt wherever the main thread is. While a command cleans up, a second one would
print a traceback: it ends the process, and so does one that is lost in a destructor, which cannot raise it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the shell's convention."""


class StoppedError(Exception):
    """Ctrl-C in a command, with the line to be shown."""


class Interrupts:
    """Ctrl-C in the command line, which is heeded at once the second time."""

    def __init__(self) -> None:
        self.count = 0
        self.line: Callable[[], str] = lambda: "interrupted"
        """The line that is printed when the process ends at once."""
        self.is_said = False

    def install(self) -> None:
        """Handle SIGTERM, and SIGINT unless the process is in the background, from now on."""
        signal.signal(signal.SIGTERM, self._handle)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
        sys.unraisablehook = self._unraisable

    def end(self, line: str) -> None:
        """Print the line on stderr, unless that has been done, and end the process at once."""
        output = sys.modules.get("textgen.runtime.output")  # whose results have a stream of their own
        for stream in (output.results() if output else sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        if not self.is_said:
            os.write(2, f"{line}\n".encode())
        if worker := sys.modules.get("textgen.workers.process"):
            worker.end_server()
        os._exit(INTERRUPTED)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature
        self.count += 1
        if self.count > 1:
            self.end(self.line())
        raise KeyboardInterrupt

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self.end(self.line())
        sys.__unraisablehook__(lost)


interrupts = Interrupts()
