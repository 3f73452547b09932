"""Every tokenizer gives back every text; what `byte` and `char` do besides."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from numpy.typing import NDArray

from helpers.tokenizers import FITTED
from textgen.contracts import TextgenError, Tokenizer
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.decoding import utf8
from textgen.data.vocabulary import BYTE_TOKENS, surface_bytes
from textgen.registry.options import build
from textgen_tokenizers.bpe import BPETokenizer, surface
from textgen_tokenizers.char import ByteTokenizer, CharTokenizer
from textgen_tokenizers.word import WordTokenizer, without_rarest

UNSEEN = "中Ω😀"
every_tokenizer = pytest.mark.parametrize("name", FITTED)


def fitted(name: str, text: str) -> Tokenizer:
    tokenizer: Tokenizer = build("tokenizer", name)
    tokenizer.fit(text)
    return tokenizer


def surfaces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.tokens[token] for token in tokenizer.encode(text)]


# --- every tokenizer


def is_fallback(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    return BoundTokenizer(tokenizer).is_fallback


@every_tokenizer
@given(train=..., text=...)
@example(train="", text="")
@example(train=" ", text="the end")
@example(train="\ud83d\ude00", text="\ud83d\ude00 😀")
def test_any_text_round_trips_after_any_fit_and_a_restart(name: str, train: str, text: str) -> None:
    tokenizer, restored = fitted(name, train), build("tokenizer", name)
    restored.restore(json.loads(json.dumps(tokenizer.state())))
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(surface_bytes(tokenizer.tokens[token]) for token in ids) == utf8(text)
    assert list(restored.tokens) == list(tokenizer.tokens)
    assert restored.encode(text).tolist() == ids.tolist()
    assert restored.decode(ids) == text
    assert is_fallback(restored).tolist() == is_fallback(tokenizer).tolist()


@every_tokenizer
def test_what_the_training_text_lacks_is_spelled_by_bytes(name: str, news: str) -> None:
    tokenizer = fitted(name, news[:2000])
    assert set(surfaces(tokenizer, UNSEEN)) <= set(BYTE_TOKENS)
    assert is_fallback(tokenizer)[tokenizer.encode(UNSEEN)].all()


# --- byte


def test_byte_ids_are_the_bytes_and_those_above_ascii_are_fallback() -> None:
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode("A\né\ud83d")
    assert ids.tolist() == [0x41, 0x0A, 0xC3, 0xA9, 0xED, 0xA0, 0xBD]
    assert tokenizer.fallback[ids].tolist() == [False] * 2 + [True] * 5


# --- char


def test_char_has_one_token_per_character() -> None:
    tokenizer = CharTokenizer()
    tokenizer.fit("banana\n")
    assert tokenizer.tokens == ["\n", "a", "b", "n", *BYTE_TOKENS]
    assert tokenizer.encode("nab\n").tolist() == [3, 1, 2, 0]
    assert surfaces(tokenizer, "aéb") == ["a", "<0xC3>", "<0xA9>", "b"]
    assert tokenizer.fallback.tolist() == [False] * 4 + [True] * 256


# --- bpe


def bpe_tokenizer(text: str, vocab_size: int = 4000) -> BPETokenizer:
    tokenizer = BPETokenizer(vocab_size=vocab_size)
    tokenizer.fit(text)
    return tokenizer


def test_bpe_merges_the_most_frequent_pair_first() -> None:
    text = "ab\nab\nabc\nabc\nabc\n"
    assert bpe_tokenizer(text, 257).tokens[:3] == ["\n", "ab", "c"]
    tokenizer = bpe_tokenizer(text, 258)
    assert tokenizer.tokens[:3] == ["\n", "abc", "ab"]  # by falling frequency, when all pairs are joined
    assert surfaces(tokenizer, "abcab cba") == ["abc", "ab", " ", "c", "b", "a"]


def test_bpe_tokens_stay_within_words_and_have_ids_by_falling_frequency(news: str) -> None:
    tokenizer = bpe_tokenizer(news, 1000)
    ids = tokenizer.encode(news)
    counts = np.bincount(ids, minlength=1000)
    assert counts.tolist() == sorted(counts, reverse=True)
    assert {" the", " of", "ing"} <= set(tokenizer.tokens)
    assert not [token for token in tokenizer.tokens if re.search(r"\S\s|\s\w+\W", token)]
    assert len(news) / len(ids) > 2.5


def test_bpe_writes_incomplete_characters_as_bytes() -> None:
    tokenizer = bpe_tokenizer("a“ a” a“ a”")
    assert surfaces(tokenizer, "“–€") == ["“", "<0xE2><0x80>", "<0x93>", "<0xE2>", "<0x82>", "<0xAC>"]
    assert surface(b"<0x41>") == "".join(BYTE_TOKENS[byte] for byte in b"<0x41>")


def test_bpe_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(TextgenError, match=r'pip install "textgen-bench\[bpe\]"') as caught:
        BPETokenizer().fit("some text")
    assert "\n" not in str(caught.value)


# --- word


def word_tokenizer(text: str, **options: int) -> WordTokenizer:
    tokenizer = WordTokenizer(**{"min_count": 2} | options)
    tokenizer.fit(text)
    return tokenizer


def vocabulary(tokenizer: WordTokenizer) -> list[str]:
    return [token for token, spells in zip(tokenizer.tokens, tokenizer.fallback, strict=True) if not spells]


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "\ndcb"), ({"min_count": 1}, "\ndcba"), ({"min_count": 4}, "\nd"), ({"max_words": 3}, "\ndc")],
)
def test_word_vocabulary_is_the_most_frequent_words(options: dict[str, int], words: str) -> None:
    assert vocabulary(word_tokenizer("a\nb\nb\nc\nc\nc\nd\nd\nd\nd\n", **options)) == list(words)


def test_rare_words_are_spelled_by_characters_then_bytes() -> None:
    tokenizer = word_tokenizer("the the cat the cat a zoo")
    assert vocabulary(tokenizer) == [" cat", " the"]
    ids = tokenizer.encode(" the zoé a")
    assert [tokenizer.tokens[token] for token in ids] == [
        " the", " ", "z", "o", "<0xC3>", "<0xA9>", " ", "a"
    ]  # fmt: skip
    assert tokenizer.fallback[ids].tolist() == [False] + [True] * 7


def test_a_word_of_one_letter_is_another_token_than_the_letter_that_spells() -> None:
    tokenizer = word_tokenizer("a\na\nab\n")
    [word], spelled = tokenizer.encode("a"), tokenizer.encode("ab")
    assert tokenizer.tokens[word] == tokenizer.tokens[spelled[0]] == "a"
    assert word != spelled[0]
    assert tokenizer.fallback[[word, spelled[0]]].tolist() == [False, True]


def test_code_is_cut_into_the_parts_of_identifiers_and_digits() -> None:
    tokenizer = WordTokenizer(split="code", min_count=1)
    code = "max_len __init__ HTTPServer2 parseXMLNode 0x1F 3.25"
    tokenizer.fit(code)
    assert surfaces(tokenizer, code) == [
        *("max", "_len", " __init", "__", " HTTP", "Server", "2", " parse", "XML", "Node"),
        *(" 0", "x", "1", "F", " 3", ".", "2", "5"),
    ]


@pytest.mark.parametrize("kind", [WordTokenizer, BPETokenizer])
def test_the_rarest_of_many_words_are_forgotten(
    kind: type[WordTokenizer | BPETokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the words of a text of any size fit into memory; every character stays known."""
    blocks = [f"the rain and the sea {''.join(letters)}" for letters in product("thesarin", repeat=3)] + ["ß"]
    whole, bounded = kind(), kind()
    whole.fit_counts(map(whole.count, blocks))
    sizes, learn = list[int](), bounded.fit_total
    monkeypatch.setattr(kind, "max_types", 40)
    monkeypatch.setattr(bounded, "fit_total", lambda counts: sizes.append(len(counts)) or learn(counts))
    bounded.fit_counts(map(bounded.count, blocks))
    assert sizes[0] <= 40 < len(blocks)
    assert [*bounded.tokens][:4] == [*whole.tokens][:4]
    counts = Counter({"the": 9, "sea": 5, "ß": 1, "set": 1})
    assert without_rarest(counts, 2) == {"the": 9, "sea": 5, "ß": 1}
