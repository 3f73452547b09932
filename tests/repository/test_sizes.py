"""Files and functions are short enough to be read at once."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import typer.main

from textgen.cli.app import app

ROOT = Path(__file__).parent.parent.parent
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
FILES = [
    path
    for folder in ("textgen", "plugins", "embeddings", "benchmarks", "docs", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def command_names() -> set[str]:
    """Return the functions that are commands, also of plugins, whose lines are options."""
    group: Any = typer.main.get_command(app)
    commands = [*group.commands.values(), *group.commands["plugins"].commands.values()]
    return {inspect.unwrap(command.callback).__name__ for command in commands}


def long_functions(path: Path, commands: set[str]) -> dict[str, int]:
    """Return the lines of each function of a file that has too many and is not one of `commands`."""
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name not in commands
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    return {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}


def test_no_file_has_more_than_500_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_has_more_than_60_lines_but_commands() -> None:
    commands = command_names()
    folders = [ROOT / "textgen" / "cli", *(ROOT / "plugins").glob("textgen_*")]
    found = {
        str(path.relative_to(ROOT)): long_functions(path, commands if path.parent in folders else set())
        for path in FILES
    }
    assert {name: functions for name, functions in found.items() if functions} == {}
