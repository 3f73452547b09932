"""A model as the core uses it: every optional member has an answer, and what it returns is checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import TextgenError, Vocabulary
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.registry.registry import PluginError

VOCAB_SIZE = 7


class Plain(nn.Module):
    """A model with no more than a model must have."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(vocab_size))

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.bias.expand(*ids.shape, -1), state


def bound(module: nn.Module) -> LanguageModel:
    return LanguageModel(module, VOCAB_SIZE)


def test_a_plain_model_has_an_answer_for_each_optional_member() -> None:
    model, ids = bound(Plain(VOCAB_SIZE)), torch.tensor([[0, 1, 2], [3, 4, 5]])
    state = model.initial_state(2)
    logits, _ = model.forward(ids, state)
    loss, _ = model.loss(ids, ids, state)
    torch.testing.assert_close(loss, F.cross_entropy(logits.flatten(0, 1), ids.flatten()))
    step_logits, _ = model.prepare_step(torch.float32)(ids[:, 0], state)
    torch.testing.assert_close(step_logits, logits[:, 0])
    assert not model.has_step
    model.set_expected_epochs(3.0)
    assert not model.is_normalized
    assert model.is_trainable
    with pytest.raises(PluginError, match="Plain has neither trainable parameters nor fit"):
        model.fit([1])


def answering(answer: Any) -> LanguageModel:

    class Answers(Plain):
        def forward(self, ids: Tensor, state: Tensor) -> Any:  # noqa: ARG002
            return answer

        def loss(self, ids: Tensor, targets: Tensor, state: Tensor) -> Any:  # noqa: ARG002
            return answer

        def prepare_step(self, dtype: torch.dtype) -> Any:  # noqa: ARG002
            return lambda ids, state: answer

    return bound(Answers(VOCAB_SIZE))


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        (torch.zeros(2, 3, VOCAB_SIZE), r"a tensor of shape \[2, 3, 7\] without a state"),
        ((torch.zeros(5, VOCAB_SIZE), None), r"a tensor of shape \[5, 7\]"),
        ((torch.zeros(2, 3, VOCAB_SIZE, dtype=torch.long), None), "a tensor of torch.int64"),
        (None, "NoneType"),
    ],
)
def test_an_answer_of_another_form_names_the_model_and_the_form(answer: Any, form: str) -> None:
    model, ids = answering(answer), torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(PluginError, match=f"Answers returned {form} for ids of shape .*forward must return"):
        model.forward(ids, None)
    with pytest.raises(PluginError, match=f"Answers returned {form} as its loss; loss must return"):
        model.loss(ids, ids, None)
    step = model.prepare_step(torch.float32)
    with pytest.raises(PluginError, match=f"Answers returned {form} in a step of generation"):
        step(ids[:, 0], None)


def test_logits_of_another_vocabulary_are_an_error() -> None:
    with pytest.raises(PluginError, match=r"returned logits of 8 tokens; the vocabulary, .*, has 7"):
        bound(Plain(VOCAB_SIZE + 1)).try_out()


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
    with pytest.raises(TextgenError, match=r"test_language_model:Counter cannot be built: .*weights here$"):
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


def test_a_model_has_the_last_word() -> None:
    class Decides(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.output = nn.Linear(8, 8), nn.Linear(8, VOCAB_SIZE)

        def nonhidden_parameters(self) -> Iterable[nn.Parameter]:
            return self.hidden.parameters()

    model = Decides()
    found = LanguageModel(model, VOCAB_SIZE).nonhidden_parameters()
    assert list(map(id, found)) == list(map(id, model.hidden.parameters()))
