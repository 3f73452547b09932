"""A result with every kind of row."""

from typing import Any

import pytest

from helpers.reports import GLOVE, entry, result
from textgen.experiment.score_trained import LOSES_TEXT


@pytest.fixture
def full() -> dict[str, Any]:
    """Four entries that ran, one of them twice, one that cannot be compared and one that failed."""
    return result(
        entry("word-lstm-glove", 2.2111, embedding=GLOVE),
        entry("char-lstm", 2.0, seed=0),
        entry("char-lstm", 2.2, seed=1),
        entry("random", 6.2288, made_up_words=[]),
        entry("char-lstm:num_layers=1,hidden_size=512", 2.3333),
        entry("lossy-lstm", 1.2345, problem=LOSES_TEXT),
        {"name": "bpe-gru", "seed": 0, "error": "out of memory: needs 12 GB; lower batch_size"},
    )
