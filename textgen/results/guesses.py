"""Shannon's guessing game: what a reader's numbers of guesses say of the reader's own bits per character.

Source: Shannon 1951, "Prediction and entropy of printed English", doi:10.1002/j.1538-7305.1951.tb01366.x.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import log2
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from textgen.runtime.storage.json_records import SCHEMA_VERSION, Count, read_record

GUESSES = "guesses.json"
"""The file of games in the folder of a bench, or of a run that belongs to none."""


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """The contents of `guesses.json`."""

    schema_version: int = SCHEMA_VERSION
    games: tuple[tuple[Annotated[Count, Ge(1)], ...], ...]
    """For each game, how many guesses each of its characters took."""


def bounds(guesses: Sequence[int]) -> tuple[float, float]:
    """Return the bits per character between which the entropy of an ideal guesser is.

    With q_i the share of characters that took i guesses, in falling order, they are
    Σ i (q_i − q_(i+1)) log₂ i and −Σ q_i log₂ q_i.
    """
    shares = [number / len(guesses) for _, number in Counter(guesses).most_common()]
    lower = sum(
        place * (share - following) * log2(place)
        for place, (share, following) in enumerate(pairwise([*shares, 0.0]), start=1)
    )
    return max(0.0, lower), -sum(share * log2(share) for share in shares)


def guessed_by_reader(folder: Path) -> str:
    """Return what the games in a folder say, for a report; empty without any."""
    if not (folder / GUESSES).exists():
        return ""
    guesses = list(chain.from_iterable(read_record(Guesses, folder / GUESSES).games))
    low, high = bounds(guesses)
    return (
        f"Readers who guessed the next character of this held-out text need between {low:.3f} and {high:.3f} "
        f"bits per character, by the numbers of their guesses for {len(guesses):,} characters (Shannon 1951)."
    )
