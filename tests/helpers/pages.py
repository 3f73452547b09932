"""The pages of the repository in Markdown: their commands, links and tables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import typer.main

from textgen.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "AGENTS.md", "CHANGELOG.md")),
        *(path for folder in ("benchmarks", "docs") for path in (ROOT / folder).glob("*.md")),
    ]
)


def read_page(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def shell_lines(text: str) -> list[str]:
    return [
        line.strip()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.strip().startswith("#")
    ]


def textgen_lines(text: str) -> list[str]:
    return [line for line in shell_lines(text) if Path(shlex.split(line)[0]).name == "textgen"]


def inline_commands(text: str) -> list[str]:
    """Return the commands of textgen that prose and tables quote, such as `textgen plugins`."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return [" ".join(code.split()) for code in re.findall(r"`(textgen [^`]+)`", prose)]


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that words name, such as `plugins show lstm`, and the rest of the words."""
    found: Any = typer.main.get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    return found, words


def parse_command(line: str) -> tuple[str, dict[str, Any]]:
    """Return the name of a command line's command and the values of its parameters.

    Unknown commands and options raise Typer's usage errors, as on the command line.
    """
    command, arguments = find_command(shlex.split(line, comments=True)[1:])
    assert not hasattr(command, "commands") or command.invoke_without_command, f"no such command: {line}"
    return str(command.name), command.make_context(command.name, arguments).params


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
