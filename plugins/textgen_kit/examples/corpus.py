"""A text written by a small grammar: easy to learn, and as long as you like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Annotated

from annotated_types import Ge
from textgen.contracts import TextgenError

GRAMMAR = {
    "CLAUSE": ["THING DOES THING", "THING, which DOES THING, sleeps"],
    "THING": ["the NOUN", "a QUALITY NOUN", "the NOUN of THING"],
    "DOES": ["sees", "follows", "remembers", "never finds"],
    "NOUN": ["river", "teacher", "garden", "cat", "town", "letter", "winter"],
    "QUALITY": ["small", "quiet", "green", "very QUALITY", "forgotten"],
}
"""Replacements of each word in capitals."""


@dataclass
class Example:
    """Sentences, one per line; a seed always gives the same text."""

    num_sentences: Annotated[int, Ge(1)] = 2000
    """Number of sentences, of about forty characters each."""
    seed: Annotated[int, Ge(0)] = 0
    """Random seed of the text."""

    def read(self, item: str) -> str:
        """Return the text. Raises `TextgenError` if `item` is not empty."""
        if item:
            raise TextgenError(f"this corpus has no item {item!r}; leave it out")
        random = Random(self.seed)
        clauses = [expand("CLAUSE", random) for _ in range(self.num_sentences)]
        return "".join(f"{clause.capitalize()}.\n" for clause in clauses)


def expand(text: str, random: Random) -> str:
    """Return `text` with every word in capitals expanded, recursively."""

    def choose(word: re.Match[str]) -> str:
        return expand(random.choice(GRAMMAR[word[0]]), random)

    return re.sub(r"[A-Z]+", choose, text)
