"""A leaderboard as it is in its folder: what can be read of it, judged."""

from __future__ import annotations

from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen_verify.board.check import lacks
from textgen_verify.board.folders import Folder, find_submissions
from textgen_verify.board.rules import read_rules
from textgen_verify.board.standings import Board, standings_of


def read_board(board: Path) -> Board:
    """Return the standings of the leaderboard in a folder; raises `TextgenError` if there is none."""
    rules, kept, unread = read_rules(board), list[Folder](), list[str]()
    for folder in find_submissions(board):
        try:
            problems = list(lacks(folder, rules))
        except TextgenError as error:
            problems = [one_line(error)]
        if problems:
            unread.append(f"{folder.label}: {problems[0]}")
        else:
            kept.append(folder)
    return Board(standings=tuple(standings_of(kept, rules)), unread=tuple(unread))
