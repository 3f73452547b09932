"""A model that cheats has no rank and one line that says why; honest ones are ranked as if it were absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers import cheats_tried as tried
from helpers.cheats import CHEATS
from helpers.commands import BUDGET, TINY, run_textgen

pytestmark = pytest.mark.usefixtures("no_references")

REASONS = {
    "char-peeks": "it predicts otherwise when it gets several tokens at once: by ",
    "char-exaggerates": "it says that it returns log-probabilities, but the probabilities of all tokens ",
    "char-remembers": "it remembers earlier texts: a second score of the same text differs by ",
}
HONEST = (TINY, "random", "char-ngram")
GAIN = 0.02
"""Bits per character that chance may make of a difference."""
Cheats = Mapping[Path, Sequence[str]]
OPTIONS = ("--corpus", "lee", "--max-chars", 20_000, "--length", 20, "--sampler", "greedy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cheats")
    (folder / "cheats.py").write_text(CHEATS)
    return folder


@pytest.fixture(scope="module")
def fair(folder: Path) -> dict[str, Any]:
    done = run_textgen("bench", *HONEST, *OPTIONS, *BUDGET, "--out", "fair", "--json", cwd=folder)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    entries = [*HONEST, *REASONS, "char-opens"]
    options = (*OPTIONS, "--plugin", "cheats.py", *BUDGET, "--out", "out", "--json")
    done = run_textgen("bench", *entries, *options, cwd=folder, code=3)  # one fails
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_cheats_score_better_but_have_no_rank(result: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in result["entries"]}
    assert rows["char-peeks"]["validation"]["bits_per_char"] < 1  # which counts nowhere
    assert rows["char-peeks"]["test"]["bits_per_char"] > 6
    for name, reason in REASONS.items():
        assert rows[name]["error"] is None
        assert rows[name]["problem"].startswith(reason)
    named = [row["name"] for row in result["scores"]] + [row["b"] for row in result["differences"]]
    assert not set(REASONS) & set(named)
    assert rows.pop("char-opens")["error"].startswith("an entry reads no corpus: ")
    checks = [row["score_checks"] for row in rows.values()]
    assert all(each["trained_apart"] for each in checks)  # where the text of the score was not
    assert all(each["num_told"] == each["num_tokens"] for each in checks)


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
        assert bits == 0 or f" {bits:.3f} " not in report, row


def bits_of_ranked(folder: Path, cheats: Cheats) -> dict[str, float]:
    """Return the scores of the entries that have a rank when these cheats are compared with n-grams."""
    plugins = [word for path in cheats for word in ("--plugin", path)]
    entries = [entry for those in cheats.values() for entry in those]
    done = run_textgen(
        "bench", "char-ngram", *entries, *plugins, *OPTIONS, *BUDGET, "--json", cwd=folder, code=None
    )
    result = json.loads(done.stdout)
    ranked = {row["name"] for row in result["scores"]}
    rows = [row for row in result["entries"] if row["name"] in ranked]
    return {row["name"]: row["test"]["bits_per_char"] for row in rows}


def check(ranked: dict[str, float]) -> None:
    """Fail if an entry that is not n-grams is ahead of them."""
    honest = ranked["char-ngram"]
    assert {name: bits for name, bits in ranked.items() if bits < honest - GAIN} == {}


def test_what_cannot_be_seen_or_changed_from_a_process_of_an_entry(tmp_path: Path) -> None:
    check(bits_of_ranked(tmp_path, tried.COMMON))


@pytest.mark.long
@pytest.mark.parametrize("family", tried.FAMILIES)
def test_no_other_cheat_is_ahead_of_n_grams(tmp_path: Path, family: str) -> None:
    path = tried.FAMILIES[family]
    check(bits_of_ranked(tmp_path, {path: tried.OTHERS[path]}))


@pytest.mark.long
def test_what_remains_possible_is_still_possible(tmp_path: Path) -> None:
    """Otherwise docs/trust.md says too little; caches gain less on so short a text, or nothing."""
    ranked = bits_of_ranked(tmp_path, tried.POSSIBLE)
    for path in tried.LEFT:
        path.unlink()
    for name in ("file-file", "shm-shm", "daemon-daemon", "char-disk"):
        assert ranked[name] < ranked["char-ngram"] - GAIN


@pytest.mark.long
@pytest.mark.parametrize("cheat", ["char-hangs", "char-stops"])
def test_what_hangs_or_stops_its_judge_is_ended(tmp_path: Path, cheat: str) -> None:
    arguments = ("--plugin", tried.MODELS, *OPTIONS, *BUDGET, "--entry-timeout", "15s", "--json")
    done = run_textgen("bench", "char-ngram", cheat, *arguments, cwd=tmp_path, code=3)
    hung = json.loads(done.stdout)["entries"][1]
    assert "it made no progress" in hung["error"]


@pytest.mark.long
def test_a_sealed_text_is_found_neither_on_the_command_line_nor_by_its_name(
    tmp_path: Path, news: str
) -> None:
    (tmp_path / "open.txt").write_text(news[:20_000])
    (tmp_path / "sealed.txt").write_text(news[20_000:30_000])
    entries = ("char-ngram", "char-sealedread", "char-sources")
    text = ("--plugin", tried.ELSEWHERE, "--corpus", "open.txt", "--sealed", "-", "--length", 20)
    given = (tmp_path / "sealed.txt").read_text()
    (tmp_path / "sealed.txt").unlink()
    done = run_textgen("bench", *entries, *text, *BUDGET, "--json", cwd=tmp_path, stdin=given, code=None)
    rows = json.loads(done.stdout)["entries"]
    check({row["name"]: row["test"]["bits_per_char"] for row in rows if row["error"] is None})
