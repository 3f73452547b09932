"""The tokenizer `bpe`: what it learns, and how it spells the rest."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from textgen.contracts import TextgenError, Tokenizer
from textgen.data.vocabulary import BYTE_TOKENS
from textgen_tokenizers.bpe import BPETokenizer, surface


def surfaces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.tokens[token] for token in tokenizer.encode(text)]


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


def test_bpe_has_at_most_vocab_size_distinct_tokens(news: str) -> None:
    for vocab_size in (256, 300, 1000):
        tokenizer = bpe_tokenizer(news, vocab_size)
        assert len(tokenizer.tokens) == vocab_size == len(set(tokenizer.tokens))
    assert len(bpe_tokenizer("ab ab", 1000).tokens) == 257


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


LEARN = """
import hashlib, json, sys
from textgen_tokenizers.bpe import BPETokenizer, surface
tokenizer = BPETokenizer(vocab_size=1000)
tokenizer.fit(sys.stdin.read())
print(hashlib.sha256(json.dumps(tokenizer.state()).encode()).hexdigest())
"""


def test_bpe_learns_the_same_in_every_process(news: str) -> None:
    learnt = set()
    for number in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": number, "RAYON_NUM_THREADS": number}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", LEARN],
            input=news, env=environment, capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert done.stderr == ""
        learnt.add(done.stdout)
    assert len(learnt) == 1


def test_bpe_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(TextgenError, match=r'pip install "textgen-bench\[bpe\]"') as caught:
        BPETokenizer().fit("some text")
    assert "\n" not in str(caught.value)
