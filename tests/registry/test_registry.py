"""Plugins are found without being imported, and one that is broken says which plugin is responsible."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from textgen.contracts import TextgenError
from textgen.registry import registry
from textgen.registry.registry import PluginError

Install = Callable[[str, str, str], None]
TOY = "[textgen.cleaners]\ntoy = toys:Toy\n"
TOY_CODE = "class Toy:\n    answer = 42\n    def clean(self, text): return text\n"


def test_a_plugin_of_another_distribution_is_found_and_loaded(install: Install) -> None:
    install("toys", TOY, TOY_CODE)
    assert "toy" in registry.names("cleaner")
    assert registry.names("cleaner") == sorted(registry.names("cleaner"))
    assert registry.load("cleaner", "toy").answer == 42
    assert registry.load("cleaner", "toy") is registry.load("cleaner", "toy")
    assert str(registry.find("cleaner", "toy")) == "cleaner 'toy' (toys:Toy, from toys 1.0)"
    assert "toy" not in registry.names("tokenizer")


def test_listing_imports_nothing(install: Install) -> None:
    install("toys", TOY, "raise RuntimeError('imported')")
    for kind in registry.KINDS:
        assert registry.names(kind) == sorted({plugin.name for plugin in registry.plugins(kind)})
    registry.find("cleaner", "toy")
    assert "toys" not in sys.modules


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("from os import no_such_name", "ImportError: cannot import name 'no_such_name' from 'os'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "AttributeError: module 'toys' has no attribute 'Toy'"),
        ("def", "SyntaxError: "),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("class Quits(BaseException): pass\nraise Quits", "Quits"),
    ],
)
def test_a_broken_plugin_is_named_and_others_keep_working(install: Install, code: str, reason: str) -> None:
    install("toys", TOY + "good = fine:Good", code)
    install("fine", "", TOY_CODE.replace("Toy", "Good"))
    with pytest.raises(PluginError) as caught:
        registry.load("cleaner", "toy")
    message = str(caught.value)
    assert message.startswith(f"cleaner 'toy' (toys:Toy, from toys 1.0) cannot be loaded: {reason}")
    assert "\n" not in message
    assert registry.load("cleaner", "good").__name__ == "Good"
    assert registry.load("model", "lstm").__name__ == "LSTM"


def test_control_c_during_an_import_is_not_a_plugin_error(install: Install) -> None:
    install("toys", TOY, "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        registry.load("cleaner", "toy")


def test_a_name_that_two_distributions_claim_belongs_to_neither(install: Install) -> None:
    install("toys", TOY, "class Toy: pass")
    install("more-toys", "[textgen.cleaners]\ntoy = other:Toy\nball = other:Ball", "")
    assert registry.names("cleaner").count("toy") == 1
    for use in (registry.find, registry.load):
        with pytest.raises(PluginError) as caught:
            use("cleaner", "toy")
        assert str(caught.value) == (
            "cleaner 'toy' is claimed by more-toys (other:Toy) and toys (toys:Toy); uninstall one of them"
        )
    assert registry.find("cleaner", "ball").distribution == "more-toys"
    assert registry.load("model", "lstm").__name__ == "LSTM"


def test_a_bundled_name_cannot_be_taken_over(install: Install) -> None:
    install("toys", "[textgen.models]\nlstm = toys:Toy", "class Toy: pass")
    with pytest.raises(PluginError, match=r"^model 'lstm' is claimed by textgen-bench .* and toys "):
        registry.load("model", "lstm")


def test_an_unknown_name_gets_the_nearest_match_and_the_list() -> None:
    with pytest.raises(TextgenError) as caught:
        registry.load("sampler", "topk")
    known = ", ".join(registry.names("sampler"))
    assert str(caught.value) == f"unknown sampler 'topk'; did you mean 'top-k'? known: {known}"
    assert registry.unknown("thing", "xyz", ["b", "a"]) == "unknown thing 'xyz'; known: a, b"
    assert registry.unknown("thing", "xyz", []) == "unknown thing 'xyz'; known: none"


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_bundled_plugin_loads(kind: str) -> None:
    assert registry.names(kind)
    for name in registry.names(kind):
        assert registry.load(kind, name) is not None
