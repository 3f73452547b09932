"""The n-gram model: Kneser and Ney's formulas, and their estimates."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from textgen.nn.kneser_ney import FALLBACK_DISCOUNTS, count_ngrams, estimate_discounts
from textgen_models.counting import NGram, choose_order

Predict = Callable[[tuple[int, ...], int], float]


def random_ids(num_ids: int, vocab_size: int, seed: int = 0) -> list[int]:
    """Ids of which smaller ones are likelier, and each depends on the one before."""
    generator = random.Random(seed)
    ids = [0]
    while len(ids) < num_ids:
        ids.append((ids[-1] + min(generator.randrange(vocab_size) for _ in range(2))) % vocab_size)
    return ids


def fitted(ids: list[int], vocab_size: int, order: int | None = None, discount: float | None = None) -> NGram:
    model = NGram(vocab_size, order=order, discount=discount)
    model.fit(np.array(ids, np.uint16))
    return model


def log_probabilities(model: NGram, ids: list[int]) -> Tensor:
    """Return [len(ids), vocab_size], in one pass."""
    result: Tensor = model(torch.tensor([ids]), model.initial_state(1))[0][0]
    return result


def by_dictionaries(ids: list[int], vocab_size: int, order: int, discount: float | None) -> Predict:
    """The formulas of Chen and Goodman (1998), term by term, for a text taken as a circle."""
    circle = ids * (order // len(ids) + 2)

    def occurrences(length: int) -> Counter[tuple[int, ...]]:
        return Counter(tuple(circle[start : start + length]) for start in range(len(ids)))

    tables = {order: occurrences(order)}
    for length in range(order - 1, 0, -1):
        tables[length] = Counter(ngram[1:] for ngram in occurrences(length + 1))

    def discounts(length: int) -> list[float]:
        if discount is not None:
            return [discount] * 3
        n1, n2, n3, n4 = (sum(count == times for count in tables[length].values()) for times in (1, 2, 3, 4))
        if not n1 or not n2 or not n3 or not n4:
            return [0.5, 1.0, 1.5]
        y = n1 / (n1 + 2 * n2)
        three = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return three if min(three) > 0 else [0.5, 1.0, 1.5]

    all_discounts = {length: discounts(length) for length in tables}

    def predict(context: tuple[int, ...], token: int) -> float:
        context = context[len(context) - min(len(context), order - 1) :]
        length = len(context) + 1
        shorter = predict(context[1:], token) if context else 1 / vocab_size
        counts = [count for ngram, count in tables[length].items() if ngram[:-1] == context]
        if not counts:
            return shorter
        of_count = [0.0, *all_discounts[length]]
        count = tables[length][(*context, token)]
        own = (count - of_count[min(count, 3)]) / sum(counts)
        return own + sum(of_count[min(count, 3)] for count in counts) / sum(counts) * shorter

    return predict


def check_against_dictionaries(
    train: list[int], ids: list[int], vocab_size: int, order: int, discount: float | None
) -> None:
    predict = by_dictionaries(train, vocab_size, order, discount)
    expected = [
        [predict(tuple(ids[: place + 1]), token) for token in range(vocab_size)] for place in range(len(ids))
    ]
    found = log_probabilities(fitted(train, vocab_size, order, discount), ids).exp()
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=1e-4)


IDS = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@given(
    train=IDS,
    ids=st.lists(st.integers(0, 6), min_size=1, max_size=8),
    order=st.integers(1, 5),
    discount=st.none() | st.floats(0.1, 1),
)
def test_arrays_and_dictionaries_agree(
    train: list[int], ids: list[int], order: int, discount: float | None
) -> None:
    check_against_dictionaries(train, ids, 7, order, discount)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_estimated_discounts_are_used(order: int) -> None:
    train = random_ids(600, 12)
    estimates = [estimate_discounts(counts.counts) for counts in count_ngrams(np.array(train), 13, order)]
    assert order == 1 or set(estimates) != {FALLBACK_DISCOUNTS}
    check_against_dictionaries(train, [12, *random_ids(30, 12, seed=1)], 13, order, None)


def test_the_order_follows_the_text() -> None:
    generator = random.Random(0)
    noise = [generator.randrange(4) for _ in range(20_000)]
    assert choose_order(np.array(noise), 4, None) == 1
    # Each token is the one two before it or, one time in ten, any; so pairs of tokens tell nothing.
    echo = noise[:2]
    for token in noise[2:]:
        echo.append(echo[-2] if generator.random() < 0.9 else token)
    assert choose_order(np.array(echo), 4, None) == 3
    assert fitted(echo, 4).initial_state(1).shape == (1, 2)
