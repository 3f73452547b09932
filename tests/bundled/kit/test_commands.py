"""The checks of commands: a good one passes, and each fault is found."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from textgen.registry.registry import KINDS
from textgen_kit.runner import run_checks

Install = Callable[..., None]
GOOD = '''"""A command."""

from __future__ import annotations

from typing import Annotated

import typer


def shout(
    word: Annotated[str, typer.Argument(help="A word.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a word in capitals."""
    print(word.upper(), as_json)
'''
FAULTS = {
    ('"""Print a word in capitals."""', ""): "command-help",
    (', help="Print JSON."', ""): "command-help",
    ('Annotated[str, typer.Argument(help="A word.")]', "int | str"): "command-arguments",
    (': Annotated[str, typer.Argument(help="A word.")]', ""): "command-arguments",
    ("Annotated[bool, ", "Annotated[str, "): "command-json",
    ("import typer", "import numpy\nimport typer"): "command-light",
}


def statuses(install: Install, code: str) -> dict[str, str]:
    install("shouting", f"[{KINDS['command']}]\nshout = shouting:shout\n", code)
    component: Any = import_module("shouting").shout
    return {each.check: each.status for each in run_checks("command", component)}


def test_a_good_command_passes_every_check(install: Install) -> None:
    assert set(statuses(install, GOOD).values()) == {"passed"}


@pytest.mark.parametrize(("fault", "check"), FAULTS.items())
def test_a_fault_is_found(fault: tuple[str, str], check: str, install: Install) -> None:
    assert GOOD.count(fault[0]) == 1
    assert statuses(install, GOOD.replace(*fault))[check] == "failed"


def test_a_command_without_json_or_of_this_program_is_not_refused(tmp_path: Path) -> None:
    def touch(name: Annotated[str, typer.Argument(help="A name.")]) -> None:
        """Make a file."""
        (tmp_path / name).touch()

    touch.__annotations__ = {"name": Annotated[str, typer.Argument(help="A name.")], "return": None}
    results = {each.check: each for each in run_checks("command", touch)}
    assert results["command-json"].status == "skipped"
    assert results["command-arguments"].status == "passed"
