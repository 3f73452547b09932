"""A leaderboard, read from its folder and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of
from textgen_verify.board.check import lacks
from textgen_verify.board.folders import Folder, find_submissions, folder_at
from textgen_verify.board.rules import Rules, read_rules
from textgen_verify.board.standings import Board, standings_of, table_of


def read_board(board: Path) -> Board:
    """Return the standings of the leaderboard in a folder; raises `TextgenError` if there is none."""
    rules, kept, unread = read_rules(board), list[Folder](), list[str]()
    for path in find_submissions(board):
        try:
            folder = folder_at(path)
            problems = list(lacks(folder, rules))
        except (TextgenError, OSError) as error:
            problems = [reason_of(error)]
        if problems:
            unread.append(f"{path.relative_to(board)}: {problems[0]}")
        else:
            kept.append(folder)
    return Board(standings=tuple(standings_of(kept, rules)), unread=tuple(unread))


def submissions_beside(folder: Folder, rules: Rules, known: Mapping[Path, Folder]) -> Iterator[Folder]:
    """Yield the submissions of the table of one, itself included, without those that cannot be read.

    `known` are submissions that a review has already found, by their folders; they are not read again.
    """
    for path in find_submissions(folder.board):
        with suppress(TextgenError, OSError):
            each = known[path] if path in known else folder_at(path)
            if table_of(each) == table_of(folder) and (path in known or not list(lacks(each, rules))):
                yield each
