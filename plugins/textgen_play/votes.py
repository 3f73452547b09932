"""Blind votes on two continuations of a held-out passage: the passages, the tally, the file with votes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from textgen.data.words import is_word_end
from textgen.results.guesses import VOTES
from textgen.results.passages import SENTENCE_END
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, write_record
from textgen.runtime.storage.result_folders import locked

AUTHOR = "author"
"""Who is voted on besides the runs."""
BEFORE_CHARS, MAX_BEFORE_CHARS = 150, 600
"""Characters of the beginning of a passage."""
CHARS = 200
"""Characters of a continuation, less the rest of a word that reaches beyond them."""
MORE_CHARS = 40
"""Characters that are written beyond these, among which a word may end."""
SPACE = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True)
class Vote:
    """A vote for one of two continuations, by the labels of who wrote them."""

    chosen: str
    """Taken for the author's if the author wrote one of them, preferred otherwise."""
    other: str
    sampler: str


@dataclass(frozen=True, kw_only=True)
class Votes:
    """The contents of `votes.json`."""

    schema_version: int = SCHEMA_VERSION
    votes: tuple[Vote, ...]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often one of two was chosen, under a sampler."""

    chosen: str
    over: str
    """Another run, or the author."""
    sampler: str
    number: int
    total: int
    interval: tuple[float, float]
    """95 % of the share, by Wilson's method, which has a width where the share is 0 or 1, too."""


def tally(votes: Sequence[Vote]) -> list[Tally]:
    """Return how often each run was taken for the author, then how often one run was preferred to another."""
    chosen = defaultdict[tuple[str, ...], list[bool]](list)
    for vote in votes:
        first, second = sorted((vote.chosen, vote.other), key=lambda name: (name == AUTHOR, name))
        chosen[first, second, vote.sampler].append(vote.chosen == first)
    found = []
    for (first, second, sampler), each in sorted(chosen.items(), key=lambda one: (one[0][1] != AUTHOR, one)):
        number, total = sum(each), len(each)
        ends = binomtest(number, total).proportion_ci(0.95, "wilson")
        interval = (float(ends.low), float(ends.high))
        found.append(
            Tally(chosen=first, over=second, sampler=sampler, number=number, total=total, interval=interval)
        )
    return found


def kept_votes(place: Path) -> tuple[Vote, ...]:
    """Return the votes that are kept in a folder; raises `TextgenError` if the file is damaged."""
    path = place / VOTES
    return read_record(Votes, path).votes if path.exists() else ()


def keep_votes(place: Path, votes: Sequence[Vote]) -> int:
    """Add votes to those that are kept in a folder, and return their number."""
    with locked(place):
        kept = (*kept_votes(place), *votes)
        write_record(place / VOTES, Votes(votes=kept))
    return len(kept)


def cut_passages(stretches: Sequence[str]) -> list[tuple[str, str]]:
    """Return beginnings and how their author goes on, from sentence to sentence; none is in another one.

    In a text without sentences, they begin with words.
    """
    for boundary in (SENTENCE_END, SPACE):
        if found := [each for text in stretches for each in _cut_stretch(text, boundary)]:
            return found
    return []


def _cut_stretch(text: str, boundary: re.Pattern[str]) -> list[tuple[str, str]]:
    found, first, end = list[tuple[str, str]](), 0, 0
    last = len(text) - CHARS - MORE_CHARS
    for place in (match.end() for match in boundary.finditer(text)):
        if end <= place <= last:
            if first < end:  # in the passage before
                first = place
            elif place - first >= BEFORE_CHARS:
                before = text[max(first, place - MAX_BEFORE_CHARS) : place]
                found.append((before, cut(text[place:])))
                end = place + CHARS
    return found


def cut(text: str) -> str:
    """Return the first `CHARS` characters of a text, or fewer up to the end of a word."""
    places = range(min(CHARS, len(text)), max(CHARS - MORE_CHARS, 0), -1)
    return text[: next((place for place in places if is_word_end(text, place)), CHARS)].rstrip()
