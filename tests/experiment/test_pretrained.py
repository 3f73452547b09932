"""Word vectors as the input of a model: lookup, scale and coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from helpers.vectors import ROWS, FixedVectors
from textgen.contracts import PretrainedVectors, TextgenError
from textgen.evaluation.neighbors import nearest_words
from textgen.experiment.encoding import match_vectors
from textgen.nn.layers import TokenEmbedding
from textgen.runtime.storage.json_records import to_values


def test_lookup_order_scale_and_coverage_by_hand() -> None:
    rows = {" the": [3.0, 4.0], "the": [9.0, 9.0], "cat": [0.0, 2.0], "n't": [1.0, 0.0], "a": [7.0, 7.0]}
    tokens = [" the", " Cat", "n\u2019t", " zyx", "\n", " qqq", "a", "<0x41>"]
    fallback = np.array([False] * 6 + [True] * 2)
    # the the Cat n't zyx \n, then the spelled words "aa" and "a<0x41>", which count once each
    ids = np.array([0, 0, 1, 2, 3, 4, 6, 6, 4, 6, 7])
    found, audit = match_vectors(
        FixedVectors(rows, frozen=True), "mine", "", tokens, ids, is_fallback=fallback
    )
    assert found.found.tolist() == [True, True, True, False, False, False, False, False]
    scale = np.sqrt((9 + 16 + 4 + 1) / 6)
    expected = np.zeros((8, 2))
    expected[:3] = np.array([[3, 4], [0, 2], [1, 0]]) / scale
    np.testing.assert_allclose(found.table.numpy(), expected, rtol=1e-6)
    assert found.frozen
    assert audit.seconds >= 0
    assert to_values(replace(audit, seconds=0.0)) == {
        "source": "mine",
        "dimension": 2,
        "frozen": True,
        "type_coverage": 3 / 5,  # of the, Cat, n't, zyx, qqq
        "token_coverage": 4 / 7,  # the the Cat n't of those, zyx, and two spelled words
        "found_by": {"surface": 1, "without_space": 0, "lower_case": 2},
        "most_frequent_missing": [" zyx"],
        "seconds": 0.0,
        "neighbors": [],
    }


def test_nothing_found_and_word_vectors_on_characters_are_refused() -> None:
    ids = np.array([0, 1])
    with pytest.raises(TextgenError, match=r"mine match no token .* word tokenizer"):
        match_vectors(FixedVectors(ROWS), "mine", "", ["xx", "yy"], ids)
    with pytest.raises(TextgenError, match=r"mine match single characters only .* word tokenizer"):
        match_vectors(FixedVectors({"a": [1.0], "the": [2.0]}), "mine", "", ["a", "b"], ids)
    of_characters, _ = match_vectors(FixedVectors({"a": [1.0], "c": [2.0]}), "mine", "", ["a", "b"], ids)
    assert of_characters.found.tolist() == [True, False]
    vectors = FixedVectors({"a": [1.0], "the": [2.0]})
    words_alone, audit = match_vectors(vectors, "mine", "b. The", ["a", "b"], ids, list_suffices=True)
    assert (words_alone.words, words_alone.table.shape, audit.dimension) == (["a", "the"], (2, 0), 0)
    with pytest.raises(TextgenError, match="mine match single characters only"):  # words of another language
        match_vectors(vectors, "mine", "b. Athens", ["a", "b"], ids, list_suffices=True)
    with pytest.raises(TextgenError, match="all zero or not finite"):
        match_vectors(FixedVectors({"xx": [0.0]}), "mine", "", ["xx", "yy"], ids)


TOKENS = [" king", " queen", " Queen", " bread", " butter", ",", " rare", "<0x41>"]
TABLE = torch.tensor(
    [[1.0, 0.1], [1.0, 0.2], [1.0, 0.2], [0.1, 1.0], [0.2, 1.0], [5.0, 5.0], [0.0, 0.0], [0.0, 0.0]]
)
FOUND = torch.tensor([True] * 6 + [False] * 2)
COUNTS = np.array([9, 8, 7, 6, 5, 40, 1, 0])


def test_neighbors_are_words_by_cosine_similarity_before_and_after() -> None:
    vectors = PretrainedVectors(TABLE, FOUND, frozen=False)
    layer = TokenEmbedding(len(TOKENS), 2, vectors)
    with torch.no_grad():
        layer.weight[0] = torch.tensor([0.1, 1.0])  # the king becomes food
    found = {each.word: each for each in nearest_words(nn.Sequential(layer), vectors, TOKENS, COUNTS)}
    assert found["bread"].before[0] == "butter"
    assert found["bread"].after[0] == "king"
    assert "," not in found["bread"].before
    assert "rare" not in found["bread"].after
