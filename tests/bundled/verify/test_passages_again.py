"""Passages that are read again: probabilities of tokens, of which several may be spelled alike."""

from __future__ import annotations

import pytest

from textgen.results.passages import PassageBits, PassageReading
from textgen_verify.remeasured import comparable, unlikely_tokens


def reading(per_mille: tuple[int, ...], tokens: tuple[str, ...] = ("a", "a", "the")) -> PassageReading:
    """A passage of one token, with the probabilities of three."""
    likely = PassageBits(
        first_char=0, num_chars=(1,), bits=(4.0,), alternatives=((0, 1, 2),), per_mille=(per_mille,)
    )
    return PassageReading(tokens=tokens, passages=(likely,))


@pytest.mark.parametrize("again", [(57, 49, 30), (58, 48, 30)])  # a word and a letter
def test_tokens_that_are_spelled_alike_are_not_taken_for_each_other(again: tuple[int, ...]) -> None:
    assert list(unlikely_tokens("x", reading((57, 49, 30)), reading(again))) == []


def test_the_names_of_tokens_are_compared_if_all_else_is_the_same() -> None:
    saved, renamed = reading((57, 49, 30)), reading((57, 49, 30), ("a", "b", "the"))
    assert comparable(renamed, saved)["tokens"] == saved.tokens
    assert "tokens" not in comparable(renamed, reading((57, 49, 31)))


def test_another_probability_is_found() -> None:
    (found,) = unlikely_tokens("x", reading((57, 49, 30)), reading((57, 49, 40)))
    assert (found.saved, found.recomputed) == ("'the' 30", 40)
