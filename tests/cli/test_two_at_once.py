"""Two commands at once in one folder: the second waits and shares what the first has done."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from helpers.commands import TEXTGEN, TINY
from textgen.runtime.storage.result_folders import LOCK, is_held, locked
from textgen.training.checkpoints import INTERVAL

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "5000", "--budget", "8000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu", "--json"]


def started(*arguments: object) -> Popen[str]:
    command, often = [*TEXTGEN, *map(str, arguments)], os.environ | {INTERVAL: "0.2"}
    return Popen(command, stdout=PIPE, stderr=PIPE, env=often, encoding="utf-8")


def both(*arguments: object) -> list[tuple[int, str, str]]:
    """Run a command twice at once; the one that waited comes last."""
    processes = [started(*arguments) for _ in range(2)]
    printed = [process.communicate() for process in processes]
    ended = [(process.returncode, *each) for process, each in zip(processes, printed, strict=True)]
    return sorted(ended, key=lambda each: "waiting for" in each[2])


def test_a_second_bench_waits_and_reuses_the_runs(tmp_path: Path) -> None:
    out = tmp_path / "two"
    samples = ("--length", 40, "--sampler", "greedy")
    first, second = both("bench", TINY, "random", *samples, *SETTINGS, "--out", out)
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    scores = [
        [(row["name"], row["test"]) for row in json.loads(each[1])["entries"]] for each in (first, second)
    ]
    assert scores[0] == scores[1]
    assert f"which is writing to '{out}'" in second[2]
    assert (first[2].count("training"), second[2].count("training")) == (2, 0)
    assert "reusing 2 of 2 runs" in second[2]
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".") or path.name == "lock"] == []


@pytest.mark.parametrize(("command", "folder"), [("bench", "out"), ("train", "out.partial")])
def test_ctrl_c_ends_the_wait_with_one_line(command: str, folder: str, tmp_path: Path) -> None:
    with locked(tmp_path / folder):
        process = started(
            command, "random", "--corpus", "lee", "--max-chars", 4000, "--out", tmp_path / "out"
        )
        for line in process.stderr:
            if line.startswith(f"waiting for process {os.getpid()} on "):
                break
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate()
        assert is_held(tmp_path / folder / LOCK)
    assert (process.returncode, out) == (130, "")
    assert rest.startswith("interrupted")
    assert rest.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
