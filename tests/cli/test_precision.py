"""`--precision auto`: what a folder holds decides, whatever the machine is found to be best at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import TINY, run_textgen
from helpers.suites import write_suite
from textgen.runtime import device

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_references")]

SETTINGS = ["--corpus", "lee", "--max-chars", "4000", "--budget", "2000chars", "--device", "cpu"]
BENCH = ["bench", TINY, "--length", "40", "--sampler", "greedy", *SETTINGS]
TUNE = ["tune", TINY, "--trials", "2", "--seeds", "1", "--search", "learning_rate", *SETTINGS]
SUITE = f"""
title = "One case"
budget = "2000chars"
seeds = 1
[[questions]]
name = "one"
text = "What?"
cases = [{{ label = "one", entry = "{TINY}" }}]
"""

REFUSAL = "another precision; add --precision fp32, or choose another folder (--out)"


@pytest.fixture(autouse=True)
def best_at_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is found to be fast at bf16, while the folders hold what was made in fp32."""
    monkeypatch.setattr(device, "_best_precision", lambda _: "bf16")


def made_first(command: list[str], out: Path) -> list[object]:
    """Run a command in fp32; return the same one without a precision."""
    whole = [*command, "--out", out, "--json"]
    run_textgen(*whole, "--precision", "fp32")
    return whole


def test_a_bench_continues_in_the_precision_of_its_runs_and_no_other(tmp_path: Path) -> None:
    command = made_first(BENCH, tmp_path)
    again = run_textgen(*command)
    assert json.loads(again.stdout)["precision"] == "fp32"
    assert "1 of 1 runs are kept" in again.stderr
    assert REFUSAL in run_textgen(*command, "--precision", "bf16", code=1).stderr


def test_a_study_continues_in_its_precision_and_no_other(tmp_path: Path) -> None:
    command = made_first(TUNE, tmp_path)
    again = json.loads(run_textgen(*command).stdout)
    assert again["settings"]["precision"] == "fp32"
    assert len(again["trials"]) == 2
    assert REFUSAL in run_textgen(*command, "--precision", "bf16", code=1).stderr


def test_a_suite_continues_in_the_precision_of_its_runs_and_can_be_made_in_another(tmp_path: Path) -> None:
    command = made_first(["suite", write_suite(tmp_path, SUITE), *SETTINGS], tmp_path / "out")
    again = run_textgen(*command)
    assert "1 of 1 benches are complete" in again.stderr
    assert json.loads(again.stdout)["precision"] == "fp32"
    other = run_textgen(*command, "--precision", "bf16")
    assert "0 of 1 benches are complete" in other.stderr
    assert json.loads(other.stdout)["precision"] == "bf16"
