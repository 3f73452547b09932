"""Write the table of commands into docs/command-line.md, from the command line itself: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from textgen.cli.app import app

PAGE = Path(__file__).with_name("command-line.md")
BEGIN, END = "<!-- commands -->\n", "<!-- /commands -->\n"


def table() -> str:
    """Return the table, with a row for each command."""
    return "\n".join(
        ["| command | what it does |", "| :-- | :-- |", *_rows(typer.main.get_command(app), ""), ""]
    )


def _rows(group: Any, above: str) -> Iterator[str]:
    for name in group.list_commands(typer.Context(group)):
        command = group.get_command(typer.Context(group), name)
        if hasattr(command, "list_commands"):
            if command.invoke_without_command:
                yield _row(f"{above}{name}", command)
            yield from _rows(command, f"{above}{name} ")
        else:
            yield _row(f"{above}{name}", command)


def _row(name: str, command: Any) -> str:
    return f"| `textgen {name}` | {(command.help or '').partition(chr(10))[0].strip()} |"


def written(page: str) -> str:
    """Return the page with the table."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
