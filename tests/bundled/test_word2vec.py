"""Vectors trained on the text: word2vec and fastText."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gensim.test.utils import datapath

from helpers.vectors import GLOVE_TEXT, ROWS, by_word, keyed
from textgen.contracts import TextgenError
from textgen.experiment.encoding import match_vectors
from textgen_embeddings.word2vec import FastText, Word2Vec, sentences

SHORT = Path(datapath("lee_background.cor")).read_text(encoding="utf-8")[:60_000]
trained = pytest.mark.parametrize("kind", [Word2Vec, FastText])


@trained
def test_vectors_depend_on_their_seed_only(kind: type[Word2Vec]) -> None:
    one, again, other = (kind(dimension=8, epochs=1, seed=seed).vectors(SHORT, []) for seed in (0, 0, 1))
    assert one.words == other.words
    assert np.array_equal(one.table, again.table)
    assert not np.allclose(one.table, other.table)


def test_word2vec_puts_words_of_like_use_together() -> None:
    draw = np.random.default_rng(0).integers
    lines = (
        f"the noun{draw(40)} near one noun{draw(40)}\nwe verb{draw(40)} or they verb{draw(40)}\n"
        for _ in range(3000)
    )
    found = keyed(Word2Vec(dimension=16).vectors("\n".join(lines), []))
    assert {word[:4] for word, _ in found.most_similar("noun0", topn=20)} == {"noun"}


def test_sentences_keep_every_word_of_long_paragraphs() -> None:
    text = "one two\n\nthree don't\n" + "word " * 25_000
    lists = list(sentences(text))
    assert lists[0] == ["one", "two"]
    assert lists[1][:3] == ["three", "do", "n't"]
    assert sum(map(len, lists)) == 2 + 3 + 25_000
    assert max(map(len, lists)) <= 10_000


@trained
def test_too_little_text_says_what_to_do(kind: type[Word2Vec]) -> None:
    for text in ("", "every word here once"):
        with pytest.raises(TextgenError, match=f"{kind.__name__}: .* lower min_count"):
            kind().vectors(text, [])


def test_fasttext_makes_vectors_of_unknown_words_from_their_parts() -> None:
    draw = np.random.default_rng(0).integers
    lines = (
        f"the {draw(40)}nounish near one {draw(40)}nounish\nwe {draw(40)}verbing or they {draw(40)}verbing\n"
        for _ in range(1500)
    )
    text = "\n".join(lines) + "\n\nrarenounish"
    tokens = [" 99nounish", " rarenounish", " 99verbing"]
    similarity = keyed(FastText(dimension=16, epochs=5).vectors(text, tokens)).similarity
    for unknown in ("99nounish", "rarenounish"):  # never seen, and seen less than min_count times
        assert similarity(unknown, "7nounish") > similarity(unknown, "7verbing") + 0.2
    assert similarity("99verbing", "7verbing") > similarity("99verbing", "7nounish") + 0.2


def test_fasttext_has_vectors_for_words_and_tokens_and_for_nothing_else() -> None:
    tokens = [" unheard", "\n", " ", "?!", "<0xE2><0x82>", "ing"]
    found = FastText(dimension=4, epochs=1).vectors("some words, some words\n", tokens)
    assert found.words == ["words", "some", "unheard", "?!", "ing"]
    assert np.isfinite(found.table).all()
    assert found.table.any(axis=1).all()


def test_fasttext_for_characters_is_refused(news: str) -> None:
    with pytest.raises(TextgenError, match="single characters only"):
        match_vectors(FastText(dimension=4, epochs=1), "fasttext", news, ["a", "b"], np.array([0, 1]))


def test_fasttext_reads_a_file_of_vectors(tmp_path: Path) -> None:
    path = tmp_path / "wiki.simple.vec"
    path.write_text(f"{len(ROWS)} 3\n{GLOVE_TEXT}", encoding="utf-8")
    assert by_word(FastText(path=str(path)).vectors("", [" unheard"]))["cat"].tolist() == ROWS["cat"]
