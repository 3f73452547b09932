"""Ctrl-C and SIGTERM: one line, with what is kept and the command that continues; twice, at once.

Python raises KeyboardInterrupt wherever the main thread is. In a destructor, or in the initialization of an
extension, it may be lost or become another error, and while a command cleans up, a second one would print a
traceback. So the first one is raised, again if it was lost, and the second ends the process.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Timer
from types import FrameType

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the shell's convention."""
AGAIN_SECONDS = 0.1
"""Time after which an interrupt that was lost is raised again."""


class StoppedError(Exception):
    """Ctrl-C in a command, with the line to be shown."""


class Interrupts:
    """Ctrl-C in the command line: raised again where it is lost, and heeded at once the second time."""

    def __init__(self) -> None:
        self.count = 0
        self.line: Callable[[], str] = lambda: "interrupted"
        """The line that is printed when the process ends at once."""
        self.is_said = False
        self._end: Callable[[int], object] = os._exit  # as it was before any plugin

    def install(self, *, is_interactive: bool = True) -> None:
        """Handle SIGTERM, and SIGINT unless the process is in the background, from now on."""
        signal.signal(signal.SIGTERM, self._handle)
        if is_interactive:
            signal.signal(signal.SIGINT, self._handle)
        sys.unraisablehook = self._unraisable

    def end(self, line: str = "", code: int = INTERRUPTED) -> None:
        """Print the line on stderr, unless that has been done, and end the process at once."""
        output = sys.modules.get("textgen.runtime.output")  # whose results have a stream of their own
        for stream in (output.results() if output else sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        if line and not self.is_said:
            os.write(2, f"{line}\n".encode())
        if worker := sys.modules.get("textgen.workers.process"):
            worker.end_server()
        self._end(code)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature
        self.count += 1
        if self.count > 1:
            self.end(self.line())
        raise KeyboardInterrupt

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        self.count = 0  # it was in a destructor, which cannot raise it
        again = Timer(AGAIN_SECONDS, _thread.interrupt_main)
        again.daemon = True
        try:
            again.start()
        except RuntimeError:  # Python is ending
            self.end("interrupted")


interrupts = Interrupts()
