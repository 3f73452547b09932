"""What is searched: what components declare, what the user chooses, and values that can be pasted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le

from textgen.contracts import Search, TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.options import declared_options
from textgen.registry.registry import names
from textgen_tune.result import Dimension
from textgen_tune.search_space import Candidate, dimensions, spell
from textgen_tune.search_space import candidates as entry_candidates


class Toy:
    """A component with an option of every kind."""

    def __init__(
        self,
        *,
        rate: Annotated[float, Gt(0), Search(1e-4, 1e-1, log=True)] = 0.0035,
        size: Annotated[int, Ge(1), Search(16, 128, log=True, step=16)] = 200,
        share: Annotated[float, Ge(0), Le(1), Search()] = 0.25,
        kind: Annotated[Literal["a", "b"], Search()] = "a",
        tied: Annotated[bool, Search()] = True,
        drop: Annotated[Annotated[float, Ge(0)] | None, Search(values=(0.0, 0.1))] = None,
        open_end: Annotated[float, Ge(0)] = 1.0,
        name: str = "",
    ) -> None: ...


def candidates(*fixed: str) -> list[Candidate]:
    return [
        Candidate(option.name, "toy", option, option.default, is_fixed=option.name in fixed)
        for option in declared_options(Toy).values()
    ]


def searched(chosen: str | None = None, *fixed: str) -> dict[str, Dimension]:
    return {each.option: each for each in dimensions(candidates(*fixed), chosen, "toy")}


def test_options_with_a_search_space_are_searched() -> None:
    found = searched()
    assert list(found) == ["rate", "size", "share", "kind", "tied", "drop"]
    assert found["kind"].values == ("a", "b")
    assert found["tied"].values == (True, False)
    assert found["drop"].values == (None, 0.0, 0.1)
    assert (found["share"].low, found["share"].high) == (0.0, 1.0)
    assert (found["size"].low, found["size"].high) == (16, 200)  # widened to hold the default
    assert all(each.start == each.default for each in found.values())


@pytest.mark.parametrize(
    ("option", "drawn", "tried"),
    [
        ("rate", 0.00123456, 0.0012),
        ("rate", 0.0999, 0.1),
        ("rate", 0.0035, 0.0035),
        ("share", 0.29999999999999999, 0.3),
        ("size", 55, 48),
        ("size", 200, 200),
        ("kind", "b", "b"),
        ("drop", None, None),
    ],
)
def test_what_is_drawn_becomes_a_round_value(option: str, drawn: Any, tried: Any) -> None:
    rounded = searched()[option].rounded(drawn)
    assert (rounded, type(rounded)) == (tried, type(tried))


REFINING = ("match", "mix")


@pytest.mark.parametrize(
    "entry",
    [f"char-{'ngram+' * (model in REFINING)}{model}" for model in names("model") if model != "uniform"],
)
def test_every_value_of_the_bundled_parts_can_be_pasted(entry: str) -> None:
    parsed = parse_entry(entry)
    found = dimensions(entry_candidates(parsed), None, entry)
    start = {each.option: each.start for each in found}
    assert spell(entry, found, start) == entry
    for each in found:
        for value in each.values or (each.low, each.rounded((each.low + each.high) / 3), each.high):
            again = parse_entry(spell(entry, found, {**start, each.option: value}))
            read = [value for options in again.options.values() for value in options.values()]
            assert read == ([] if value == each.default else [value])


def test_an_option_of_two_parts_is_qualified() -> None:
    found = [each.name for each in entry_candidates(parse_entry("word-lstm-word2vec"))]
    assert "tokenizer.min_count" in found
    assert "embedding.min_count" in found
    entry = parse_entry("word-lstm-word2vec:embedding.min_count=3")
    fixed = [each.name for each in entry_candidates(entry) if each.is_fixed]
    assert fixed == ["embedding.min_count"]


def test_search_chooses_and_narrows() -> None:
    found = searched("rate=1e-3..1e-2,kind,open_end=0..4,drop=none|0.5")
    assert list(found) == ["rate", "kind", "open_end", "drop"]
    assert (found["rate"].low, found["rate"].high, found["rate"].log) == (1e-3, 1e-2, True)
    assert (found["open_end"].low, found["open_end"].high, found["open_end"].log) == (0.0, 4.0, False)
    assert found["drop"].values == (None, 0.5)


def test_a_range_without_the_default_starts_next_to_it() -> None:
    rate = searched("rate=1e-2..1e-1")["rate"]
    assert (rate.default, rate.start) == (0.0035, 0.01)
    assert searched("drop=0.2|0.3")["drop"].start == 0.2


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("rat", "unknown option 'rat'; did you mean 'rate'?"),
        ("rate=0..1", "toy option rate=0: input should be greater than 0"),
        ("rate=a..b", "toy option rate=a: input should be a valid number"),
        ("rate=1..0.1", "leaves nothing to choose"),
        ("rate=0.1", "leaves nothing to choose"),
        ("kind=c|a", "toy option kind=c: input should be 'a' or 'b'"),
        ("kind=a..b", "is not a range of numbers"),
        ("open_end", "open_end has no range of its own; give one, such as open_end=LOW..HIGH"),
        ("name", "name has no range of its own"),
        ("rate,rate", "rate is given twice"),
        ("size", "size already has a value in 'toy'"),
        ("", "'toy' has no options left to search"),
    ],
)
def test_a_meaningless_search_is_a_one_line_error(chosen: str, message: str) -> None:
    with pytest.raises(TextgenError) as caught:
        searched(chosen, "size" if chosen == "size" else "none")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_options_of_each_member_of_a_mixture_are_searched_under_its_name() -> None:
    names = {each.name for each in entry_candidates(parse_entry("char-lstm+gru+ngram"))}
    assert {"lstm.hidden_size", "gru.hidden_size", "order", "learning_rate"} <= names
    assert "hidden_size" not in names
