"""The longest span that was copied from the training text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen.evaluation import memorization as copying
from textgen.evaluation.memorization import WINDOW, find_overlap, longest_verbatim_span
from textgen.evaluation.text_metrics import TextAnalyzer

TRAIN = "The cat sat on the mat. Anne hadn't seen O'Brien's Zorple.\n"
LEXICON = {"the", "cat", "dog", "had", "seen", "ran"}


few_letters = st.text("ab \U0001f600", max_size=40)


@pytest.fixture(scope="module")
def analyzer() -> TextAnalyzer:
    return TextAnalyzer(TRAIN, LEXICON)


@settings(max_examples=60)
@given(few_letters, st.lists(few_letters, max_size=3), st.integers(1, 9))
def test_longest_verbatim_span_agrees_with_a_naive_search(train: str, samples: list[str], block: int) -> None:
    spans = {
        sample[start:end]
        for sample in samples
        for start in range(len(sample))
        for end in range(start + 1, len(sample) + 1)
    }
    expected = max((len(span) for span in spans if span in train), default=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "BLOCK", block)  # copies that lie across blocks are found too
        found = longest_verbatim_span(samples, train)
    assert len(found) == expected
    assert found in train
    assert not found or any(found in sample for sample in samples)


def test_longest_verbatim_span_of_a_planted_copy(analyzer: TextAnalyzer) -> None:
    assert analyzer.measure(["xx sat on the mat. xx", "Anne?"]).metrics["longest_verbatim_span"] == len(
        " sat on the mat. "
    )
    assert longest_verbatim_span(["qq" + TRAIN[10:30] + "qq"], TRAIN * 3) == TRAIN[10:30]


# --- overlap of scored and training text


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
