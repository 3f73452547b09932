"""Dropout is chosen by the number of epochs unless it is given."""

from __future__ import annotations

import pytest
import torch

from helpers.training import lstm, run, trainer
from textgen.contracts import TokenIds
from textgen.nn.layers import automatic_dropout
from textgen_models.hier import RowDropout


def test_dropout_is_chosen_by_epochs_unless_it_is_given(ids: TokenIds) -> None:
    for dropout, budget, expected in ((None, "2epochs", 0.0), (0.4, "2epochs", 0.4), (None, "9epochs", 0.05)):
        model = lstm(dropout=dropout)
        run(trainer(ids[:1000], model=model), budget)
        assert model.dropout.probability == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("epochs", "per_token", "expected"),
    [(0.5, 0.1, 0), (3, 0.5, 0), (9, 0.5, 0.05), (3, 3, 0.05), (9, 3, 0.1), (1e9, 1, 0.3), (1, 0, 0)],
)
def test_what_counts_is_how_often_a_token_is_read_and_how_many_parameters_it_trains(
    epochs: float, per_token: float, expected: float
) -> None:
    assert automatic_dropout(epochs, per_token) == pytest.approx(expected)


def test_dropout_of_rows_drops_the_same_rows_everywhere_in_training_only() -> None:
    torch.manual_seed(0)
    layer, rows = RowDropout(0.5), torch.arange(100).repeat(2, 3)
    vectors = torch.ones(2, 300, 4)
    assert torch.equal(layer.eval()(vectors, rows, 100), vectors)
    dropped = layer.train()(vectors, rows, 100)
    first = dropped[0, :100]
    assert torch.equal(dropped, first.repeat(2, 3, 1))
    assert 20 < int((first == 0).all(-1).sum()) < 80
    assert set(first.unique().tolist()) == {0.0, 2.0}
