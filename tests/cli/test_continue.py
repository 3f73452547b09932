"""Continuing: the training of a finished run, and a comparison that gets more entries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helpers.commands import TINY, Textgen
from helpers.shared import ENTRIES, SETTINGS

LEE = ("--corpus", "lee", "--max-chars", "20000", "--device", "cpu", "--precision", "fp32")
DATA = '<script type="application/json"'
BUDGET = ("--budget", "4000chars")


def test_a_finished_run_is_trained_further(textgen: Textgen, tmp_path: Path) -> None:
    first, longer = tmp_path / "first", tmp_path / "longer"
    before = json.loads(textgen("train", TINY, *LEE, *BUDGET, "--out", first, "--json").stdout)
    done = textgen("train", first, "--budget", "+20000chars", "--device", "cpu", "--out", longer, "--json")
    after = json.loads(done.stdout)
    assert after["train"]["num_chars"] >= before["train"]["num_chars"] + 20_000
    assert after["test"]["bits_per_char"] < before["test"]["bits_per_char"]
    manifest = json.loads((longer / "run.json").read_text("utf-8"))
    assert manifest["settings"]["budget"] == "4000chars+20000chars"
    assert textgen("sample", longer, "--prompt", "The", "--length", "20").stdout.startswith("The")


def test_a_run_needs_a_plus_and_takes_no_other_text(textgen: Textgen, trained: tuple[Path, str]) -> None:
    run = trained[0]
    line = textgen("train", run, "--budget", "2m", code=2).stderr.splitlines()[-1]
    assert "is a run: --budget +2m adds to its training" in line
    line = textgen("train", run, "--budget", "+2m", "--corpus", "wiki", code=2).stderr
    assert "--corpus has no effect on" in line


@pytest.fixture
def out(shared_bench: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a comparison, which a test may change."""
    return shutil.copytree(shared_bench, tmp_path / "out")


@pytest.mark.usefixtures("no_references")
def test_entries_are_added_to_a_comparison(textgen: Textgen, out: Path) -> None:
    command = (*SETTINGS, "--out", out, "--json")
    weights = {path: path.read_bytes() for path in out.rglob("weights.safetensors")}
    done = textgen("bench", "char-ngram", *command)
    assert [row["name"] for row in json.loads(done.stdout)["entries"]] == [*ENTRIES, "char-ngram"]
    assert done.stderr.splitlines()[0] == f"4 of 5 runs are kept in {out} and reused; 1 to train"
    assert all(path.read_bytes() == data for path, data in weights.items())
    details = json.loads((out / "details.json").read_text("utf-8"))
    assert [entry["name"] for entry in details["entries"]] == [*ENTRIES, "char-ngram"]


def test_the_page_is_written_again(textgen: Textgen, out: Path, tmp_path: Path) -> None:
    page = (out / "report.html").read_text("utf-8")
    (out / "report.html").unlink()
    assert textgen("report", out).stdout == f"{out / 'report.html'}\n"
    again = (out / "report.html").read_text("utf-8")
    assert again.partition(DATA)[0] == page.partition(DATA)[0]
    assert len(again.partition(DATA)[2]) > 1000
    (out / "details.json").unlink()
    assert "run the bench again with --out" in textgen("report", out, code=1).stderr
    assert "gone" in textgen("report", tmp_path / "gone", code=1).stderr
