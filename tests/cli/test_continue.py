"""Continuing: the training of a finished run, and a comparison that gets more entries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from helpers.shared import ENTRIES, SETTINGS

DATA = '<script type="application/json"'


def test_a_finished_run_is_trained_further(trained: tuple[Path, str], tmp_path: Path) -> None:
    run, longer = trained[0], tmp_path / "longer"
    done = run_textgen("train", run, "--budget", "+8000chars", "--device", "cpu", "--out", longer, "--json")
    assert json.loads(done.stdout)["train"]["num_chars"] >= 10_000
    manifest = json.loads((longer / "run.json").read_text("utf-8"))
    assert manifest["settings"]["budget"] == "2000chars+8000chars"
    assert run_textgen("sample", longer, "--prompt", "The", "--length", "20").stdout.startswith("The")
    line = run_textgen("train", run, "--budget", "2m", code=2).stderr.splitlines()[-1]
    assert "is a run; train it further with --budget +2m" in line
    line = run_textgen("train", run, "--budget", "+2m", "--corpus", "wiki", code=2).stderr
    assert "--corpus has no effect on" in line


@pytest.mark.usefixtures("no_references")
def test_entries_are_added_to_a_comparison_and_its_page_is_written_again(
    shared_bench: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(shared_bench, tmp_path / "out")
    weights = {path: path.read_bytes() for path in out.rglob("weights.safetensors")}
    done = run_textgen("bench", "char-ngram", *SETTINGS, "--out", out, "--json")
    assert [row["name"] for row in json.loads(done.stdout)["entries"]] == [*ENTRIES, "char-ngram"]
    assert done.stderr.splitlines()[0] == f"reusing 4 of 5 runs from {out}; 1 to train"
    assert all(path.read_bytes() == data for path, data in weights.items())
    details = json.loads((out / "details.json").read_text("utf-8"))
    assert [entry["name"] for entry in details["entries"]] == [*ENTRIES, "char-ngram"]

    page = (out / "report.html").read_text("utf-8")
    (out / "report.html").unlink()
    assert run_textgen("report", out).stdout == f"{out / 'report.html'}\n"
    again = (out / "report.html").read_text("utf-8")
    assert again.partition(DATA)[0] == page.partition(DATA)[0]
    assert len(again.partition(DATA)[2]) > 1000
    (out / "details.json").unlink()
    assert "rerun the bench with --out" in run_textgen("report", out, code=1).stderr
