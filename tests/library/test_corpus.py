"""The list of corpora, the statistics of one, and the changes that a cleaner makes."""

from __future__ import annotations

from textgen.data.corpus import Corpus
from textgen.data.split import Part, Split
from textgen.library.corpus import statistics


def test_statistics_counted_by_hand() -> None:
    parts = ("the cat sat.\n\nThe cat ran.\n\n", "A cat. ", "The dög.")
    split = Split(*(Part(part, (len(part),)) for part in parts))
    text = "".join(parts)
    found = statistics(Corpus("mine", "raw", text, split))
    assert found.name == "mine"
    assert found.num_chars == len(text)
    assert (found.num_words, found.num_paragraphs) == (10, 3)
    assert found.train_alphabet_size == len(set(parts[0]))
    assert found.train_vocabulary_size == len({"the", "cat", "sat", "The", "ran"})
    assert found.train_words_seen_once == len({"the", "sat", "The", "ran"})
    assert found.num_unseen_chars == len("dög")
    assert found.unseen_word_rate == 1 / 2  # The, dög
    assert found.most_frequent_words[0] == "cat"
    assert found.beginning == text
