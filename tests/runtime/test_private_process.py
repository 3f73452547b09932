"""Other processes of the same user cannot look into a private one, even if they are root's."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from textgen.runtime.private_process import make_private
from textgen.workers.process import RESULT, Worker, recipe, tell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

PRIVATE = ("mem", "environ", "maps", "fd/0", "root", "cwd")
OPENER = """
import os, sys
from multiprocessing.resource_tracker import ensure_running
from textgen.cli import app
from textgen.runtime.private_process import hide_arguments, keep_input, make_private
from textgen.workers.process import Worker, recipe
make_private()
hide_arguments("bench")
keep_input()
ensure_running()
if __name__ == "__main__":
    worker = Worker(recipe(print))
    print(os.getpid(), flush=True)
    print(sys.stdin.read(), os.environ.get("SUDO_COMMAND"), sys.argv[-1])
    worker.end()
"""


def opened(number: int) -> list[str]:
    """Return what this process can open of another one."""
    found = []
    for name in PRIVATE:
        with suppress(OSError):
            os.stat(f"/proc/{number}/{name}")  # follows a link, which needs the same rights as opening it
            os.close(os.open(f"/proc/{number}/{name}", os.O_RDONLY))
            found.append(name)
    return found


def link_of(path: str) -> str:
    """Return where a link leads; empty if this process may not know."""
    with suppress(PermissionError):
        return os.readlink(path)
    return ""


def opened_from_worker(others: dict[str, int]) -> dict[str, list[str]]:
    """Return what a worker can open of other processes, the one that it is forked from among them."""
    return {name: opened(number) for name, number in {**others, "server": os.getppid()}.items()}


def told_number(_: object) -> None:
    """Say the number of this process, and wait to be ended."""
    tell(os.getpid())
    os.read(os.pipe()[0], 1)


@pytest.fixture
def make() -> Any:
    """Start processes that end with the test."""
    workers: list[Worker] = []

    def make(function: Callable[..., object], item: object) -> Any:
        workers.append(Worker(recipe(function)))
        assert workers[-1].give(pickle.dumps(item))
        return workers[-1].take()

    yield make
    for worker in workers:
        worker.end()


def test_a_worker_cannot_open_what_belongs_to_other_processes(make: Any) -> None:
    make_private()
    _, sibling = make(told_number, None)
    kind, found = make(opened_from_worker, {"main": os.getpid(), "sibling": sibling})
    assert kind == RESULT
    assert found == {"main": [], "sibling": [], "server": []}


def test_arguments_and_input_are_kept_from_others(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(OPENER)
    (tmp_path / "secret.txt").write_text("the text")
    command = [sys.executable, "main.py", "bench", "--sealed", "secret.txt"]
    with (tmp_path / "secret.txt").open() as text, subprocess.Popen(
        command, stdin=text, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"SUDO_COMMAND": "textgen bench --sealed secret.txt"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        number = int(process.stdout.readline())
        seen = Path(f"/proc/{number}/cmdline").read_bytes()
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        links = {link_of(f"/proc/{child}/fd/0") for child in children}
        rest = process.stdout.read()
    assert seen.rstrip(b"\0").split(b"\0") == [os.fsencode(each) for each in command[:3]]
    assert len(children) >= 2
    assert links <= {os.devnull, ""}
    assert rest == "the text None secret.txt\n"
