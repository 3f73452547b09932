"""An error is attributed to the plugin in whose code it arose, with the place in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from textgen.contracts import TextgenError
from textgen.registry.registry import describe_error, load, responsible_plugin

CODE = """
from textgen_cleaners.plain import Raw

class Toy:
    def clean(self, text):
        return 1 / 0

class Heir(Raw):
    def clean(self, text):
        return super().clean(text, 1)
"""
POINTS = "[textgen.cleaners]\ntoy = textgen_toys:Toy\nheir = textgen_toys:Heir\n"
Install = Callable[[str, str, str], None]


@pytest.fixture(autouse=True)
def toys(install: Install) -> None:
    """A distribution with two cleaners, of which one inherits from a bundled one."""
    install("textgen_toys", POINTS, CODE)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("toy", "failed: ZeroDivisionError: division by zero (textgen_toys.py, line 6)"),
        ("heir", "(textgen_toys.py, line 10)"),  # whose call does not fit what it inherits
    ],
)
def test_a_method_is_of_the_plugin_whose_class_it_is_in(name: str, told: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        load("cleaner", name)().clean("text")
    plugin, said = responsible_plugin(caught.value), describe_error(caught.value)
    assert plugin is not None
    assert plugin.name == name
    assert said.startswith(f"cleaner {name!r} (textgen_toys:{name.title()}, from textgen_toys 1.0) failed: ")
    assert said.endswith(told)


def test_an_error_outside_of_plugins_is_of_none_and_that_of_textgen_is_its_message() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert responsible_plugin(caught.value) is None
    assert describe_error(caught.value).startswith("ValueError: invalid literal")
    assert describe_error(TextgenError("what;\nremedy")) == "what; remedy"
