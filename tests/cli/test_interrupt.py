"""Ctrl-C and SIGTERM during training."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from helpers.terminal import ESCAPES, read
from textgen.cli.work import continuing

pty = pytest.importorskip("pty", reason="needs a terminal: only there progress is shown")


def interrupt(
    arguments: list[str], number: signal.Signals = signal.SIGINT, *, is_in_background: bool = False
) -> tuple[int, bytes, str]:
    """Send a signal once training shows progress; return exit code, stdout and what the terminal got."""
    terminal, stderr = pty.openpty()
    command = [sys.executable, "-m", "textgen", *arguments]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    if is_in_background:  # as a shell starts it with &
        command = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=environment) as process:
        os.close(stderr)
        deadline = Timer(120, process.kill)  # a hang fails the test and does not stop it
        deadline.start()
        shown = b""
        while b"chars/s" not in shown and (piece := read(terminal)):
            shown += piece
        process.send_signal(number)
        while piece := read(terminal):
            shown += piece
        stdout, _ = process.communicate()
        deadline.cancel()
    os.close(terminal)
    return process.returncode, stdout, ESCAPES.sub("", shown.decode("utf-8"))


@pytest.mark.parametrize(
    ("command", "number"),
    [
        pytest.param("train", signal.SIGINT, marks=pytest.mark.long),
        pytest.param("bench", signal.SIGINT, marks=pytest.mark.long),
        ("bench", signal.SIGTERM),
    ],
)
def test_a_signal_ends_with_one_line_and_no_half_written_run(
    command: str, number: signal.Signals, entry: str, tmp_path: Path
) -> None:
    entries = ["random", entry] if command == "bench" else [entry]
    options = ["--corpus", "lee", "--max-chars", "20000", "--budget", "1h"]
    options += ["--precision", "fp32", "--device", "cpu", "--out", str(tmp_path / "out")]
    is_in_background = number == signal.SIGTERM
    code, stdout, shown = interrupt([command, *entries, *options], number, is_in_background=is_in_background)
    assert code == 130
    assert stdout == b""
    assert "Traceback" not in shown
    lines = [line.strip() for line in re.split(r"[\r\n]+", shown) if line.strip()]
    folder = tmp_path / "out"
    again = shlex.join(["textgen", command, *entries, *options])
    kept = f"1 run is kept in {folder}, continue with: {again}"
    assert lines[-1] == ("interrupted; " + kept if command == "bench" else "interrupted")
    assert not any("error" in line for line in lines)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_file())
    assert left == (["out", "out/runs", "out/runs/random-seed0"] if command == "bench" else [])


def test_the_command_that_continues_names_the_folder() -> None:
    folder = Path("runs/one two")
    for given in (["--out", "runs/x"], ["-o", "runs/x"], ["--out=runs/x"]):
        assert continuing(["bench", *given], folder) == shlex.join(["textgen", "bench", *given])
    assert continuing(["bench", "a b"], folder) == "textgen bench 'a b' --out 'runs/one two'"
