"""A class of models is asked before one is built; a class that cannot be built is a fault of its plugin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from textgen.contracts import TextgenError, Vocabulary
from textgen.nn.language_model import ModelClass


class Counter(nn.Module):
    """A model that only counts, or cannot be built."""

    def __init__(self, _: int, *, broken: bool = False, size: int = 0) -> None:
        super().__init__()
        if broken:
            raise RuntimeError("no weights here")
        self.weight = nn.Parameter(torch.rand(size)) if size else None

    def fit(self, ids: torch.Tensor) -> None: ...


def test_a_class_with_fit_is_trained_by_gradient_only_if_it_has_parameters() -> None:
    assert ModelClass(nn.Linear).is_trainable()  # never built: it lacks `fit`
    assert not ModelClass(Counter).is_trainable()
    before = torch.get_rng_state()
    assert ModelClass(Counter).is_trainable(size=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_class_that_cannot_be_built_is_a_fault_of_its_plugin() -> None:
    with pytest.raises(TextgenError, match=r"test_model_class:Counter cannot be built: .*no weights here$"):
        ModelClass(Counter).is_trainable(broken=True)


class Speller(nn.Module):
    """A model that asks which of its tokens spell words."""

    def __init__(self, _: int, *, fallback: np.ndarray) -> None:
        super().__init__()
        self.spelling = fallback.nonzero()[0].tolist()


def test_a_model_is_told_what_it_asks_about_its_tokens() -> None:
    vocabulary = Vocabulary(["a", " the", " "], np.array([True, False, True]))
    assert ModelClass(Speller).told(vocabulary).keys() == {"fallback"}
    assert ModelClass(Speller).build(vocabulary).module.spelling == [0, 2]
    assert ModelClass(Counter).told(vocabulary) == {}
