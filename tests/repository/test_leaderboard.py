"""The leaderboard of the repository: each submission was reviewed, and follows from its rows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from textgen_verify import leaderboard
from textgen_verify.board.folders import find_submissions, folder_at
from textgen_verify.board.reviewer import recomputed
from textgen_verify.board.rules import read_rules

BOARD = Path(__file__).parent.parent.parent / "leaderboard"


def test_every_submission_was_reviewed_and_follows_from_its_rows() -> None:
    submissions = list(map(folder_at, find_submissions(BOARD)))
    assert len(submissions) > 10
    assert {each.path: list(recomputed(each)) for each in submissions} == {
        each.path: [] for each in submissions
    }
    board = leaderboard(BOARD)
    assert board.unread == ()
    places = [place for standing in board.standings for place in standing.places]
    assert len(places) == len(submissions)
    assert [place.entry for place in places if place.state == "claimed"] == []


def test_each_text_of_the_rules_has_submissions() -> None:
    assert {path.relative_to(BOARD).parts[0] for path in find_submissions(BOARD)} == set(
        read_rules(BOARD).texts
    )


ADDED = "leaderboard/wiki/1Mchars/static/mine"
REFUSED: dict[str, dict[str, str]] = {
    "another file": {f"{ADDED}/bench.json": "{}", "README.md": "changed"},
    "another submission": {"leaderboard/wiki/1Mchars/static/first/bench.json": '{"changed": true}'},
    "a review of its own": {f"{ADDED}/bench.json": "{}", f"{ADDED}/review.json": "{}"},
    "the rules": {"leaderboard/leaderboard.toml": "budgets = []"},
    "a folder too deep": {f"{ADDED}/more/bench.json": "{}"},
    "a strange name": {"leaderboard/wiki/1Mchars/static/-o $HOME/bench.json": "{}"},
    "nothing": {},
}


@pytest.mark.parametrize("change", REFUSED)
def test_ci_refuses_all_but_new_folders_of_submissions(tmp_path: Path, change: str) -> None:
    """By the script of the base branch, before anything of the change is read or run."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    def commit(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", "change")

    script = (BOARD.parent / ".ci" / "leaderboard").read_text("utf-8")
    git("init", "--quiet", "--initial-branch", "main")
    first = {"README.md": "", "leaderboard/wiki/1Mchars/static/first/bench.json": "{}"}
    commit({".ci/leaderboard": script, "Makefile": "%:\n\techo started\n", **first})
    git("checkout", "--quiet", "-b", "change")
    commit(REFUSED[change])
    git("checkout", "--quiet", "main")
    ended = subprocess.run(
        ["bash", ".ci/leaderboard", "main", "change"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout.startswith("refused: ")
    assert "started" not in ended.stdout
