"""The list of corpora, the statistics of one, and the changes that a cleaner makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.data.split import Part, Split
from textgen.library.corpus import changes, items, statistics

Install = Callable[[str, str, str], None]


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


def test_a_broken_corpus_does_not_hide_the_others(install: Install) -> None:
    code = "class Toy:\n    '''Toys.'''\n    def read(self, item): ...\n    def items(self): return 1 / 0\n"
    install("toys", "[textgen.corpora]\ntoy = toys:Toy", code)
    found = {row["corpus"]: row["description"] for row in items()}
    assert "failed: ZeroDivisionError: division by zero (toys.py, line 4)" in found["toy"]
    assert found["lee"]
    assert found["wiki/Albedo"] == ""


def test_changes_are_the_lines_that_a_cleaner_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Kept.\n\n“Quoted”\n", "utf-8")
    assert list(changes([str(path)], "raw", "utf-8")) == []
    found = ["--- mine.txt", "+++ mine.txt after prose", "@@ -3 +3 @@", "-“Quoted”", '+"Quoted"']
    assert list(changes([str(path)], "prose", "utf-8")) == found
