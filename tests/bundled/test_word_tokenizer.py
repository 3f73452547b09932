"""The tokenizer `word`: its vocabulary, and how it spells out-of-vocabulary words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textgen_tokenizers.word import WordTokenizer


def word_tokenizer(text: str, max_words: int = 20_000, min_count: int = 2) -> WordTokenizer:
    tokenizer = WordTokenizer(max_words=max_words, min_count=min_count)
    tokenizer.fit(text)
    return tokenizer


def vocabulary(tokenizer: WordTokenizer) -> list[str]:
    return [token for token, spells in zip(tokenizer.tokens, tokenizer.fallback, strict=True) if not spells]


def test_word_vocabulary_is_the_most_frequent_words() -> None:
    text = "a b b c c c d d d d".replace(" ", "\n") + "\n"
    assert vocabulary(word_tokenizer(text)) == ["\n", "d", "c", "b"]
    assert vocabulary(word_tokenizer(text, min_count=1)) == ["\n", "d", "c", "b", "a"]
    assert vocabulary(word_tokenizer(text, min_count=4)) == ["\n", "d"]
    assert vocabulary(word_tokenizer(text, max_words=3)) == ["\n", "d", "c"]


def test_rare_words_are_spelled_by_characters_then_bytes() -> None:
    tokenizer = word_tokenizer("the the cat the cat a zoo")
    assert vocabulary(tokenizer) == [" cat", " the"]
    ids = tokenizer.encode(" the zoé a")
    assert [tokenizer.tokens[token] for token in ids] == [
        " the", " ", "z", "o", "<0xC3>", "<0xA9>", " ", "a"
    ]  # fmt: skip
    assert tokenizer.fallback[ids].tolist() == [False] + [True] * 7


def test_words_and_spelling_characters_have_ids_by_falling_frequency() -> None:
    text = "the cat the the zoo ozone the cat oooze"
    tokenizer = word_tokenizer(text)
    ids = tokenizer.encode(text)
    counts = np.bincount(ids, minlength=len(tokenizer.tokens))
    assert counts.tolist() == sorted(counts, reverse=True)
    assert tokenizer.tokens[:3] == ["o", " the", " "]
    assert tokenizer.fallback[:3].tolist() == [True, False, True]


def test_a_word_of_one_letter_is_another_token_than_the_letter_that_spells() -> None:
    tokenizer = word_tokenizer("a\na\nab\n")
    [word], spelled = tokenizer.encode("a"), tokenizer.encode("ab")
    assert tokenizer.tokens[word] == tokenizer.tokens[spelled[0]] == "a"
    assert word != spelled[0]
    assert tokenizer.fallback[[word, spelled[0]]].tolist() == [False, True]


@given(text=st.text(st.sampled_from("aZ09_ \n(é猫'")) | st.text())
def test_code_is_cut_into_the_parts_of_identifiers_and_digits(text: str) -> None:
    tokenizer = WordTokenizer(split="code", min_count=1)
    code = "max_len __init__ HTTPServer2 parseXMLNode 0x1F 3.25"
    tokenizer.fit(code)
    assert [tokenizer.tokens[token] for token in tokenizer.encode(code)] == [
        *("max", "_len", " __init", "__", " HTTP", "Server", "2", " parse", "XML", "Node"),
        *(" 0", "x", "1", "F", " 3", ".", "2", "5"),
    ]
    assert tokenizer.decode(tokenizer.encode(text)) == text
