"""Paragraphs that a text repeats, such as news that was published twice.

What is both in the training and in the test part of a text tells how well a model remembers, not how well it
predicts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

MIN_CHARS = 500
"""Length of a paragraph that may be left out; shorter ones repeat legitimately, as refrains do."""
MAX_SHARE = 0.5
"""Share of a paragraph's characters in sentences that an earlier paragraph has."""
MIN_SENTENCE_CHARS = 30
PARAGRAPHS = re.compile(r"(\n[^\S\n]*\n)")
SENTENCES = re.compile(r"(?<=[.!?;:。！？])\s+|\n")


def without_repeats(text: str, borders: Sequence[int] = ()) -> tuple[str, list[int]]:
    """Return a text without the paragraphs of which at least half has occurred before, and its borders.

    The rest keeps its order, and the blank lines between. `borders` are the places where documents begin;
    one of which nothing is left has none.
    """
    known, kept = set[str](), list[str]()
    begins, num_left_out, place = [0], [0], 0
    parts = PARAGRAPHS.split(text)
    for paragraph, separator in zip(parts[::2], [*parts[1::2], ""], strict=True):
        sentences = [each.strip() for each in SENTENCES.split(paragraph)]
        size = len(paragraph) + len(separator)
        if len(paragraph) < MIN_CHARS or not _is_repeated(sentences, known):
            kept += [paragraph, separator]
        else:
            begins += (place, place + size)
            num_left_out += (num_left_out[-1], num_left_out[-1] + size)
        place += size
        known.update(each for each in sentences if len(each) >= MIN_SENTENCE_CHARS)
    if len(begins) == 1:
        return text, list(borders)
    moved = {round(border - np.interp(border, begins, num_left_out)) for border in borders}
    shortened = "".join(kept)
    return shortened, sorted(moved - {0, len(shortened)})


def _is_repeated(sentences: list[str], known: set[str]) -> bool:
    num_known = sum(len(each) for each in sentences if each in known)
    return num_known >= MAX_SHARE * sum(map(len, sentences))
