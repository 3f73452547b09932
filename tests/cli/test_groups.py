"""Groups of options on the command line: an option for each field, with its help, default and bounds."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import typer

from textgen.cli.options import grouped
from textgen.library.options import ClusterOptions, SampleOptions, SearchOptions, TextOptions, field_docs


def parsed(command: Any, *words: str) -> None:
    app = typer.Typer()
    app.command()(command)
    app([*words], standalone_mode=False)


@pytest.mark.parametrize("group", [TextOptions, SampleOptions, SearchOptions, ClusterOptions])
def test_options_that_are_not_given_are_those_of_the_group(group: Any) -> None:
    taken = []

    def command(options: Any) -> None:
        taken.append(options)

    command.__annotations__["options"] = group
    parsed(grouped(command))
    (options,) = taken
    for field in fields(group):
        value = getattr(options, field.name)
        assert value in (field.default, [field.default])
        assert field_docs(group)[field.name].endswith(".")
