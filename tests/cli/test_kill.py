"""SIGKILL at any instant: the same command goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import TINY, run_process
from textgen.training.checkpoints import INTERVAL

pytestmark = pytest.mark.slow

ENTRY = f"{TINY},dropout=0.2"
SETTINGS = ["--corpus", "lee", "--max-chars", "30000", "--budget", "60000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu"]
NUM_KILLS = 4


def killed(arguments: Sequence[str], seconds: float) -> None:
    """Start a command and kill it after a while, if it is still there."""
    environment = os.environ | {INTERVAL: "0.05"}
    command = [sys.executable, "-m", "textgen", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        time.sleep(seconds)
        process.kill()


def scores(printed: str) -> Any:
    """What does not depend on the clock."""
    result = json.loads(printed)
    rows = result.get("entries", [result])
    return [
        (row["name"], row["test"], [point["validation_bits_per_char"] for point in row["train"]["curve"]])
        for row in rows
    ]


@pytest.mark.parametrize("command", [["train", ENTRY], ["bench", ENTRY, "char-ngram", "--length", "40"]])
def test_a_killed_command_goes_on_and_ends_with_the_same_scores(command: list[str], tmp_path: Path) -> None:
    began = time.monotonic()
    whole = run_process(*command, *SETTINGS, "--out", tmp_path / "whole", "--json")
    needed = time.monotonic() - began
    out = tmp_path / "killed"
    chance = random.Random(0)
    for _ in range(NUM_KILLS):
        killed([*command, *SETTINGS, "--out", str(out)], chance.uniform(0.4, 0.95) * needed)
        if command[0] == "train" and out.exists():
            break  # it was quicker than the first time
    if not out.exists() or command[0] == "bench":
        done = run_process(*command, *SETTINGS, "--out", out, "--json")
        assert scores(done.stdout) == scores(whole.stdout)
    hidden = [path.name for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert hidden == []
    assert [path.name for path in tmp_path.rglob("*.partial")] == []
    weights = [path.read_bytes() for path in sorted(tmp_path.rglob("weights.safetensors"))]
    assert len(set(weights)) == (1 if command[0] == "train" else 2)


def test_a_killed_study_tries_the_same_and_ends_with_the_same_best(tmp_path: Path) -> None:
    command = ["tune", ENTRY, "--trials", "5", "--seeds", "1", "--search", "learning_rate=1e-3..1e-2"]
    command += [*SETTINGS, "--json"]

    def outcome(printed: str) -> Any:
        result = json.loads(printed)
        trials = [trial for trial in result["trials"] if trial["state"] != "killed"]
        tried = [(trial["name"], trial["state"], trial["value"], trial["curve"]) for trial in trials]
        return tried, result["best"]["name"], result["best"]["value"], result["comparison"]

    began = time.monotonic()
    whole = run_process(*command, "--out", tmp_path / "whole")
    needed = time.monotonic() - began
    out = tmp_path / "killed"
    chance = random.Random(1)
    for _ in range(NUM_KILLS):
        killed([*command, "--out", str(out)], chance.uniform(0.3, 0.8) * needed)
    done = run_process(*command, "--out", out)
    assert outcome(done.stdout) == outcome(whole.stdout)
    assert sorted(path.name for path in out.iterdir()) == [
        "comparison",
        "report.html",
        "study.db",
        "study.json",
    ]
    assert [path.name for path in out.rglob("*") if path.name.startswith(".")] == []
