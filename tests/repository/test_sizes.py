"""Files and functions are short enough to be read at once, and packages have a budget of lines."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer.main

from textgen.cli.app import app

ROOT = Path(__file__).parent.parent.parent
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_LINES = {
    "cli": 1_317,
    "comparison": 1_188,
    "data": 2_610,
    "evaluation": 2_327,
    "experiment": 3_313,
    "generation": 690,
    "jobs": 814,
    "library": 2_000,
    "nn": 2_620,
    "page": 494,
    "registry": 1_039,
    "reports": 3_404,
    "results": 2_008,
    "runtime": 2_073,
    "training": 2_487,
    "workers": 853,
    "": 759,
}
"""Lines that each package of the core may have; the last one is for files outside of packages."""
MAX_CORE_LINES, MAX_LINES_WITH_PLUGINS = 29_998, 54_870
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


def num_lines(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def test_packages_keep_their_budgets() -> None:
    packages = {path.parent.name for path in (ROOT / "textgen").glob("*/__init__.py")}
    assert packages == MAX_LINES.keys() - {""}
    lines = {name: num_lines((ROOT / "textgen" / name).rglob("*.py")) for name in packages}
    lines[""] = num_lines((ROOT / "textgen").glob("*.py"))
    assert {name: number for name, number in lines.items() if number > MAX_LINES[name]} == {}
    plugins = [path for folder in ("plugins", "embeddings") for path in (ROOT / folder).rglob("*.py")]
    assert sum(lines.values()) + num_lines(plugins) <= MAX_LINES_WITH_PLUGINS


def test_the_budgets_sum_to_that_of_the_core() -> None:
    assert sum(MAX_LINES.values()) <= MAX_CORE_LINES
