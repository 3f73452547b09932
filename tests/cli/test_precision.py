"""`--precision auto`: what a folder holds decides, whatever the machine is found to be best at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import TINY, run_textgen
from helpers.suites import write_suite
from textgen.runtime import device

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "4000", "--budget", "2000chars", "--device", "cpu"]
BENCH = ["bench", TINY, "--length", "40", *SETTINGS]
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


@pytest.fixture(autouse=True)
def best_at_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is found to be fast at bf16, while the folders hold what was made in fp32."""
    monkeypatch.setattr(device, "_best_precision", lambda _: "bf16")


def made_first(command: list[str], out: Path) -> list[object]:
    """Run a command in fp32; return the same one without a precision."""
    whole = [*command, "--out", out, "--json"]
    run_textgen(*whole, "--precision", "fp32")
    return whole


def test_a_bench_continues_in_the_precision_of_its_runs(tmp_path: Path) -> None:
    again = run_textgen(*made_first(BENCH, tmp_path))
    assert json.loads(again.stdout)["precision"] == "fp32"
    assert "1 of 1 runs are kept" in again.stderr


def test_a_study_continues_in_its_precision(tmp_path: Path) -> None:
    again = json.loads(run_textgen(*made_first(TUNE, tmp_path)).stdout)
    assert again["settings"]["precision"] == "fp32"
    assert len(again["trials"]) == 2


def test_a_suite_continues_in_the_precision_of_its_jobs(tmp_path: Path) -> None:
    suite = ["suite", write_suite(tmp_path, SUITE), *SETTINGS]
    again = run_textgen(*made_first(suite, tmp_path / "out"))
    assert "1 runs, of which 1 are done" in again.stderr
    assert json.loads(again.stdout)["precision"] == "fp32"


def test_a_suite_says_so_before_it_measures_in_another_precision(tmp_path: Path) -> None:
    suite = ["suite", write_suite(tmp_path, SUITE), *SETTINGS]
    again = run_textgen(*made_first(suite, tmp_path / "out"), "--precision", "bf16")
    assert "holds measurements in fp32, which are made again in bf16" in again.stderr
    assert "add --precision fp32" in again.stderr


@pytest.mark.parametrize("command", [BENCH, TUNE], ids=["bench", "tune"])
def test_another_precision_is_refused_with_the_remedy(command: list[str], tmp_path: Path) -> None:
    refused = run_textgen(*made_first(command, tmp_path), "--precision", "bf16", code=1)
    assert "another precision; add --precision fp32, or choose another folder (--out)" in refused.stderr
