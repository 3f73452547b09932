"""Passages read token by token: their bits are those of the score, whatever the tokenizer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.runs import SMALL, TEXT, make_run
from helpers.scoring import score_text
from textgen.data.bound_tokenizer import START
from textgen.results.passages import NUM_ALTERNATIVES, Passage, choose_passages, read_passages

CPU = torch.device("cpu")
UNSEEN = "The cat, Ωmega 😀 sat: naïve 中文 hats.\n" + TEXT
ENTRIES = [f"char-lstm{SMALL}", f"word-lstm{SMALL}", "byte-ngram", "bpe-ngram", f"word-lstm+ngram{SMALL}"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_bits_of_the_characters_add_up_to_the_score_of_the_text(entry: str) -> None:
    run = make_run(entry)
    (read,) = read_passages(run, [UNSEEN], [Passage(0, 0, UNSEEN)], CPU).passages
    tokenizer = run.tokenizer
    scored = score_text(run.model, UNSEEN, tokenizer.encode(UNSEEN), tokenizer.encode(START))
    bits = read.bits_of_chars(len(UNSEEN))
    assert bits.sum() == pytest.approx(scored.bits.sum(), rel=1e-4)
    assert (bits >= 0).all()
    parts = [Passage(0, begin, UNSEEN[begin : begin + 11]) for begin in range(0, len(UNSEEN), 11)]
    pieces = read_passages(run, [UNSEEN], parts, CPU).passages
    joined = [piece.bits_of_chars(len(part.text)) for piece, part in zip(pieces, parts, strict=True)]
    np.testing.assert_allclose(np.concatenate(joined), bits, atol=2e-3)


def test_the_alternatives_are_the_most_likely_tokens_first() -> None:
    run = make_run("char-ngram")
    reading = read_passages(run, [TEXT], [Passage(0, 0, TEXT)], CPU)
    (read,) = reading.passages
    for row in read.per_mille:
        assert len(row) == NUM_ALTERNATIVES
        assert list(row) == sorted(row, reverse=True)
    place = TEXT.index("at on the mat")
    alternatives = [reading.tokens[token] for token in read.alternatives[place]]
    assert alternatives[0] == "a"  # after "s", in a text that has "sat" only
    assert 2 ** -read.bits[place] == pytest.approx(read.per_mille[place][0] / 1000, abs=2e-3)


@pytest.mark.parametrize("tokenizer", ["char", "word"])
def test_why_names_the_models_and_the_places_that_they_found(tokenizer: str) -> None:
    run = make_run(f"{tokenizer}-lstm+ngram+match+mix{SMALL}")
    unseen = "Then a zebra came. Nobody had a name for the zebra came the dog.\n"
    text = TEXT[:200] + unseen
    reading = read_passages(run, [text], [Passage(0, 0, text)], CPU)
    assert reading.models == ("lstm", "ngram", "mixture", "match")
    (read,) = reading.passages
    assert read.reasons is not None
    bits = np.array(read.reasons.bits)
    assert bits.shape == (len(read.bits), 4)
    start = run.tokenizer.encode(START)
    for column, part in zip(bits.T, run.model.parts, strict=True):
        scored = score_text(part, text, run.tokenizer.encode(text), start)
        assert column.sum() == pytest.approx(scored.bits.sum(), abs=0.05)
    begins = np.cumsum((read.first_char, *read.num_chars))[:-1]
    places = [
        each
        for begin, recalled in zip(begins, read.reasons.recalled, strict=True)
        for each in recalled
        if begin == text.rindex(" came the") and each.by == "mix"
    ]
    assert len(places) == 1
    assert places[0].context == " zebra"
    assert places[0].following.startswith(" came. ")
    assert {each.by for recalled in read.reasons.recalled for each in recalled} >= {"mix"}


def test_passages_begin_with_a_sentence_and_are_from_all_over_the_text(news: str) -> None:
    stretches = [news[begin : begin + 5000] for begin in range(0, 60_000, 5000)]
    passages = choose_passages(stretches)
    assert len({passage.stretch for passage in passages}) == 6
    starts = [stretches[each.stretch][: each.begin].rstrip(" \"”'")[-1] for each in passages]
    assert sum(start in ".!?\n" for start in starts) >= 5
    for passage in passages:
        text = stretches[passage.stretch]
        assert text[passage.begin :].startswith(passage.text)
        assert text[passage.begin - 1].isspace()
        assert passage.text[-1].isspace()
        assert 220 < len(passage.text) <= 300


@pytest.mark.parametrize("stretches", [["short text"], ["x" * 50, "y" * 3000], ["one two " * 2000]])
def test_any_stretches_have_passages_that_do_not_repeat(stretches: list[str]) -> None:
    passages = choose_passages(stretches)
    assert passages
    assert len(passages) == len(set(passages))
    for passage in passages:
        assert stretches[passage.stretch][passage.begin :].startswith(passage.text)
