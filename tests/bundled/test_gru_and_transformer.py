"""Recurrent models and the transformer beyond what every model must do: dropout, the window, weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.nn.language_model import placeholder_vocabulary
from textgen.runtime.device import seeded
from textgen_models.hier import Hier
from textgen_models.recurrent import GRU, LSTM
from textgen_models.transformer import PERIOD, Transformer

CPU = torch.device("cpu")
VOCAB_SIZE = 60
CONTEXT = 8


def gru(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    return GRU(vocab_size, **{"num_layers": 2, "hidden_size": 16} | options)


def transformer(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    small = {"num_layers": 2, "hidden_size": 16, "num_heads": 2, "context": CONTEXT}
    return Transformer(vocab_size, **small | options)


def hier(vocab_size: int = VOCAB_SIZE, **options: Any) -> nn.Module:
    tokens = placeholder_vocabulary(vocab_size).tokens
    return Hier(vocab_size, tokens=tokens, **{"hidden_size": 16, "lower_size": 8, "word_size": 24} | options)


Build = Callable[..., nn.Module]


def built(kind: Build, *arguments: Any, **options: Any) -> Any:
    with seeded(0, CPU):
        return kind(*arguments, **options).eval()


@pytest.fixture
def ids() -> Tensor:
    """Three rows of 40 token ids."""
    return torch.randint(VOCAB_SIZE, (3, 40), generator=torch.Generator().manual_seed(0))


def logits_of(model: Any, ids: Tensor) -> Tensor:
    """Return the logits of all positions, computed in one pass."""
    logits: Tensor = model(ids, model.initial_state(len(ids)))[0]
    return logits


@pytest.mark.parametrize("kind", [gru, transformer, hier])
def test_a_dropout_that_is_given_stays_and_changes_training_only(kind: Build, ids: Tensor) -> None:
    model, without = built(kind, dropout=0.5), built(kind, dropout=0.0)
    for each in (model, without):
        each.set_expected_epochs(100.0)
    assert model.dropout.probability == 0.5
    assert torch.equal(logits_of(model, ids), logits_of(without, ids))
    assert not torch.equal(logits_of(model.train(), ids), logits_of(without, ids))


@pytest.mark.parametrize("model_class", [LSTM, GRU])
@torch.inference_mode()
def test_the_output_reads_the_lower_layers_unless_a_text_is_read_often(
    model_class: type[Any], ids: Tensor
) -> None:
    model = built(model_class, VOCAB_SIZE, hidden_size=16, num_layers=2)
    model.set_token_counts(torch.full((VOCAB_SIZE,), 10_000))
    for parameter in model.layers[1].parameters():
        parameter.zero_()  # nothing passes the last layer
    spreads = []
    for num_epochs in (1, 9, 1000):
        model.set_expected_epochs(num_epochs)
        spreads.append(float(logits_of(model, ids).std(dim=1).mean()))
    assert spreads[0] > spreads[1] > spreads[2] == 0


@pytest.mark.parametrize("num_layers", [1, 2])
@torch.inference_mode()
def test_the_window_is_context_tokens_of_each_layer(ids: Tensor, num_layers: int) -> None:
    model = built(transformer, num_layers=num_layers)
    reach = num_layers * (CONTEXT - 1)
    before = logits_of(model, ids)[:, 30]
    for distance, is_seen in ((reach, True), (reach + 1, False)):
        changed = ids.clone()
        changed[:, 30 - distance] = (ids[:, 30 - distance] + 1) % VOCAB_SIZE
        assert bool((logits_of(model, changed)[:, 30] != before).all(dim=1).all()) == is_seen
        assert torch.equal(logits_of(model, changed)[:, 30], before) != is_seen


@pytest.mark.parametrize("num_tokens", [10**9, PERIOD - 12])
@torch.inference_mode()
def test_predictions_far_into_a_text_equal_those_at_its_beginning(ids: Tensor, num_tokens: int) -> None:
    model = built(transformer)
    far = model.initial_state(3)
    far = (far[0] + num_tokens, far[1])
    _, far = model(ids[:, :20], far)  # two windows, one per layer, fill what was empty
    logits, _ = model(ids[:, 20:], far)
    torch.testing.assert_close(logits, logits_of(model, ids)[:, 20:], atol=1e-4, rtol=0)


def test_sizes_that_do_not_fit_are_one_line_errors() -> None:
    with pytest.raises(TextgenError, match=r"hidden_size=20 .* num_heads=4") as caught:
        Transformer(10, hidden_size=20, num_heads=4)
    assert "\n" not in str(caught.value)


def test_weights_are_tied_when_sizes_match() -> None:
    def size(**options: Any) -> int:
        model = built(LSTM, 100, num_layers=2, hidden_size=16, **options)
        return sum(parameter.numel() for parameter in model.parameters())

    tied = built(LSTM, 100, num_layers=2, hidden_size=16)
    assert size(tie_weights=False) - size() == 100 * 16
    assert size(embedding_size=8) == size(embedding_size=8, tie_weights=False)
    with torch.no_grad():
        tied.input.weight[3] = 50.0
        logits = logits_of(tied, torch.tensor([[5]]))
    assert logits[0, 0].abs().argmax() == 3  # the changed row of the input is an output too
