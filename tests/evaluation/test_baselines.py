"""The scores that need no model."""

from __future__ import annotations

import bz2
import math

from textgen.evaluation.baselines import reference_scores


def test_reference_scores(news: str) -> None:
    train, test = news[:20_000], news[20_000:22_000] + "é"
    scores = {row.name: row.bits_per_char for row in reference_scores(train, test)}
    sizes = [len(bz2.compress(text.encode())) for text in (train, train + test)]
    assert scores["uniform"] == math.log2(len(set(train)))
    assert scores["bz2 given train"] == 8 * (sizes[1] - sizes[0]) / 2001
    assert 1 < scores["xz given train"] < scores["uniform"]
    again = {row.name: row.bits_per_char for row in reference_scores(train, train[:5000])}
    assert again["xz given train"] < 0.1  # what the training text holds costs next to nothing
