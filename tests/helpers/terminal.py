"""Commands on a real terminal of a given size."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from threading import Timer

from helpers.commands import TEXTGEN

SECONDS = 300
"""The time after which a command that hangs is killed."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def run_on_terminal(
    *arguments: object, width: int = 80, cwd: Path | None = None, **environment: str
) -> tuple[int, str, str]:
    """Run a command whose streams are all a terminal; return its exit code and what was shown.

    The second text is the same without escape sequences, and of lines that are redrawn, all versions.
    """
    import fcntl
    import pty
    import struct
    import termios

    terminal, stream = pty.openpty()
    fcntl.ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    usual = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    streams = {"stdin": stream, "stdout": stream, "stderr": stream}
    variables = usual | {"TERM": "xterm-256color"} | environment
    process = subprocess.Popen([*TEXTGEN, *map(str, arguments)], **streams, env=variables, cwd=cwd)
    os.close(stream)
    deadline = Timer(SECONDS, process.kill)
    deadline.start()
    shown = b""
    while piece := read(terminal):
        shown += piece
    process.wait()
    deadline.cancel()
    os.close(terminal)
    raw = shown.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return process.returncode, raw, ESCAPES.sub("", raw)


def read(terminal: int) -> bytes:
    """Return what a process wrote to its terminal; nothing once it has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:  # so Linux tells that the other end is closed
        return b""
