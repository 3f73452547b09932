"""Reviews of several submissions at once, and what is refused before any work is done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers.boards import BUDGET, BY
from helpers.commands import run_textgen as textgen
from textgen_verify import leaderboard, review
from textgen_verify.board.folders import folder_at

pytestmark = pytest.mark.slow

TABLE = f"news/{BUDGET}/static"


def test_submissions_that_are_reviewed_together_are_compared(board: Path, tmp_path: Path) -> None:
    comment = tmp_path / "comment.md"
    textgen("review", board, "--quiet", "--comment", comment)
    parts = comment.read_text("utf-8").split("### ")[1:]
    places = [part.partition(": place ")[2].partition(".")[0] for part in parts]
    assert sorted(places) == ["1 of 3", "2 of 3", "3 of 3"]
    assert [part.count("\n| `") for part in parts] == [2, 2, 2]
    assert not any(folder_at(path).review for path in (board / TABLE).iterdir())


def test_an_entry_that_was_reviewed_keeps_its_review_beside_a_copy(board: Path) -> None:
    textgen("review", board, "--save", "--quiet")
    copy = board / TABLE / "a-copy"
    shutil.copytree(board / TABLE / "char-ngram", copy)
    (copy / "review.json").unlink()
    said = textgen("review", board, "--save", "--quiet", code=1).stdout
    assert f"refused {copy}: its bits are those of char-ngram: it is the same entry\n" in said
    assert said.count("refused ") == 1
    assert folder_at(board / TABLE / "char-ngram").review


@pytest.mark.long
def test_a_text_may_be_a_file_relative_to_where_a_review_begins(
    board: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared)
    path, text = board / TABLE / "char-ngram", str(shared / "text.txt")
    for file in (board / "leaderboard.toml", path / "README.md"):
        file.write_text(file.read_text("utf-8").replace(text, "text.txt"), "utf-8")
    (found,) = review([path], again=BUDGET)
    assert (found.refused, found.state) == ((), "reproduced")


def test_an_entry_that_nobody_has_reviewed_leads_nothing(board: Path) -> None:
    said = textgen("leaderboard", board).stdout
    assert "**There are no reviewed submissions.**" in said
    assert "| claimed " in said
    assert "## First of each table" not in said
    (standing,) = leaderboard(board).standings
    textgen("review", board / TABLE / standing.places[0].name, "--save", "--quiet")
    assert f"First of a table: {standing.places[0].entry} in 1 of 1" in textgen("leaderboard", board).stdout


def test_what_cannot_be_written_is_refused_before_any_work(board: Path, shared: Path, tmp_path: Path) -> None:
    comment = tmp_path / "missing" / "comment.md"
    done = textgen("review", board, "--comment", comment, code=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"there is no folder '{comment.parent}'; make it first" in done.stderr
    before = sorted(board.rglob("*"))
    for name in ("../x", "a b", ".."):
        said = textgen("submit", shared / "bench", "--board", board, "--name", name, *BY, code=2).stderr
        assert f"--name {name!r} has other characters than letters, digits and -_.=" in said
    assert sorted(board.rglob("*")) == before


def test_a_leaderboard_without_submissions_is_said_to_have_none(board: Path) -> None:
    shutil.rmtree(board / "news")
    said = textgen("review", board, code=1).stdout
    assert (
        said == f"refused {board}: the leaderboard '{board}' has no submissions; make one: textgen submit\n"
    )
