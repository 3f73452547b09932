"""Plugins are found without being imported, and one that is broken says which plugin is responsible."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from torch import nn

from textgen.contracts import TextgenError
from textgen.registry import registry
from textgen.registry.plugin_kinds import fault, kinds_of
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


def test_a_name_that_two_distributions_claim_belongs_to_neither(install: Install) -> None:
    install("toys", TOY, "class Toy: pass")
    install("more-toys", "[textgen.cleaners]\ntoy = other:Toy\nball = other:Ball", "")
    assert registry.names("cleaner").count("toy") == 1
    for use in (registry.find, registry.load):
        with pytest.raises(PluginError) as caught:
            use("cleaner", "toy")
        owners = "more-toys (other:Toy) and toys (toys:Toy)"
        assert str(caught.value) == f"cleaner 'toy' is claimed by {owners}; rename or uninstall one of them"
    assert registry.find("cleaner", "ball").distribution == "more-toys"
    assert registry.load("model", "lstm").__name__ == "LSTM"


def test_an_unknown_name_gets_the_nearest_match_and_the_list() -> None:
    with pytest.raises(TextgenError) as caught:
        registry.load("sampler", "topk")
    known = ", ".join(registry.names("sampler"))
    assert str(caught.value) == f"unknown sampler 'topk'; did you mean 'top-k'? known: {known}"


# --- kinds


def test_a_class_is_known_by_its_methods() -> None:
    class Stateful:
        def start(self) -> None: ...

    class Reader:
        def read(self) -> None: ...

    class Net(nn.Module):
        def initial_state(self) -> None: ...

    assert kinds_of(Reader) == ["corpus"]
    assert fault("sampler", Stateful) is None
    assert fault("cleaner", Reader) == "Reader lacks clean"
    assert fault("model", Net) == "Net lacks forward"
    assert fault("model", Reader) == "Reader lacks initial_state and forward and state_dict"
    assert fault("model", 3) == "a model is a class, not int 3"
    assert fault("lexicon", 3) == "a lexicon is a function, not int 3"
    assert fault("backend", 3) == "a backend is a function, not int 3"
    assert fault("backend", Reader) is None
