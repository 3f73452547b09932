"""`textgen submit`, `review` and `leaderboard`: entries of anybody, in a folder under version control."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.completion import complete_result
from textgen.cli.console import print_json
from textgen.cli.options import NO_METAVAR, Json, Quiet, list_plugins
from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, results, say, visible_in

Board = Annotated[Path, typer.Option("--board", help="Folder of the leaderboard.")]
BOARD = Path("leaderboard")


def submit(
    result: Annotated[
        str,
        typer.Argument(
            help="A bench or a run in it: its folder, name, or latest.", autocompletion=complete_result
        ),
    ],
    entry: Annotated[
        list[str] | None,
        typer.Option("--entry", help="Entry of the bench; repeatable.", show_default="all of them"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Folder of a single entry.", show_default="that of the entry")
    ] = None,
    author: Annotated[str, typer.Option("--author", help="Who submits it.", show_default=False)] = "",
    about: Annotated[
        str, typer.Option("--about", help="A few lines on the entry.", show_default="to be written")
    ] = "",
    board: Board = BOARD,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", help="Plugin file that an entry uses; repeatable.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the folder of a submission to a leaderboard, and say what it lacks."""
    list_plugins([])
    import textgen_verify

    made = textgen_verify.submit(
        result, entries=entry or (), name=name, author=author, about=about, board=board, plugins=plugin or ()
    )
    if as_json:
        print_json({"submissions": made})
        return
    for each in made:
        say(each.folder)
        for problem in each.missing:
            say(f"  missing: {problem}")


def review(
    folders: Annotated[list[Path], typer.Argument(help="Submissions, or a whole leaderboard.")],
    again: Annotated[
        str | None,
        typer.Option(
            "--again", help="Train budgets up to this one again: 1Mchars, or 1m.", show_default="none"
        ),
    ] = None,
    run_plugins: Annotated[
        bool,
        typer.Option(
            "--run-plugins",
            metavar=NO_METAVAR,
            help="Also train entries with plugin files, which is code of others with your rights.",
        ),
    ] = False,
    save: Annotated[
        bool,
        typer.Option(
            "--save",
            metavar=NO_METAVAR,
            help="Write what is found beside each submission, as those who keep a leaderboard do.",
        ),
    ] = False,
    comment: Annotated[
        Path | None,
        typer.Option("--comment", help="Markdown file with the comparisons.", show_default="none"),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check submissions, compute their numbers again, and compare them with the others of their tables."""
    list_plugins([])
    import textgen_verify
    from textgen.runtime.storage.files import write_file

    if run_plugins and again is None:
        raise UsageError("--run-plugins has no effect without --again; leave it out")
    _check_folder(comment, "--comment")
    tell = (lambda line: None) if quiet else note
    found = textgen_verify.review(folders, again=again, run_plugins=run_plugins, save=save, tell=tell)
    if comment is not None:
        write_file(comment, "\n\n".join(each.comment for each in found if each.comment) + "\n")
    if as_json:
        print_json({"submissions": found})
    else:
        for each in found:
            for line in each.notes:
                say(f"{each.submission}: {line}")
            for reason in each.refused:
                say(f"refused {each.submission}: {reason}")
            if not each.refused:
                say(f"{each.state} {each.submission}")
    if refused := sum(bool(each.refused) for each in found):
        raise TextgenError(f"{refused} of {len(found)} submissions refused")


def leaderboard(
    board: Annotated[Path, typer.Argument(help="Folder of the leaderboard.")] = BOARD,
    page: Annotated[
        Path | None, typer.Option("--page", help="Also draw it on this page.", show_default="none")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the tables of a leaderboard: scores, states, and who beats whom."""
    list_plugins([])
    import textgen_verify
    from textgen.library.console import VisibleConsole
    from textgen.reports.html import to_html
    from textgen.reports.markdown import to_markdown
    from textgen.reports.terminal import render
    from textgen.runtime.storage.files import write_file
    from textgen_verify.board.page import board_report

    _check_folder(page, "--page")
    found = textgen_verify.leaderboard(board)
    if page is not None:
        write_file(page, to_html(board_report(found)))
    if as_json:
        print_json(found)
    elif results().isatty():
        render(board_report(visible_in(found)), VisibleConsole())
    else:
        say(to_markdown(board_report(found)), end="")
    if page is not None:
        note(f"page: {page}")


def _check_folder(path: Path | None, option: str) -> None:
    """Raise `UsageError` before any work if the folder of a file to write is missing."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {str(path)!r}: there is no folder {str(path.parent)!r}; make it first")
