"""Mixtures: interpolated distributions whose weights depend on the context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textgen.api import Vocabulary
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import Mixture, MixtureModel
from textgen.nn.weights import set_weights, weights_of
from textgen.registry.registry import PluginError
from textgen_models.lstm.model import LSTM
from textgen_models.ngram.model import NGram
from textgen_models.uniform import Uniform

VOCAB_SIZE = 7
IDS = np.random.default_rng(0).integers(0, 3, 300).repeat(2)
FALLBACK = np.arange(VOCAB_SIZE) == 2


def mixture(order: int = 3) -> MixtureModel:
    """An LSTM, counts of pairs and longer n-grams, and the uniform distribution, with random weights."""
    torch.manual_seed(0)
    modules = {
        "lstm": LSTM(VOCAB_SIZE, num_layers=2, hidden_size=8),
        "ngram": NGram(VOCAB_SIZE, order=order),
        "uniform": Uniform(VOCAB_SIZE),
    }
    members = {name: LanguageModel(module, VOCAB_SIZE) for name, module in modules.items()}
    members["ngram"].fit(IDS)
    model = MixtureModel(members, Vocabulary([*"abcdefg"], FALLBACK))
    model.mixture.set_weights(torch.rand(model.mixture.num_classes, 3).softmax(dim=1))
    model.module.eval()
    return model


@pytest.fixture
def ids() -> Tensor:
    """Text that the n-grams know in part, [3, 20]."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, 4, (3, 20)))


def test_probabilities_are_interpolated_with_the_weights_of_the_context(ids: Tensor) -> None:
    model = mixture()
    with torch.inference_mode():
        found, _ = model.forward(ids, model.initial_state(3))
        parts = [member.forward(ids, member.initial_state(3))[0].softmax(-1) for member in model.members]
        lengths = model.members[1].context_classes(ids, model.members[1].initial_state(3))
    assert set(lengths.flatten().tolist()) == {0, 1, 2}
    weights = model.mixture.log_weights.exp()
    for row, column in np.ndindex(3, 20):
        chosen = weights[int(FALLBACK[ids[row, column]]) * 3 + int(lengths[row, column])]
        expected = sum(weight * part[row, column] for weight, part in zip(chosen, parts, strict=True))
        torch.testing.assert_close(found[row, column].exp(), expected)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(3, 20))


def test_chunks_rows_and_steps_predict_the_same_as_one_pass(ids: Tensor) -> None:
    model = mixture()
    assert model.has_step
    assert not model.is_step_recordable  # counts are found on the CPU
    step = model.prepare_step(torch.float32)
    assert step is not None
    with torch.inference_mode():
        whole, _ = model.forward(ids, model.initial_state(3))
        first, state = model.forward(ids[:, :6], model.initial_state(3))
        second, _ = model.forward(ids[:, 6:], state)
        rows = [model.forward(row[None], model.initial_state(1))[0] for row in ids]
        stepped = []
        for column in ids[:, 6:].T:
            logits, state = step(column, state)
            stepped.append(logits)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(torch.cat(rows), whole)
    torch.testing.assert_close(torch.stack(stepped, 1), whole[:, 6:])


def test_the_likelihoods_of_members_are_those_of_the_targets(ids: Tensor) -> None:
    model = mixture()
    with torch.inference_mode():
        inputs, targets, state = ids[:, :-1], ids[:, 1:], model.initial_state(3)
        found, classes, _ = model.mixture.log_likelihoods(inputs, targets, state)
        weights = model.mixture.log_weights[classes]
        logits, _ = model.forward(inputs, state)
        mean_loss, _ = model.loss(inputs, targets, state)
    expected = logits.gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close((found + weights).logsumexp(-1), expected)
    torch.testing.assert_close(mean_loss, -expected.mean())


@pytest.mark.parametrize("order", [1, 3])
def test_saved_weights_fit_a_new_mixture_whose_counts_have_another_size(order: int, ids: Tensor) -> None:
    trained, loaded = mixture(order), mixture(order=2)
    set_weights(loaded.module, weights_of(trained.module))
    with torch.inference_mode():
        pair = [each.forward(ids, each.initial_state(3))[0] for each in (trained, loaded)]
    assert torch.equal(*pair)


class Classifier(nn.Module):
    """A model with context classes of the caller's choice."""

    num_context_classes = 3

    def __init__(self, classes: Any) -> None:
        super().__init__()
        self.classes = classes

    def context_classes(self, ids: Tensor, state: Any) -> Any:  # noqa: ARG002
        return self.classes


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (torch.zeros(1, 3, dtype=torch.int64), "as context classes, which must be int64 [1, 2]"),
        (torch.zeros(1, 2), "as context classes, which must be int64 [1, 2]"),
        (torch.tensor([[0, 3]]), "returned a context class outside 0…2 (num_context_classes - 1)"),
        (torch.tensor([[-1, 0]]), "returned a context class outside 0…2 (num_context_classes - 1)"),
    ],
)
def test_invalid_context_classes_are_an_error_of_the_plugin(classes: Tensor, message: str) -> None:
    model = LanguageModel(Classifier(classes), VOCAB_SIZE)
    with pytest.raises(PluginError) as caught:
        model.context_classes(torch.zeros(1, 2, dtype=torch.int64), None)
    assert message in str(caught.value)


def test_the_weights_are_equal_at_first() -> None:
    members = {name: LanguageModel(Uniform(VOCAB_SIZE), VOCAB_SIZE) for name in ("one", "other")}
    model = Mixture(members, Vocabulary([*"abcdefg"], FALLBACK))
    torch.testing.assert_close(model.log_weights.exp(), torch.full((1, 2), 0.5))
