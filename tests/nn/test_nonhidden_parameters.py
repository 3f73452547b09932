"""Parameters of input and output layers are known: from the model, from its layers, or by default."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from torch import nn

from textgen.nn.language_model import LanguageModel
from textgen.nn.layers import FullSoftmax
from textgen.registry.registry import PluginError

VOCAB_SIZE, SIZE = 50, 8


class Layers(nn.Module):
    """A model with an input, a hidden and an output layer; more may follow."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        self.input = nn.Embedding(VOCAB_SIZE, SIZE)
        self.hidden = nn.Linear(SIZE, SIZE)
        for name, layer in layers.items():
            setattr(self, name, layer)


def nonhidden(module: nn.Module) -> set[str]:
    """Return the names of the parameters that belong to no hidden layer."""
    found = {id(parameter) for parameter in LanguageModel(module, VOCAB_SIZE).nonhidden_parameters()}
    return {name for name, parameter in module.named_parameters() if id(parameter) in found}


OUTPUT = {"output.weight", "output.bias"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({"output": nn.Linear(SIZE, VOCAB_SIZE)}, OUTPUT),
        ({"output": FullSoftmax(SIZE, VOCAB_SIZE)}, OUTPUT),
        # Whatever follows it, and however many there are with one output per token.
        ({"first": nn.Linear(SIZE, VOCAB_SIZE), "output": nn.Linear(SIZE, VOCAB_SIZE)}, OUTPUT),
        ({"output": nn.Linear(SIZE, VOCAB_SIZE), "after": nn.Linear(SIZE, SIZE)}, OUTPUT),
        # A layer that says that it is the output leaves no other.
        ({"output": FullSoftmax(SIZE, VOCAB_SIZE), "wide": nn.Linear(SIZE, VOCAB_SIZE)}, OUTPUT),
        ({}, set()),  # as where the output is the input's weights
    ],
)
def test_the_output_layer_is_what_says_so_or_the_last_linear_one_over_the_vocabulary(
    layers: dict[str, nn.Module], expected: set[str]
) -> None:
    assert nonhidden(Layers(**layers)) == {"input.weight", *expected}


def test_a_model_has_the_last_word() -> None:
    class Decides(Layers):
        def nonhidden_parameters(self) -> Iterable[nn.Parameter]:
            return self.hidden.parameters()

    assert nonhidden(Decides(output=nn.Linear(SIZE, VOCAB_SIZE))) == {"hidden.weight", "hidden.bias"}


def test_what_is_not_a_parameter_of_the_model_is_an_error() -> None:
    class Wrong(Layers):
        def nonhidden_parameters(self) -> Iterable[nn.Module]:
            return [self.hidden]

    with pytest.raises(PluginError, match="Wrong returned something else than its own parameters"):
        nonhidden(Wrong())
