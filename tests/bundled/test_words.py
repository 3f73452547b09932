"""The model `words` predicts letters by the words that occurred after the last words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from textgen_models.words import DOUBT, TRUST, Words
from textgen_tokenizers.char import CharTokenizer

TEXT = (
    "the cat sat. the cat ran, the dog ran. a cat saw the cow 4 times, the cat sat on the cot. " * 3
    + "the end"
)
TOKENIZER = CharTokenizer()
TOKENIZER.fit(TEXT)


def fitted(text: str = TEXT, order: int = 3, word_list: Sequence[str] = ()) -> Words:
    model = Words(len(TOKENIZER.tokens), tokens=TOKENIZER.tokens, order=order, word_list=word_list)
    model.fit(TOKENIZER.encode(text))
    return model


def encode(text: str) -> Tensor:
    return torch.from_numpy(TOKENIZER.encode(text).astype(np.int64))[None]


def predict(model: Words, text: str) -> dict[str, float]:
    """Return the probability of each token after a text."""
    logits, _ = model(encode(text), model.initial_state(1))
    return dict(zip(TOKENIZER.tokens, logits[0, -1].exp().tolist(), strict=True))


def by_characters(model: Words, text: str) -> dict[str, float]:
    contexts = model.ngrams.contexts(encode(text).numpy(), model.ngrams.no_contexts[None].numpy())
    found = model.ngrams.probabilities([numbers[:, -1] for numbers in contexts])[0]
    return dict(zip(TOKENIZER.tokens, found.tolist(), strict=True))


def shares(before: str, order: int) -> dict[str, float]:
    """Return the share of each word after a text that ends before a word, by counting in dictionaries."""
    places = [match.start() for match in re.finditer(r"\w+", before)]
    matches = list(re.finditer(r"\w+", TEXT))
    result: dict[str, float] = {}
    for length in range(order):
        if length > len(places):
            break
        context = before[places[-length] :] if length else ""
        pairs = Counter(
            (TEXT[matches[place - length].start() : match.start()] if length else "", match.group())
            for place, match in enumerate(matches)
            if place >= length
        )
        once, twice = (sum(count == number for count in pairs.values()) for number in (1, 2))
        discount = once / max(1, once + 2 * twice)
        here = {word: count for (found, word), count in pairs.items() if found == context}
        if here:
            total = sum(here.values())
            rest = discount * len(here) / total
            kept = {word: (count - discount) / total for word, count in here.items()}
            result = {word: kept.get(word, 0) + rest * result.get(word, 0) for word in {*kept, *result}}
    return result


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    ("before", "prefix"), [("sat. the ", "c"), ("ran, the ", "co"), ("we, a ", "ca"), ("", "t")]
)
def test_a_letter_has_the_share_of_the_words_that_go_on_with_it(order: int, before: str, prefix: str) -> None:
    model = fitted(order=order)
    words = {word: share for word, share in shares(before, order).items() if word.startswith(prefix)}
    total = sum(words.values())
    known = sum(shares("", 1).values())
    trust = 1 - (1 - TRUST * known) * DOUBT ** (len(prefix) - 1)
    found, characters = predict(model, before + prefix), by_characters(model, before + prefix)
    for letter in "aeotw":
        share = sum(value for word, value in words.items() if word.startswith(prefix + letter)) / total
        assert found[letter] == pytest.approx((1 - trust) * characters[letter] + trust * share, abs=1e-5)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_words_of_a_list_are_expected_as_far_as_those_that_occur_once_are_in_it() -> None:
    listed = fitted(word_list=["the", "stone", "end", *["z" * 5] * 3000, "stag"])
    unlisted = fitted(word_list=["the", "stone", "stag"])
    for prefix, letter in (("the ston", "e"), ("a sto", "n"), ("the st", "o")):
        assert predict(listed, prefix)[letter] > 3 * predict(fitted(), prefix)[letter]
        assert predict(unlisted, prefix) == pytest.approx(predict(fitted(), prefix), rel=1e-4)  # "end" is not
    after = predict(listed, "dog st")
    assert after["o"] > 2 * after["a"]  # the frequent ones first
    assert predict(listed, "the c")["a"] == pytest.approx(predict(fitted(), "the c")["a"], rel=0.02)


def test_known_and_listed_words_may_begin_a_sentence() -> None:
    tokenizer = CharTokenizer()
    text = "The cow saw us. Snow is here. No echo is so new, the rat saw. Eat. The cow saw us. Rice. " * 2
    tokenizer.fit(text)
    model = Words(len(tokenizer.tokens), tokens=tokenizer.tokens, word_list=["rice", "eat", "east"])
    model.fit(tokenizer.encode(text + "No rain, the Rat saw. the No. Is."))
    for prefix, letter in (("us. Ech", "o"), ("us. Eas", "t")):
        ids = torch.from_numpy(tokenizer.encode(prefix).astype(np.int64))[None]
        logits, _ = model(ids, model.initial_state(1))
        assert logits[0, -1].exp()[tokenizer.tokens.index(letter)] > 0.5
