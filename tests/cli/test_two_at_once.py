"""Two commands at once in one folder: the second waits and shares what the first has done."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import TINY, run_process
from helpers.launched import Launched
from helpers.suites import write_suite
from textgen.runtime.storage.result_folders import LOCK, is_held, locked
from textgen.training.checkpoints import INTERVAL

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "5000", "--budget", "8000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu", "--json"]

SUITE = f"""
title = "Two cases"
budget = "8000chars"
seeds = 1
[[questions]]
name = "size"
text = "Which?"
cases = [{{ label = "chance", entry = "random" }}, {{ label = "small", entry = "{TINY}" }}]
"""


def started(*arguments: object) -> Launched:
    return Launched(*arguments, env=os.environ | {INTERVAL: "0.2"})


def both(*arguments: object) -> list[tuple[int, str, str]]:
    """Run a command twice at once; the one that waited comes last."""
    processes = [started(*arguments) for _ in range(2)]
    printed = [process.communicate() for process in processes]
    ended = [(process.returncode or 0, *each) for process, each in zip(processes, printed, strict=True)]
    return sorted(ended, key=lambda each: "waiting for" in each[2])


def scores(printed: str) -> list[Any]:
    return [(row["name"], row["test"]) for row in json.loads(printed)["entries"]]


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith(".") or path.name == "lock"]


def test_a_second_bench_waits_and_reuses_the_runs(tmp_path: Path) -> None:
    out = tmp_path / "two"
    samples = ("--length", 40, "--sampler", "greedy")
    first, second = both("bench", TINY, "random", *samples, *SETTINGS, "--out", out)
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert scores(first[1]) == scores(second[1])
    assert f"which writes to '{out}'" in second[2]
    assert (first[2].count("training"), second[2].count("training")) == (2, 0)
    assert "2 of 2 runs are kept" in second[2]
    assert hidden(tmp_path) == []


@pytest.mark.long
def test_a_second_bench_adds_its_entries(tmp_path: Path) -> None:
    processes = [
        started("bench", entry, "--length", 40, *SETTINGS, "--out", tmp_path) for entry in ("random", TINY)
    ]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    rows = json.loads((tmp_path / "bench.json").read_text("utf-8"))["entries"]
    assert {row["name"] for row in rows} == {"random", TINY}
    assert sum("waiting for" in err for _, err in outputs) == 1


def test_a_second_suite_waits_and_measures_nothing_again(tmp_path: Path) -> None:
    settings = [each for each in SETTINGS if each not in ("--budget", "8000chars")]
    first, second = both("suite", write_suite(tmp_path, SUITE), *settings, "--out", tmp_path / "out")
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert json.loads(first[1])["questions"] == json.loads(second[1])["questions"]
    assert "0 of 1 benches are complete" in first[2]
    assert "1 of 1 benches are complete" in second[2]
    assert hidden(tmp_path) == []


def test_of_two_trainings_in_one_folder_one_is_told_that_it_is_there(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first, second = both("train", TINY, *SETTINGS, "--out", out)
    assert (first[0], second[0]) == (0, 1)
    assert second[2].splitlines()[-1] == f"error: '{out}' exists already; choose another folder (--out)"
    assert (out / "weights.safetensors").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.long
def test_a_killed_bench_is_no_obstacle(tmp_path: Path) -> None:
    command = ["bench", TINY, "random", "--length", 40, *SETTINGS, "--out", tmp_path]
    process = started(*command)
    for line in process.stderr:
        if "random" in line and "tokenizing" in line:
            break
    process.kill()
    process.communicate()
    done = run_process(*command)
    assert "waiting for" not in done.stderr
    assert "1 of 2 runs are kept" in done.stderr
    assert hidden(tmp_path) == []


@pytest.mark.long
def test_two_studies_share_the_trials_and_the_final_comparison(tmp_path: Path) -> None:
    options = ["--trials", 3, "--seeds", 1, "--search", "learning_rate=1e-3..1e-2"]
    both_ended = both("tune", TINY, *options, *SETTINGS, "--out", tmp_path)
    assert [code for code, _, _ in both_ended] == [0, 0], both_ended
    results = [json.loads(out) for _, out, _ in both_ended]
    assert results[0]["best"]["name"] == results[1]["best"]["name"]
    assert results[0]["comparison"] == results[1]["comparison"]
    assert len(results[0]["trials"]) == 3
    assert hidden(tmp_path) == []


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
