"""An error is attributed to the plugin in whose code it arose, with the place in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from textgen.contracts import TextgenError
from textgen.registry.registry import contract_error, describe_error, load, responsible_plugin

CODE = """
from textgen_cleaners.plain import Raw

class Toy:
    def clean(self, text):
        return 1 / 0
    def call(self, function):
        return function()

class Heir(Raw):
    def clean(self, text):
        return super().clean(text, 1)

def clean(text):
    return text["x"]
"""
POINTS = "[textgen.cleaners]\ntoy = textgen_toys:Toy\nheir = textgen_toys:Heir\n"
Install = Callable[[str, str, str], None]


@pytest.fixture(autouse=True)
def toys(install: Install) -> None:
    """A distribution with two cleaners, of which one inherits from a bundled one."""
    install("textgen_toys", POINTS, CODE)


def raised(action: Callable[[], Any]) -> BaseException:
    """Return what an action raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        action()
    return caught.value


def responsible(error: BaseException) -> str | None:
    plugin = responsible_plugin(error)
    return plugin and plugin.name


def test_a_method_is_of_the_plugin_whose_class_it_is_in() -> None:
    error = raised(lambda: load("cleaner", "toy")().clean("text"))
    assert responsible(error) == "toy"
    assert describe_error(error) == (
        "cleaner 'toy' (textgen_toys:Toy, from textgen_toys 1.0) failed: ZeroDivisionError: "
        "division by zero (textgen_toys.py, line 6)"
    )


def test_an_heir_is_responsible_for_what_it_makes_of_what_it_inherits() -> None:
    error = raised(lambda: load("cleaner", "heir")().clean("text"))
    assert responsible(error) == "heir"
    assert describe_error(error).endswith("(textgen_toys.py, line 12)")


def test_an_error_outside_of_plugins_is_of_none_and_that_of_textgen_is_its_message() -> None:
    error = raised(lambda: int("x"))
    assert responsible(error) is None
    assert describe_error(error).startswith("ValueError: invalid literal")
    assert describe_error(TextgenError("what;\nremedy")) == "what; remedy"


def test_a_broken_contract_names_the_plugin_or_the_class() -> None:
    toy = load("cleaner", "toy")
    for component in (toy, toy()):
        assert str(contract_error(component, "returned 3")) == (
            "cleaner 'toy' (textgen_toys:Toy, from textgen_toys 1.0) returned 3"
        )
    assert str(contract_error(object(), "returned 3")) == "builtins:object returned 3"
