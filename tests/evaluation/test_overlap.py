"""Overlap of scored and training text, against a search by hand."""

from __future__ import annotations

import random

from textgen.evaluation.memorization import WINDOW, find_overlap


def random_text(seed: int, length: int) -> str:
    """Characters drawn from a few, in which long spans do not come back by chance."""
    return "".join(random.Random(seed).choices("abcd \n", k=length))


def test_windows_and_spans_are_those_of_a_search_by_hand() -> None:
    train = random_text(0, 5000)
    stretches = [
        random_text(1, 300) + train[1000:1150] + random_text(2, 200),
        random_text(3, 400),
        train[77:177],
    ]
    windows = [text[at : at + WINDOW] for text in stretches for at in range(len(text) - WINDOW + 1)]
    found = find_overlap(stretches, train)
    assert found.share == sum(window in train for window in windows) / len(windows)
    assert [(span.stretch, span.begin, span.num_chars) for span in found.spans] == [
        (0, 300, 150),
        (2, 0, 100),
    ]
    assert found.num_spans == 2
    assert train[1000:1150].startswith(found.spans[0].beginning)


def test_a_text_shorter_than_a_window_has_none() -> None:
    found = find_overlap(["short", ""], random_text(0, 500))
    assert (found.share, found.num_spans, found.spans) == (0.0, 0, ())
