"""`textgen verify` of a suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import run_textgen
from helpers.numbers import add
from helpers.records import edit_record
from helpers.suites import write_suite


@pytest.mark.slow
@pytest.mark.long
def test_a_suite_agrees_with_its_runs_and_a_change_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    options = ["--max-chars", 60_000, "--device", "cpu", "--out", folder]
    run_textgen("suite", write_suite(tmp_path), "--corpus", "lee", *options, code=3)  # one case fails
    rows, report, left = run_textgen("verify", folder).stdout.splitlines()
    assert rows.endswith(" values recomputed from its rows: all agree")
    assert report.endswith(" values recomputed from the result: all agree")
    assert left.startswith("no second source: suite.json: budget, command, corpus, ")
    run_textgen("verify", folder, "--runs", code=2)
    saved = (folder / "suite.json").read_text("utf-8")
    for change, line in (
        (
            add(["questions", 0, "cases", 0, "runs", 0, "units", "bits", 0], 1.0),
            "questions[0, size].cases[0, ",
        ),
        (
            add(["questions", 0, "effects", 0, "bits_per_char", "p_value"], 1e-6),
            ".effects[0].bits_per_char.p_value",
        ),
        (add(["questions", 1, "cases", 1, "real_word_rate", "value"], 1e-6), "questions[1, text].cases[1, "),
        (add(["seed_priors", "bits_per_char", "sd"], 1e-3), "seed_priors.bits_per_char.sd"),
    ):
        (folder / "suite.json").write_text(saved, "utf-8")
        edit_record(folder / "suite.json", change)
        assert line in run_textgen("verify", folder, code=1).stdout
