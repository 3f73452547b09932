"""Paragraphs that a text repeats, such as news that was published twice.

What is both in the training and in the test part of a text tells how well a model remembers, not how well it
predicts.
"""

from __future__ import annotations

import re

MIN_CHARS = 500
"""Length of a paragraph that may be left out; shorter ones repeat by rights, as refrains and headers do."""
MAX_SHARE = 0.5
"""Share of a paragraph's characters in sentences that an earlier paragraph has."""
MIN_SENTENCE_CHARS = 30
PARAGRAPHS = re.compile(r"(\n[^\S\n]*\n)")
SENTENCES = re.compile(r"(?<=[.!?;:。！？])\s+|\n")


def without_repeats(text: str) -> str:
    """Return a text without the paragraphs of which at least half has occurred before.

    The rest keeps its order, and the blank lines between.
    """
    known, kept = set[str](), list[str]()
    parts = PARAGRAPHS.split(text)
    for paragraph, separator in zip(parts[::2], [*parts[1::2], ""], strict=True):
        sentences = [each.strip() for each in SENTENCES.split(paragraph)]
        if len(paragraph) < MIN_CHARS or not _is_repeated(sentences, known):
            kept += [paragraph, separator]
        known.update(each for each in sentences if len(each) >= MIN_SENTENCE_CHARS)
    return "".join(kept) if len(kept) < len(parts) + 1 else text


def _is_repeated(sentences: list[str], known: set[str]) -> bool:
    num_known = sum(len(each) for each in sentences if each in known)
    return num_known >= MAX_SHARE * sum(map(len, sentences))
