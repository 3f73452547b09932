"""Ctrl-C during training."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

pty = pytest.importorskip("pty", reason="needs a terminal: only there progress is shown")

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def interrupt(arguments: list[str]) -> tuple[int, bytes, str]:
    """Send SIGINT once training shows progress; return exit code, stdout and what the terminal got."""
    terminal, stderr = pty.openpty()
    command = [sys.executable, "-m", "textgen", *arguments]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment) as process:
        os.close(stderr)
        deadline = Timer(120, process.kill)  # a hang fails the test and does not stop it
        deadline.start()
        shown = b""
        while b"bits/char" not in shown and (piece := read(terminal)):
            shown += piece
        process.send_signal(signal.SIGINT)
        while piece := read(terminal):
            shown += piece
        stdout, _ = process.communicate()
        deadline.cancel()
    os.close(terminal)
    return process.returncode, stdout, ESCAPES.sub("", shown.decode("utf-8"))


def read(terminal: int) -> bytes:
    """Return what a process wrote to its terminal; nothing once it has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:  # so Linux tells that the other end is closed
        return b""


@pytest.fixture
def heeded_interrupts() -> Iterator[None]:
    """Started in the background, tests inherit that SIGINT is ignored, and so would their processes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_interrupts")
@pytest.mark.parametrize("command", ["train", "bench"])
def test_ctrl_c_ends_with_one_line_and_no_half_written_run(command: str, entry: str, tmp_path: Path) -> None:
    entries = ["random", entry] if command == "bench" else [entry]
    options = ["--corpus", "lee", "--budget", "1h", "--precision", "fp32", "--device", "cpu"]
    code, stdout, shown = interrupt([command, *entries, *options, "--out", str(tmp_path / "out")])
    assert code == 130
    assert stdout == b""
    assert "Traceback" not in shown
    lines = [line.strip() for line in re.split(r"[\r\n]+", shown) if line.strip()]
    assert lines[-1] == "error: interrupted; finished runs are kept"
    assert sum("error" in line for line in lines) == 1
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_file())
    assert left == (["out", "out/runs", "out/runs/random-seed0"] if command == "bench" else [])
