"""One process that computes: what it shares with the one that started it, and that it ends."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from textgen.workers.process import ERROR, RESULT, Worker, is_worker, recipe


def surroundings(_: object) -> dict[str, Any]:
    """Return what a function can see of the process that it runs in."""
    print("printed")
    return {
        "variable": os.environ.get("TEXTGEN_TEST_WORKER"),
        "folder": os.getcwd(),
        "path": sys.path,
        "interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "group": os.getpgrp() == os.getpid(),
        "is worker": is_worker(),
        "stdin": sys.stdin.read() if sys.stdin else "",
        "main": hasattr(sys.modules["__main__"], "__file__"),
    }


def answers(child: Worker, item: object) -> Iterator[tuple[str, Any]]:
    """Give a process an item; yield what it sends until the item ends."""
    assert child.give(pickle.dumps(item))
    while (answer := child.take()) is not None:
        yield answer
        if answer[0] in (RESULT, ERROR):
            return


@pytest.fixture
def start() -> Iterator[Any]:
    """Start processes that end with the test."""
    children: list[Worker] = []

    def start(function: Any, *first: Callable[[], object]) -> Worker:
        children.append(Worker(recipe(function, *first)))
        return children[-1]

    yield start
    for child in children:
        with suppress(OSError):
            child.end()


def test_a_process_shares_what_its_starter_has(
    start: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEXTGEN_TEST_WORKER", "here")
    monkeypatch.chdir(tmp_path)
    ((kind, seen),) = answers(start(surroundings), None)
    assert kind == RESULT
    assert seen == {
        "variable": "here",
        "folder": str(tmp_path),
        "path": sys.path,
        "interrupt": True,
        "group": True,
        "is worker": True,
        "stdin": "",
        "main": False,
    }
    assert not is_worker()
    assert capfd.readouterr().out == ""  # stdout is for the result of the command


def leave_a_process(_: object) -> int:
    """Start a process that outlives its item."""
    if (number := os.fork()) == 0:
        time.sleep(600)
        os._exit(0)
    return number


def test_what_a_process_started_ends_with_it(start: Any) -> None:
    child = start(leave_a_process)
    ((_, number),) = answers(child, None)
    child.end()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{number}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{number}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.01)
    assert time.monotonic() < deadline
