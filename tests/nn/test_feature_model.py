"""Dropout is chosen by the number of epochs unless it is given."""

from __future__ import annotations

import pytest

from helpers.training import lstm, run, trainer
from textgen.contracts import TokenIds
from textgen.nn.feature_model import automatic_dropout


def test_dropout_is_chosen_by_epochs_unless_it_is_given(ids: TokenIds) -> None:
    for dropout, budget, expected in ((None, "2epochs", 0.0), (None, "9epochs", 0.05), (0.4, "2epochs", 0.4)):
        model = lstm(dropout=dropout)
        run(trainer(ids[:1000], model=model), budget)
        assert model.dropout.probability == pytest.approx(expected, abs=1e-6)
    assert [automatic_dropout(epochs) for epochs in (0.5, 3, 1e9)] == [0, 0, 0.3]
