"""`textgen bench --budget 15s,1m,4m` on the command line, and the commands that show its result again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import TINY, notes, run_textgen

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_references")]

OPTIONS = ("--corpus", "lee", "--max-chars", 8000, "--length", 20, "--precision", "fp32", "--device", "cpu")


def test_a_ladder_is_printed_shown_listed_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = ("bench", TINY, "random", "--budget", "20updates,5updates", *OPTIONS, "--out", folder, "--json")
    done = run_textgen(*command)
    assert notes(done) == [f"saved in {folder}"]
    printed = json.loads(done.stdout, parse_constant=pytest.fail)
    assert printed["budgets"] == ["5updates", "20updates"]
    updates = {rung["budget"]: rung["num_updates"] for rung in printed["rungs"] if rung["entry"] == TINY}
    assert updates == {"5updates": 5, "20updates": 20}
    steps = {(step["entry"], step["before"], step["after"]) for step in printed["steps"]}
    assert steps == {(TINY, "5updates", "20updates")}
    assert not printed["failures"]

    shown = run_textgen("runs", "show", folder).stdout
    assert shown.startswith("# Ladder on lee\n")
    assert "## What more training changes" in shown
    (listed,) = json.loads(run_textgen("runs", "--root", tmp_path, "--json").stdout)["runs"]
    assert (listed["kind"], listed["budget"]) == ("ladder", "5updates,20updates")
    assert listed["entries"] == [TINY, "random"]
    assert len(listed["runs"]) == 4
    assert run_textgen("report", folder).stdout == f"{folder / 'report.html'}\n"
