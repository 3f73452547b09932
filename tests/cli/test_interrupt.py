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

from helpers.commands import TINY
from helpers.terminal import ESCAPES, read
from textgen.cli.work import continuing

pty = pytest.importorskip("pty", reason="needs a terminal: only there progress is shown")


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_a_signal_ends_a_bench_with_one_line_and_keeps_what_is_whole(
    number: signal.Signals, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    arguments = ["bench", "random", TINY, "--corpus", "lee", "--max-chars", "20000", "--budget", "1h"]
    arguments += ["--precision", "fp32", "--device", "cpu", "--out", str(folder)]
    command = [sys.executable, "-m", "textgen", *arguments]
    if number == signal.SIGTERM:  # in the background, where a shell lets SIGINT be ignored
        command = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command]
    terminal, stderr = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
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
    assert (process.returncode, stdout) == (130, b"")
    lines = [line.strip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", shown.decode("utf-8")))]
    again = shlex.join(["textgen", *arguments])
    assert next(filter(None, reversed(lines))) == (
        f"interrupted; 1 run is kept in {folder}, continue with: {again}"
    )
    assert not any("error" in line or "Traceback" in line for line in lines)
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_file()}
    assert left == {"runs", "runs/random-seed0"}


def test_the_command_that_continues_names_the_folder() -> None:
    folder = Path("runs/one two")
    for given in (["--out", "runs/x"], ["-o", "runs/x"], ["--out=runs/x"]):
        assert continuing(["bench", *given], folder) == shlex.join(["textgen", "bench", *given])
    assert continuing(["bench", "a b"], folder) == "textgen bench 'a b' --out 'runs/one two'"
