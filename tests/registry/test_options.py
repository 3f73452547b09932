"""Options are read from signatures; a wrong one is answered in one line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Lt

from textgen.contracts import PretrainedVectors, TextgenError
from textgen.registry.options import declared_options, parse_assignments, write_value


class Toy:
    """A component with an option of every type, and arguments that are none."""

    def __init__(
        self,
        vocab_size: int,
        *,
        depth: Annotated[int, Ge(1)] = 2,
        rate: Annotated[float, Gt(0), Lt(1)] = 0.5,
        kind: Literal["narrow", "wide"] = "wide",
        tied: bool = True,
        limit: int | None = None,
        path: str = "",
        vectors: PretrainedVectors | None = None,
        sizes: tuple[int, ...] = (1, 2),
    ) -> None: ...


OPTIONS = declared_options(Toy)


def test_options_are_the_arguments_with_plain_defaults() -> None:
    assert list(OPTIONS) == ["depth", "rate", "kind", "tied", "limit", "path"]
    assert [option.default for option in OPTIONS.values()] == [2, 0.5, "wide", True, None, ""]
    assert declared_options(object) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("depth", "3", 3),
        ("rate", "0.25", 0.25),
        ("kind", "narrow", "narrow"),
        ("tied", "false", False),
        ("tied", "yes", True),
        ("limit", "7", 7),
        ("limit", "None", None),
        ("path", "/a/b.txt", "/a/b.txt"),
        ("path", "none", "none"),
    ],
)
def test_a_value_is_read_as_the_type_of_its_option(name: str, text: str, value: Any) -> None:
    read = OPTIONS[name].parse("toy", text)
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("depth", "0", "input should be greater than or equal to 1"),
        ("depth", "1.5", "input should be a valid integer"),
        ("rate", "1", "input should be less than 1"),
        ("rate", "0", "input should be greater than 0"),
        ("rate", "inf", "input should be a finite number"),
        ("kind", "tall", "input should be 'narrow' or 'wide'"),
        ("tied", "maybe", "input should be a valid boolean"),
    ],
)
def test_a_wrong_value_is_a_one_line_error_with_the_reason_and_the_default(
    name: str, text: str, reason: str
) -> None:
    with pytest.raises(TextgenError) as caught:
        OPTIONS[name].parse("model 'toy'", text)
    message = str(caught.value)
    assert message.startswith(f"model 'toy' option {name}={text}: {reason}")
    assert message.endswith(f"(the default is {write_value(OPTIONS[name].default)})")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "assignments"),
    [
        ("", {}),
        ("a=1,b=two", {"a": "1", "b": "two"}),
        (" a = 1 , b = 2 ,", {"a": "1", "b": "2"}),
        ("path=x=y", {"path": "x=y"}),
        ("a=", {"a": ""}),
        ('a="x,y=2",b=3', {"a": "x,y=2", "b": "3"}),
        ('a="x",b="', {"a": "x", "b": '"'}),
        ('a=x"y,z"', {"a": 'x"y,z"'}),
    ],
)
def test_assignments(text: str, assignments: dict[str, str]) -> None:
    assert parse_assignments("sampler 'toy'", text) == assignments


def test_a_written_value_is_read_as_the_same() -> None:
    for value in ("runs/a", "runs/a,b=1", ""):
        assert parse_assignments("x", f"start={write_value(value)},b=1") == {"start": value, "b": "1"}


@pytest.mark.parametrize("text", ["a", "=1", "a=1,b", "a=1, =2"])
def test_what_is_not_an_assignment_is_an_error(text: str) -> None:
    with pytest.raises(TextgenError, match=r"^sampler 'toy': cannot read option .*; write option=value"):
        parse_assignments("sampler 'toy'", text)
