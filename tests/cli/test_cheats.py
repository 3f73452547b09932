"""A model that cheats has no rank and one line that says why; honest ones are ranked as if it were absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.cheats import CHEATS
from helpers.commands import TINY, Textgen

REASONS = {
    "char-peeks": "it uses later tokens: changing them changes earlier predictions by ",
    "char-exaggerates": "it says that it returns log-probabilities, but the probabilities of all tokens ",
    "char-remembers": "it remembers earlier texts, or depends on how a text is divided: ",
    "char-chooses": "it uses later tokens",
    "char-seldom": "it remembers earlier texts, or depends on how a text is divided: ",
    "char-replays": "it remembers earlier texts, or depends on how a text is divided: ",
    "char-changes": "it changes how scores are computed, in the process that computes them",
}
HONEST = (TINY, "random", "char-ngram")
OPTIONS = ("--corpus", "lee", "--max-chars", 30_000, "--length", 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cheats")
    (folder / "cheats.py").write_text(CHEATS)
    return folder


@pytest.fixture(scope="module")
def fair(textgen: Textgen, budget: list[str], folder: Path) -> dict[str, Any]:
    done = textgen("bench", *HONEST, *OPTIONS, *budget, "--out", "fair", "--json", cwd=folder)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def result(textgen: Textgen, budget: list[str], folder: Path) -> dict[str, Any]:
    entries = [*HONEST, *REASONS, "char-opens"]
    options = (*OPTIONS, "--plugin", "cheats.py", *budget, "--out", "out", "--json")
    done = textgen("bench", *entries, *options, cwd=folder)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_cheats_score_better_but_have_no_rank(result: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in result["entries"]}
    assert rows["char-peeks"]["test"]["bits_per_char"] < 1  # a score that no honest entry reaches
    for name, reason in REASONS.items():
        assert rows[name]["error"] is None
        assert rows[name]["problem"].startswith(reason)
    named = [row["name"] for row in result["scores"]] + [row["b"] for row in result["differences"]]
    assert not set(REASONS) & set(named)


def test_an_entry_cannot_read_the_text_that_it_is_scored_on(result: dict[str, Any]) -> None:
    (row,) = (row for row in result["entries"] if row["name"] == "char-opens")
    assert row["error"].startswith("an entry reads no corpus while it is trained: ")


def test_the_others_were_trained_where_that_text_was_not(result: dict[str, Any]) -> None:
    checks = [row["score_checks"] for row in result["entries"] if row["error"] is None]
    assert all(each["trained_apart"] for each in checks)
    assert all(each["checked_places"] for each in checks)


def test_honest_entries_are_ranked_as_if_the_cheats_were_absent(
    result: dict[str, Any], fair: dict[str, Any]
) -> None:
    assert {row["problem"] for row in result["entries"] if row["name"] in HONEST} == {None}
    assert result["scores"] == fair["scores"]
    assert result["differences"] == fair["differences"]
    assert {row["name"] for row in fair["scores"]} == set(HONEST)


def test_the_report_says_why_and_its_answer_names_no_cheat(result: dict[str, Any], folder: Path) -> None:
    report, fair = ((folder / name / "report.md").read_text("utf-8") for name in ("out", "fair"))
    answer = report.split("\n\n")[1]
    assert answer == fair.split("\n\n")[1]
    for name, reason in REASONS.items():
        assert name not in answer
        (line,) = (line for line in report.splitlines() if f"{name} has no rank" in line)
        assert line.startswith(f"- {name} has no rank since {reason}")
        (row,) = (line for line in report.splitlines() if line.startswith(f"| {name} ") and "no rank" in line)
        bits = next(each["test"]["bits_per_char"] for each in result["entries"] if each["name"] == name)
        assert bits == 0 or f"{bits:.4f}" not in report, row
