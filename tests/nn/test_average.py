"""Averages of copies: the mean of their probabilities, alone and as one member of a mixture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.models import assert_same_in_parts
from textgen.contracts import Vocabulary
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import Average, CombinedModel, MixtureModel
from textgen.nn.weights import num_parameters
from textgen_models.counting import NGram
from textgen_models.recurrent import LSTM

VOCAB_SIZE = 7


@pytest.fixture
def copies() -> list[LanguageModel]:
    torch.manual_seed(0)
    modules = (LSTM(VOCAB_SIZE, num_layers=2, hidden_size=8) for _ in range(3))
    return [LanguageModel(module.eval(), VOCAB_SIZE) for module in modules]


@pytest.fixture
def ids() -> Tensor:
    """Text, [3, 20]."""
    return torch.from_numpy(np.random.default_rng(1).integers(0, VOCAB_SIZE, (3, 20)))


@torch.inference_mode()
def probabilities(model: LanguageModel, ids: Tensor) -> Tensor:
    return model.forward(ids, model.initial_state(len(ids)))[0].softmax(-1)


def test_an_average_predicts_the_mean_of_the_probabilities(copies: list[LanguageModel], ids: Tensor) -> None:
    model = CombinedModel(Average(copies))
    found, _ = model.forward(ids, model.initial_state(3))
    parts = torch.stack([probabilities(copy, ids) for copy in copies])
    torch.testing.assert_close(found.exp(), parts.mean(0))
    assert parts.std(0).max() > 1e-3  # they differ
    assert model.is_normalized
    assert num_parameters(model.module) == 3 * num_parameters(copies[0].module)


def test_chunks_rows_and_steps_predict_the_same_as_one_pass(copies: list[LanguageModel], ids: Tensor) -> None:
    model = CombinedModel(Average(copies))
    assert model.is_step_recordable
    assert_same_in_parts(model, ids)


def test_an_average_is_one_member_of_a_mixture(copies: list[LanguageModel], ids: Tensor) -> None:
    average, ngram = CombinedModel(Average(copies)), LanguageModel(NGram(VOCAB_SIZE), VOCAB_SIZE)
    ngram.fit(ids.numpy().ravel())
    model = MixtureModel(
        {"lstm": average, "ngram": ngram}, Vocabulary([*"abcdefg"], np.zeros(VOCAB_SIZE, bool))
    )
    assert model.members == (*copies, ngram)
    assert model.mixture.weights.shape[1] == 2
    assert not model.is_step_recordable
    expected = (probabilities(average, ids) + probabilities(ngram, ids)) / 2  # equal weights at first
    torch.testing.assert_close(probabilities(model, ids), expected)
