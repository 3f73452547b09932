"""Verification: the values of a saved result are computed again, from others in it or from its runs.

    from textgen_verify import verify

    assert verify("runs/three", runs=True).agrees

`textgen verify` does the same. `submit`, `review` and `leaderboard` are those of entries that others send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from textgen_verify.board.make import Made
    from textgen_verify.board.reviewer import Finding
    from textgen_verify.board.standings import Board
    from textgen_verify.verification import Verification, VerificationCheck

__all__ = ["leaderboard", "review", "submit", "verify"]


def verify(
    result: str | Path,
    *,
    runs: bool = False,
    device: str = "auto",
    on_check: Callable[[VerificationCheck], None] = lambda check: None,
) -> Verification:
    """Compute the values of a saved result again, from others in it or from its runs, and name the rest.

    `result` is a file, its folder, part of its name, or `latest`. The rows of a bench are compared with the
    files of its runs, if they are there. With `runs` the text is loaded again too, the saved runs score it on
    `device`, and what they wrote is measured. `on_check` is called after each check. Raises `TextgenError` if
    the result is damaged or lacks its digest.
    """
    from textgen.runtime.messages import UsageError
    from textgen_verify.verification import Verification, VerifiedFiles, uncovered
    from textgen_verify.verifier import checks_of, find_result

    if device != "auto" and not runs:
        raise UsageError("device has no effect without runs; leave it out")
    files, checks = VerifiedFiles(find_result(result), device if runs else None), []
    for check in checks_of(files):
        checks.append(check)
        on_check(check)
    agrees = not any(check.disagreements for check in checks)
    return Verification(str(files.path), agrees, tuple(checks), uncovered(files.kinds, checks))


def submit(
    result: str | Path,
    *,
    entries: Sequence[str] = (),
    name: str | None = None,
    author: str = "",
    about: str = "",
    board: str | Path = "leaderboard",
    plugins: Sequence[str | Path] = (),
) -> list[Made]:
    """Make a folder in a leaderboard for entries of a saved bench, and say what each lacks.

    `result` is a bench or a run in it, `entries` are those of it to submit, or all; `name` is that of the
    folder of a single one. `author` is who submits them, and `about` says what they are. `board` is the
    folder of the leaderboard. `plugins` are the files that the entries use, which are copied. Raises
    `TextgenError` if it cannot be submitted.
    """
    from pathlib import Path

    from textgen_verify.board.check import lacks
    from textgen_verify.board.make import Made, Request, make_submissions
    from textgen_verify.board.rules import read_rules

    place = Path(board)
    files = tuple(map(Path, plugins))
    request = Request(
        result=str(result), entries=entries, name=name, plugins=files, author=author, about=about, board=place
    )
    rules = read_rules(place)
    return [
        Made(str(each.path), each.submission.entry, tuple(lacks(each, rules)))
        for each in make_submissions(request)
    ]


def review(
    folders: Sequence[str | Path],
    *,
    again: str | None = None,
    run_plugins: bool = False,
    save: bool = False,
    tell: Callable[[str], object] = lambda line: None,
) -> list[Finding]:
    """Check submissions and compute their numbers again; return what is found of each.

    `folders` are those of submissions, or of whole leaderboards. Those with a budget up to `again`, of its
    unit, are trained again, with plugin files only if `run_plugins`, since these are code of others. With
    `save`, what is found is written beside each. `tell` is called with the name of each. Raises
    `TextgenError` if a budget is invalid.
    """
    from pathlib import Path

    from textgen.training.budget import parse_budget
    from textgen_verify.board.reviewer import ReviewRequest, review_all

    if again is not None:
        parse_budget(again)
    places = [Path(each) for each in folders]
    request = ReviewRequest(folders=places, again=again, run_plugins=run_plugins, saves=save, tell=tell)
    return review_all(request)


def leaderboard(board: str | Path = "leaderboard") -> Board:
    """Return the tables of the leaderboard in the folder `board`, without submissions that cannot be read.

    Raises `TextgenError` if there is none.
    """
    from pathlib import Path

    from textgen_verify.board.reader import read_board

    return read_board(Path(board))
