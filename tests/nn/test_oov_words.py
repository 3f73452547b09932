"""OOV words of the training text and words of vectors are expected again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from textgen.nn.oov_words import CASES, OovWords
from textgen.nn.word_trie import Trie

LETTERS = "ABCSTabcstü4"


def follow(words: OovWords, prefix: str) -> np.ndarray:
    """Return the places after a prefix, [CASES, 1]."""
    letters = prefix.removeprefix(" ")
    places = np.full((CASES, 1), int(letters != prefix))
    for letter in letters:
        code = words.letters.index(letter) + 1 if letter in words.letters else -1
        places = words.follow(places, np.array([code]))
    return places


def probabilities(words: OovWords, prefix: str) -> dict[str, float]:
    """Return those of each letter after a prefix that are not zero, and of the end as a dot."""
    found, _ = words.predict(follow(words, prefix), np.zeros(1, np.int64))
    return {
        letter: value for letter, value in zip([".", *words.letters], found[0].tolist(), strict=True) if value
    }


def spelled(**counts: int) -> OovWords:
    """Return what expects words with these counts, after a space; as many words occur twice as once."""
    words = OovWords(LETTERS, [])
    words.count({f" {word}": count for word, count in counts.items()}, 1, 1)
    return words


@pytest.mark.parametrize("num_letters", [30, 300, 3000])
def test_a_trie_finds_every_word_and_no_other(num_letters: int) -> None:
    letters = [chr(0x4E00 + index) for index in range(num_letters)]
    random = np.random.default_rng(0)
    words = ["".join(random.choice(letters[-20:], random.integers(1, 5))) for _ in range(500)]
    trie = Trie.of_lines("\n".join(words), letters)
    for word, row in zip(words, trie.row_of.tolist(), strict=True):
        node = np.zeros(1, np.int64)
        for code in [*(letters.index(letter) + 1 for letter in word), 0]:
            node = trie.child(node, np.array([code]))
        assert (trie.begins[node], trie.ends[node]) == (row, row + 1)
    rows = dict(zip(words, trie.row_of.tolist(), strict=True))
    assert all(rows[one] < rows[two] for one, two in pairwise(sorted(rows)))


def test_words_are_expected_as_often_as_they_were_spelled() -> None:
    """Each count is a third of an occurrence less, n₁ / (n₁ + 2 n₂)."""
    words = spelled(cat=1, cab=3)
    assert probabilities(words, " ca") == pytest.approx({"t": 1 / 5, "b": 4 / 5})
    assert probabilities(words, " cat") == pytest.approx({".": 1})
    assert probabilities(words, " cab") == pytest.approx({".": 1})
    assert probabilities(words, "ca") == probabilities(words, " cc") == probabilities(words, " Ca") == {}


def test_a_word_of_the_vocabulary_is_expected_in_other_cases_only() -> None:
    words = OovWords(LETTERS, [" cat"])
    words.count({" Cat": 1, " BAT": 1, "cat": 1}, 3, 0)
    assert probabilities(words, " ca") == {}
    assert probabilities(words, "ca") == pytest.approx({"t": 1})
    assert set(probabilities(words, " C")) == {"a", "A"}
    assert [bool(words.are_known(follow(words, word))[0]) for word in (" cat", "cat", " Cat", " ca")] == [
        True,
        False,
        False,
        False,
    ]


def test_words_of_vectors_are_expected_by_their_ranks_and_in_the_cases_of_the_text() -> None:
    words = OovWords(LETTERS, [], ["cab", *(f"x{number}" for number in range(3000)), "cat", "sat", "4"])
    assert probabilities(words, " ca") == {}  # of a text without spellings, nothing is known
    words.count({" cast": 1, " sat": 1, " cat": 1}, 3, 0)
    found = probabilities(words, " ca")
    assert found["b"] > 3 * found["t"]
    share = words.share
    words.count({" sat": 1, " cast": 1, " acts": 1}, 3, 0)
    assert words.share < share  # "sat" alone is a word of the vectors
    words.count({" Sat": 1, " Bat": 1, " cat": 1}, 3, 0)
    by_case = probabilities(words, " C")
    assert by_case["a"] > 1.5 * by_case["A"]


def test_what_was_learnt_is_saved() -> None:
    words = OovWords(LETTERS, [" tab"], ["cat", "bäst", "süß"])
    words.count({" Cat": 2, " tat": 1}, 4, 1)
    loaded = OovWords(LETTERS, [" tab"])
    loaded.load_state_dict(words.state_dict())
    for prefix in (" C", " ta", " t", "c"):
        assert probabilities(loaded, prefix) == probabilities(words, prefix)
    assert loaded.share == words.share > 0
