"""`textgen tune`: what it prints and leaves, and what it does the next time."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import BUDGET, TINY, run_textgen
from textgen.experiment.entry_parser import parse_entry

pytestmark = pytest.mark.slow

TEXT = ("--corpus", "lee", "--max-chars", 20_000)
SEARCH = ("--search", "learning_rate=0.001|0.003|0.01|1e30,weight_decay=0..1,hidden_size=16|24")
Tuned = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def tuned_entry() -> str:
    return TINY.replace("hidden_size=16,", "")


@pytest.fixture(scope="module")
def command(tuned_entry: str) -> list[Any]:
    return ["tune", tuned_entry, *TEXT, *SEARCH, *BUDGET, "--seeds", 1]


@pytest.fixture(scope="module")
def tuned(command: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    folder = tmp_path_factory.mktemp("tune") / "out"
    done = run_textgen(*command, "--trials", 12, "--out", folder, "--json")
    assert " is not searched; the first trial uses 16\n" in done.stderr
    assert done.stderr.endswith(f"saved in {folder}\n")
    return folder, json.loads(done.stdout, parse_constant=pytest.fail)


def test_the_result_is_saved_with_its_page_and_its_comparison_on_the_test_part(tuned: Tuned) -> None:
    folder, result = tuned
    saved = json.loads((folder / "study.json").read_text("utf-8"))
    assert len(saved.pop("sha256")) == 64
    assert result == saved
    assert len(result["trials"]) == 12
    assert result["settings"]["budget"] == "2000chars"
    assert set(result["importances"]) == {"learning_rate", "weight_decay", "hidden_size"}
    page = (folder / "report.html").read_text("utf-8")
    assert re.findall(r"<(?:script|link)[^>]+(?:src|href)=", page) == []
    assert page.count("<svg") == 2  # history, curves

    wild = [trial for trial in result["trials"] if trial["params"]["learning_rate"] == 1e30]
    assert {trial["state"] for trial in wild} == {"failed"}
    assert all(trial["reason"].startswith("training diverged") for trial in wild)

    compared = result["comparison"]
    assert (compared["scored_on"], compared["seeds"]) == ("test", [1])
    assert compared["best"]["name"] == result["best"]["name"]
    gain = compared["default"]["value"] - compared["best"]["value"]
    assert compared["gain"] == pytest.approx(gain)
    assert compared["interval"][0] <= gain <= compared["interval"][1]
    assert len(list((folder / "comparison" / "runs").iterdir())) == 2


def test_the_best_entry_can_be_pasted(tuned: Tuned, tuned_entry: str) -> None:
    best = tuned[1]["best"]
    values = [trial["value"] for trial in tuned[1]["trials"] if trial["value"] is not None]
    assert best["value"] == min(values)
    before, after = parse_entry(tuned_entry), parse_entry(best["name"])
    assert after.parts == before.parts
    changed = {
        name: value
        for part, options in after.options.items()
        for name, value in options.items()
        if before.options.get(part, {}).get(name) != value
    }
    assert changed
    assert changed.items() <= best["params"].items()
    assert set(best["params"]) == {"learning_rate", "weight_decay", "hidden_size"}


def test_the_same_folder_again_resumes(
    tuned: Tuned, command: list[Any], snapshot: Callable[[Path], object]
) -> None:
    folder, result = tuned
    before = snapshot(folder / "comparison" / "runs")
    printed = run_textgen(*command, "--trials", 12, "--out", folder).stdout
    assert snapshot(folder / "comparison" / "runs") == before
    assert f"    {result['best']['name']}\n" in printed
    assert " bits per character (" in printed
    again = json.loads((folder / "study.json").read_text("utf-8"))
    assert again["trials"] == result["trials"]
    failed = run_textgen(*command, "--budget", "3000chars", "--out", folder, code=1)
    assert (
        failed.stderr
        == f"error: {str(folder)!r} holds a study that differs in its budget; choose another folder (--out)\n"
    )


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = run_textgen("tune", "char-lstm", code=1)
    assert done.stdout == ""
    assert done.stderr == 'error: tuning needs Optuna; run: pip install "textgen-bench[tune]"\n'
