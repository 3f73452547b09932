"""What `textgen plugins` says of a plugin: where it is, its options in words, what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, doc

from helpers.commands import run_textgen
from textgen.contracts import TextgenError
from textgen.library.components import chosen, command_rows, description, listing, option_rows, type_name
from textgen.registry.options import declared_options
from textgen.registry.plugin_kinds import STRINGS
from textgen.registry.registry import KINDS, find, load, plugins
from textgen_kit.check import checked

Install = Callable[[str, str, str], None]


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (Annotated[int, Ge(1)], "int ≥ 1"),
        (Annotated[float, Gt(0), Le(1)], "float > 0, ≤ 1"),
        (Annotated[Annotated[float, Gt(0)] | None, doc("help")], "float > 0 or none"),
        (Literal["auto", "full"], "auto | full"),
        (str | None, "str or none"),
    ],
)
def test_a_type_is_described_in_words(annotation: Any, text: str) -> None:
    assert type_name(annotation) == text


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, plugin.name) for kind in KINDS for plugin in plugins(kind) if kind not in STRINGS],
)
def test_every_bundled_plugin_describes_itself_and_each_option(kind: str, name: str) -> None:
    told = description(find(kind, name))
    json.dumps(told)
    assert told["description"]
    assert told["file"].endswith(".py")
    with open(told["file"], encoding="utf-8") as file:
        line = file.readlines()[told["line"] - 1]
    assert line.startswith(("class ", "def ", "@"))
    component = load(kind, name)
    if kind == "command":
        options = [row["option"] for row in command_rows(component)]
        assert options
        assert "context" not in options
    else:
        options = list(declared_options(component)) if isinstance(component, type) else []
    assert [row["option"] for row in told["options"]] == options
    assert [row["option"] for row in told["options"] if not row["help"]] == []


def test_the_help_of_an_option_is_in_its_annotation() -> None:
    class Toy:
        def __init__(
            self,
            size: Annotated[Annotated[int, Ge(1)] | None, doc("How large it is.")] = 2,
            rate: float = 0.5,
        ) -> None: ...

    size, rate = option_rows(Toy)
    assert size | {"help": "How large it is."} == size
    assert rate == {"option": "rate", "type": "float", "default": 0.5, "search": "", "help": ""}


def test_the_search_space_is_shown_as_it_is_written() -> None:
    lstm, training = (
        {row["option"]: row["search"] for row in description(find("model", "lstm"))[part]}
        for part in ("options", "training")
    )
    assert lstm["num_layers"] == "1..4"
    assert lstm["dropout"] == "none | 0 | 0.1 | 0.2 | 0.3 | 0.5"
    assert lstm["tie_weights"] == "every value"
    assert training["learning_rate"].startswith("none | 0.0003 | 0.0006 | 0.001 | ")
    assert training["weight_decay"] == "0..1"
    assert training["num_validations"] == ""


def test_a_model_shows_its_training_options_unless_it_counts() -> None:
    training = {row["option"]: row for row in description(find("model", "transformer"))["training"]}
    assert (
        training["batch_size"]["default"] == load("model", "transformer").recommended_training["batch_size"]
    )
    assert training["learning_rate"]["help"]
    assert description(find("model", "ngram"))["training"] == []


def test_a_listed_plugin_has_a_problem_only_if_two_claim_its_name(install: Install) -> None:
    assert [row["problem"] for row in listing() if row["problem"]] == []
    install("toys", "[textgen.models]\nlstm = toys:Toy", "")
    problems = {row["distribution"]: row["problem"] for row in listing() if row["problem"]}
    assert set(problems) == {"toys", "textgen-bench"}
    assert "claimed by" in problems["toys"]


def test_a_name_selects_every_kind_that_has_it() -> None:
    assert [plugin.kind for plugin in chosen(["hf"], None)] == ["tokenizer", "yardstick"]
    assert [plugin.kind for plugin in chosen(["hf"], "yardstick")] == ["yardstick"]
    assert len(chosen([], None)) == sum(len(plugins(kind)) for kind in KINDS)
    for names, kind, message in (
        (["lstn"], None, "unknown plugin 'lstn'; did you mean 'lstm'?"),
        (["char"], "model", "unknown model 'char'"),
        ([], "modell", "unknown kind 'modell'; did you mean 'model'?"),
    ):
        with pytest.raises(TextgenError) as caught:
            chosen(names, kind)
        assert str(caught.value).startswith(message)


def test_a_plugin_that_cannot_be_loaded_fails_its_check(install: Install) -> None:
    install("toys", "[textgen.cleaners]\ntoy = toys:Toy", "import no_such_module")
    (result,) = checked(find("cleaner", "toy"), "toy")
    assert (result.check, result.status) == ("loads", "failed")
    assert "No module named 'no_such_module'" in result.reason


def test_check_prints_a_table_and_fails_if_one_does(tmp_path: Any) -> None:
    path = tmp_path / "mine.py"
    path.write_text('class Shout:\n    """Louder."""\n    def clean(self, text): return text + "!"\n')

    good = run_textgen("plugins", "check", "raw", "greedy")
    header, sampler, cleaner = [line.split("\t") for line in good.stdout.splitlines()]
    assert header == ["kind", "name", "result", "check", "reason"]
    assert sampler[:3] == ["sampler", "greedy", "passed"]
    assert cleaner[:3] == ["cleaner", "raw", "passed"]
    bad = run_textgen("plugins", "check", "shout", "raw", "--plugin", path, "--json", code=1)
    rows = json.loads(bad.stdout)["checks"]
    failed = [row for row in rows if row["status"] == "failed"]
    assert {row["name"] for row in failed} == {"shout"}
    assert any("twice" in row["check"] or "idempotent" in row["check"] for row in failed)
    assert {row["name"] for row in rows} == {"shout", "raw"}
