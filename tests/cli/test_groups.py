"""Groups of options on the command line: an option for each field, with its help, default and bounds."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

import pytest
import typer

from textgen.cli.options import grouped
from textgen.registry.registry import names
from textgen.requests import BenchRequest, ClusterOptions, Option, SampleOptions, TextOptions, TrainRequest
from textgen_suites.request import SuiteRequest
from textgen_tune.request import SearchOptions, TuneRequest


def parsed(command: Any, *words: str) -> None:
    app = typer.Typer()
    app.command()(command)
    app([*words], standalone_mode=False)


def test_only_the_named_fields_become_options() -> None:
    taken = []

    @grouped
    def command(
        text: Annotated[TextOptions, "corpus", "max_chars"], samples: Annotated[SampleOptions, "prompt"]
    ) -> None:
        taken.append((text, samples))

    parsed(command, "--corpus", "lee", "--corpus", "wiki", "--max-chars", "9", "--prompt", "The")
    assert taken == [(TextOptions(["lee", "wiki"], max_chars=9), SampleOptions(prompt=["The"]))]
    with pytest.raises(Exception, match="No such option: --clean"):
        parsed(command, "--clean", "raw")


REQUESTS = [BenchRequest, SuiteRequest, TrainRequest, TuneRequest]
GROUPS = [TextOptions, SampleOptions, SearchOptions, ClusterOptions]


@pytest.mark.parametrize("request_class", [*REQUESTS, *GROUPS])
def test_every_option_of_a_request_has_a_help(request_class: Any) -> None:
    groups = {field.name for field in fields(request_class) if is_dataclass(field.default)}
    hints = get_type_hints(request_class, include_extras=True)
    told = [get_args(hints[field.name])[1] for field in fields(request_class) if field.name not in groups]
    assert all(isinstance(each, Option) and each.help.endswith(".") for each in told)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A request, as that of a plugin."""

    heading: ClassVar[str] = "Counting"
    word: Annotated[str, Option("A word.", is_argument=True, completes=("one", "two"))]
    most: Annotated[int | None, Option("At most N.", min=2, max=9, default="as many as there are")] = None
    by: Annotated[str, Option("A sampler.", completes="sampler", metavar="SAMPLER")] = "greedy"
    loud: Annotated[bool, Option("Say more.")] = False


def test_the_fields_of_a_request_say_what_their_options_complete_and_show() -> None:
    def command(request: Own) -> None:
        assert request == Own(word="one", most=2)

    app = typer.Typer()
    app.command()(grouped(command))
    app(["one", "--most", "2"], standalone_mode=False)
    with pytest.raises(Exception, match="2"):
        app(["one", "--most", "1"], standalone_mode=False)
    made: Any = typer.main.get_command(app)
    word, most, by, loud = made.params[:4]
    context = made.make_context("command", ["one"])
    completed = [[each.value for each in option.shell_complete(context, "t")] for option in (word, by)]
    assert completed == [["two"], [name for name in names("sampler") if name[0] == "t"]]
    assert (most.show_default, by.metavar, loud.metavar) == ("as many as there are", "SAMPLER", "")
    assert {option.rich_help_panel for option in (word, most, by, loud)} == {"Counting"}
