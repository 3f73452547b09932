"""Plugins are found without being imported, and one that is broken says which plugin is responsible."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from torch import nn

from textgen.registry import registry
from textgen.registry.plugin_kinds import fault, kinds_of
from textgen.registry.registry import PluginError

Install = Callable[[str, str, str], None]
TOY = "[textgen.cleaners]\ntoy = toys:Toy\n"


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


def test_a_class_is_known_by_its_methods() -> None:
    class Stateful:
        def start(self) -> None: ...

    class Reader:
        def read(self) -> None: ...

    class Net(nn.Module):
        def initial_state(self) -> None: ...

    assert kinds_of(Reader) == ["corpus"]
    assert fault("sampler", Stateful) is None
    assert fault("cleaner", Reader) == "Reader has no clean"
    assert fault("model", Net) == "Net has no forward"
    assert fault("model", Reader) == "Reader has no initial_state and no forward and no state_dict"
    assert fault("model", 3) == "a model is a class, not int 3"
    assert fault("lexicon", 3) == "a lexicon is a function, not int 3"
    assert fault("backend", 3) == "a backend is a function, not int 3"
    assert fault("backend", Reader) is None
