"""What `textgen plugins` says of a plugin: where it is, its options in words, what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, doc

from textgen.contracts import TextgenError
from textgen.library.components import chosen, description, type_name
from textgen.registry.options import declared_options
from textgen.registry.plugin_kinds import STRINGS
from textgen.registry.registry import KINDS, find, load, plugins


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (Annotated[int, Ge(1)], "int ≥ 1"),
        (Annotated[Annotated[float, Gt(0), Le(1)] | None, doc("help")], "float > 0, ≤ 1 or none"),
        (Literal["auto", "full"], "auto | full"),
    ],
)
def test_a_type_is_described_in_words(annotation: Any, text: str) -> None:
    assert type_name(annotation) == text


def test_every_bundled_plugin_describes_itself_and_each_option() -> None:
    for plugin in [each for kind in KINDS if kind not in STRINGS for each in plugins(kind)]:
        told = description(find(plugin.kind, plugin.name))
        json.dumps(told)
        assert told["description"]
        line = Path(told["file"]).read_text("utf-8").splitlines()[told["line"] - 1]
        assert line.startswith(("class ", "def ", "@"))
        component = load(plugin.kind, plugin.name)
        options = list(declared_options(component)) if isinstance(component, type) else []
        assert [row["option"] for row in told["options"]] == options
        assert [row["option"] for row in told["options"] if not row["help"]] == []


def test_a_model_shows_its_training_options_with_their_search_space_unless_it_counts() -> None:
    told = description(find("model", "lstm"))
    search = {row["option"]: row["search"] for row in (*told["options"], *told["training"])}
    assert search["num_layers"] == "1..4"
    assert search["dropout"] == "none | 0 | 0.1 | 0.2 | 0.3 | 0.5"
    assert search["tie_weights"] == "every value"
    assert search["weight_decay"] == "0..1"
    assert search["num_validations"] == ""
    batch_size = load("model", "transformer").recommended_training["batch_size"]
    defaults = {
        row["option"]: row["default"] for row in description(find("model", "transformer"))["training"]
    }
    assert defaults["batch_size"] == batch_size
    assert description(find("model", "ngram"))["training"] == []


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
