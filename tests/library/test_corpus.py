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


HEADERS = ["--- mine.txt\n", "+++ mine.txt after prose\n"]


def changed(folder: Path, text: str, cleaner: str = "prose") -> list[str]:
    path = folder / "mine.txt"
    path.write_text(text, "utf-8")
    return list(changes([str(path)], cleaner, "utf-8"))


def test_changes_are_what_a_cleaner_changes(tmp_path: Path) -> None:
    text = "Kept.\n\n“Quoted”\n"
    assert changed(tmp_path, text, "raw") == []
    assert changed(tmp_path, text) == [*HEADERS, '3: Kept.↵↵[-“-]{+"+}Quoted[-”-]{+"+}↵\n']


def test_a_change_is_shown_with_the_words_around_it(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(500))
    lines = changed(tmp_path, f"{words}  and {words}\n")
    assert lines == [
        *HEADERS,
        "1: word495 word496 word497 word498 word499[-␣␣-]{+␣+}and word0 word1 word2 word3\n",
    ]
