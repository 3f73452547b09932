"""`textgen …` as a user types it: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

import pytest

from textgen.cli.app import main
from textgen.contracts import TextgenWarning
from textgen.registry import registry

Done = subprocess.CompletedProcess[str]

TEXTGEN = (sys.executable, "-m", "textgen")
TINY = "char-lstm:num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"
"""An entry that trains in a moment."""
BUDGET = ("--budget", "2000chars", "--precision", "fp32", "--device", "cpu")
"""The arguments for so little training, in a precision that does not depend on the machine."""
PROGRESS = re.compile(r"\[\d+:\d\d\] .+|(?:about .+|a few seconds)(?: for \d+ entries)?")
"""A line of the log of progress."""
NARROW = {"COLUMNS": "40"}
"""A terminal too narrow for any table: what is piped must not be cut to its width."""


class Terminal(TextIOWrapper):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def run_textgen(
    *arguments: object,
    stdin: str = "",
    code: int | None = 0,
    cwd: Path | None = None,
    width: int | None = None,
) -> Done:
    """Run a command in this process and check its exit code; a bug of textgen itself is raised.

    With `width`, it prints to a terminal of that many columns. If `code` is None, any will do.
    """
    forget_plugin_files()
    command = ["textgen", *map(str, arguments)]
    stream = TextIOWrapper if width is None else Terminal
    given = stream(BytesIO(stdin.encode()), "utf-8")
    out, err = (stream(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    size = NARROW if width is None else {"COLUMNS": str(width), "TERM": "xterm-256color"}
    with (
        patch.object(sys, "argv", command),
        patch.object(sys, "stdin", given),
        patch.dict(os.environ, size),
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(cwd or "."),
        warnings.catch_warnings(action="always", category=TextgenWarning),  # which are notes on stderr
        pytest.raises(SystemExit) as ended,
    ):
        main()
    forget_plugin_files()
    printed = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]
    return checked(Done(command, ended.value.code or 0, *printed), code)


def run_process(*arguments: object, stdin: str = "", code: int = 0, cwd: Path | None = None) -> Done:
    command, environment = [*TEXTGEN, *map(str, arguments)], os.environ | NARROW
    done = subprocess.run(
        command, input=stdin, env=environment, cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )
    return checked(done, code)


def checked(done: Done, code: int | None) -> Done:
    assert code in (None, done.returncode), f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done


def forget_plugin_files() -> None:
    """Leave only installed plugins, as at the start of a process."""
    if registry._from_files:
        registry._from_files.clear()
        registry.clear_caches()


def notes(done: Done) -> list[str]:
    """Return the lines on stderr that are not the log of progress."""
    return [line for line in done.stderr.splitlines() if not PROGRESS.fullmatch(line)]


def cases(table: str, code: int) -> list[object]:
    """Return the cases of a table, in which a command is followed by a line with its message."""
    lines = [line.strip() for line in table.splitlines() if line.strip()]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [pytest.param(command, message, code, id=command) for command, message in pairs]
