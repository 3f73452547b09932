"""A model's size is known before it takes memory."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.nn.language_model import LanguageModel
from textgen.nn.model_size import build_checked, num_bytes

VOCAB_SIZE = 10


class Net(nn.Module):
    """A model with random weights, which some initialisations of torch have scaled."""

    built = 0

    def __init__(self, size: int) -> None:
        super().__init__()
        type(self).built += 1
        self.embedding = nn.Embedding(VOCAB_SIZE, size)
        self.layer = nn.LSTM(size, size)
        self.table = nn.Parameter(torch.randn(size, size) * 0.1)
        nn.init.orthogonal_(self.layer.weight_hh_l0)
        self.register_buffer("counts", torch.zeros(size, dtype=torch.int64))


class Measuring(Net):
    """A model that looks at its weights when it is built, which only those with values allow."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.norm = float(self.table.norm())


def build(kind: type[Net], size: int, seed: int = 0) -> LanguageModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(kind(size), VOCAB_SIZE)


def built_checked(kind: type[Net], size: int, max_numbers: int) -> tuple[LanguageModel, list[int]]:
    """Return a model, and the bytes of the models that were checked."""
    checked: list[int] = []
    make = partial(build, kind, size)
    model = build_checked(make, make, lambda model: checked.append(num_bytes(model.module)), max_numbers)
    return model, checked


def weights(model: LanguageModel) -> list[Tensor]:
    return list(model.module.state_dict().values())


def test_a_model_of_petabytes_is_refused_without_memory() -> None:
    def refuse(model: LanguageModel) -> None:
        assert num_bytes(model.module) > 1e15
        raise TextgenError("too large")

    make = partial(build, Net, 10**8)
    with pytest.raises(TextgenError, match="too large"):
        build_checked(make, make, refuse)


@pytest.mark.parametrize("max_numbers", [0, 100, 10**6])
def test_the_model_is_the_same_however_it_was_checked(max_numbers: int) -> None:
    random_state = torch.get_rng_state()
    plain = build(Net, 8)
    model, checked = built_checked(Net, 8, max_numbers)
    assert checked == [num_bytes(plain.module)]
    assert all(map(torch.equal, weights(model), weights(plain)))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.zeros(1).device.type == "cpu"


def test_a_small_model_is_built_once() -> None:
    before = Net.built
    built_checked(Net, 8, 10**6)
    assert Net.built == before + 1


def test_a_model_that_needs_values_is_not_checked() -> None:
    model, checked = built_checked(Measuring, 8, 0)
    assert not checked
    assert isinstance(model.module, Measuring)
