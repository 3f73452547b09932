"""A score and its interval are the same wherever a bench is shown, to the last digit that is."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from helpers.records import edit_record
from textgen.reports.columns import scores_csv
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record


def test_page_csv_runs_and_json_agree(shared_bench: Path) -> None:
    result = json.loads((shared_bench / "bench.json").read_text("utf-8"))
    page = (shared_bench / "report.html").read_text("utf-8")
    lines = io.StringIO(scores_csv(read_record(Comparison, shared_bench / "bench.json")).text())
    with_seeds = [line for line in csv.DictReader(lines) if line["seed"]]
    assert len(with_seeds) == len(result["scores"]) == 4
    listed = json.loads(run_textgen("runs", "--root", str(shared_bench), "--kind", "run", "--json").stdout)[
        "runs"
    ]
    for score in result["scores"]:
        name, value, ends = score["name"], score["bits_per_char"], score["interval"]
        expected = pytest.approx([value, *ends], abs=1e-9)
        (row,) = (row for row in result["entries"] if row["name"] == name)
        (line,) = (line for line in with_seeds if line["entry"] == name)
        (run,) = (each for each in listed if each["best"] == name)
        assert [row["test"]["bits_per_char"], *row["test"]["interval"]] == expected
        assert [float(line[each]) for each in ("bits_per_char", "interval_low", "interval_high")] == expected
        assert [run["score"], *run["interval"]] == expected
        assert f"{ends[0]:.3f}\N{EN DASH}{ends[1]:.3f}" in page
        said = run_textgen("runs", "show", run["folder"]).stdout
        assert f"{value:.3f} bits per character of the test text (95 % interval {ends[0]:.3f} to" in said


def test_a_run_that_is_worse_than_chance_says_so(shared_bench: Path, tmp_path: Path) -> None:
    (run,) = shared_bench.glob("runs/char-lstm*")
    assert "worse than chance" not in run_textgen("runs", "show", run).stdout
    edit_record(
        shutil.copytree(run, tmp_path / "run") / "run.json",
        lambda values: values["result"].update(chance_bits_per_char=2.0),
    )
    said = "worse than chance: guessing among the 4 characters of the training text takes 2.000 bits"
    assert said in run_textgen("runs", "show", tmp_path / "run").stdout
    assert said in textgen.load(tmp_path / "run")._repr_html_()


def test_a_number_is_not_taken_for_a_prompt(shared_bench: Path) -> None:
    (run,) = shared_bench.glob("runs/char-lstm*")
    with pytest.raises(textgen.TextgenError, match=r"^prompt must be a string, not 3; for several"):
        textgen.load(run).sample(3)  # type: ignore[arg-type]
