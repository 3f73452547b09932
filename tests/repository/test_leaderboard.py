"""The leaderboard of the repository: each submission was reviewed, and follows from its rows."""

from __future__ import annotations

from pathlib import Path

from textgen_verify import leaderboard
from textgen_verify.board.folders import find_submissions, folder_at
from textgen_verify.board.reviewer import recomputed
from textgen_verify.board.rules import read_rules

BOARD = Path(__file__).parent.parent.parent / "leaderboard"


def test_every_submission_was_reviewed_and_follows_from_its_rows() -> None:
    submissions = list(map(folder_at, find_submissions(BOARD)))
    assert len(submissions) > 10
    assert {each.label: list(recomputed(each)) for each in submissions} == {
        each.label: [] for each in submissions
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
