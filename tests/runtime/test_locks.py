"""Locks on folders: one process at a time, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textgen.contracts import TextgenWarning
from textgen.runtime.storage.result_folders import LOCK, is_held, locked

HOLD = """
import sys, time
from pathlib import Path
from textgen.runtime.storage.result_folders import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNT = """
import sys, warnings
from pathlib import Path
from textgen.runtime.storage.result_folders import locked
warnings.simplefilter("ignore")
counter = Path(sys.argv[2])
for _ in range(25):
    with locked(Path(sys.argv[1])):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command, pipe = [sys.executable, "-c", code, *map(str, arguments)], subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_folder_is_as_it_was_when_nothing_was_written(tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.mkdir()
    for folder in (there, absent):
        with locked(folder):
            assert is_held(folder / LOCK)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["there"]


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    killed = python(HOLD, tmp_path)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "held\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):  # a warning would be an error
        assert is_held(tmp_path / LOCK)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.long
def test_no_two_processes_hold_it_though_each_removes_it(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [python(COUNT, tmp_path / "out", counter) for _ in range(3)]
    assert [process.communicate()[1] for process in processes] == [""] * 3
    assert counter.read_text() == "75"
    assert not (tmp_path / "out" / LOCK).exists()


def test_where_locks_are_impossible_a_warning_says_so(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()  # so that it cannot be opened
    with pytest.warns(TextgenWarning, match="cannot lock .*; run no other command"), locked(tmp_path):
        time.sleep(0)
    assert (tmp_path / LOCK).is_dir()
