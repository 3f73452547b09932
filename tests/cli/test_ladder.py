"""`textgen bench --budget 15s,1m,4m` on the command line, and the commands that show its result again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Textgen, notes

pytestmark = pytest.mark.slow

TEXT = ("--corpus", "lee", "--max-chars", 8000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ladder") / "out"


@pytest.fixture(scope="module")
def printed(textgen: Textgen, entry: str, folder: Path) -> dict[str, Any]:
    """What `--json` prints."""
    quick = ("--length", 20, "--precision", "fp32", "--device", "cpu")
    done = textgen(
        "bench", entry, "random", *TEXT, "--budget", "20updates,5updates", *quick, "--out", folder, "--json"
    )
    assert notes(done) == [f"saved in {folder}"]
    result: dict[str, Any] = json.loads(done.stdout, parse_constant=pytest.fail)
    return result


def test_a_ladder_is_printed_as_json(printed: dict[str, Any], entry: str) -> None:
    assert printed["budgets"] == ["5updates", "20updates"]
    updates = {rung["budget"]: rung["num_updates"] for rung in printed["rungs"] if rung["entry"] == entry}
    assert updates == {"5updates": 5, "20updates": 20}
    assert {(step["entry"], step["before"], step["after"]) for step in printed["steps"]} == {
        (entry, "5updates", "20updates")
    }
    assert not printed["failures"]


@pytest.mark.usefixtures("printed")
def test_a_ladder_is_shown_listed_and_verified(textgen: Textgen, folder: Path, entry: str) -> None:
    shown = textgen("runs", "show", folder).stdout
    assert shown.startswith("# Ladder on lee\n")
    assert "## What more training changes" in shown
    (listed,) = json.loads(textgen("runs", "--root", folder.parent, "--json").stdout)["runs"]
    assert (listed["kind"], listed["budget"]) == ("ladder", "5updates,20updates")
    assert listed["entries"] == [entry, "random"]
    assert len(listed["runs"]) == 4
    assert "all agree" in textgen("verify", folder).stdout
    assert textgen("report", folder).stdout == f"{folder / 'report.html'}\n"
