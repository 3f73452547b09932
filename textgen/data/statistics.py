"""Views of corpora: the list of them, the statistics of one, and what a cleaner changes in it."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textgen.data.corpus import Corpus, CorpusInfo
from textgen.data.sources import read_text
from textgen.data.text import alphabet, blocks
from textgen.data.words import words
from textgen.registry.attribution import describe_error
from textgen.registry.options import build
from textgen.registry.registry import load, names

EXCERPT = 100_000
"""Characters of a text for which `changes` shows the effect of a cleaner."""


def items() -> list[dict[str, str]]:
    """Return the corpora known by name, each with its description and followed by its items."""
    rows = []
    for name in names("corpus"):
        try:
            component = load("corpus", name)
            description = (component.__doc__ or "").strip().partition("\n")[0]
            its_items = list(component().items()) if hasattr(component, "items") else []
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a broken plugin must not hide the others
            rows.append({"corpus": name, "description": describe_error(error)})
            continue
        rows.append({"corpus": name, "description": description})
        rows += [{"corpus": f"{name}/{item}", "description": ""} for item in its_items]
    return rows


@dataclass(frozen=True, kw_only=True)
class CorpusStatistics(CorpusInfo):
    """Sizes, alphabet and vocabulary of a corpus, and what is new in its held-out part."""

    num_words: int
    num_paragraphs: int
    train_alphabet_size: int
    train_vocabulary_size: int
    train_words_seen_once: int
    num_unseen_chars: int
    """Characters of the held-out part that do not occur in training, repeats included."""
    unseen_word_rate: float
    """Share of the words of the held-out part that do not occur in training."""
    most_frequent_words: tuple[str, ...]
    beginning: str


def statistics(corpus: Corpus) -> CorpusStatistics:
    """Return the statistics of a corpus."""
    train, held_out = corpus.split.train.text, "".join(corpus.split.held_out.stretches())
    train_words: Counter[str] = Counter()
    for block in blocks(train):
        train_words.update(words(block))
    train_alphabet, held_out_words = alphabet(train), words(held_out)
    unseen = Counter(held_out) - Counter({char: len(held_out) for char in train_alphabet})
    num_unseen_words = sum(word not in train_words for word in held_out_words)
    return CorpusStatistics(
        **vars(corpus.info),
        num_words=sum(len(words(block)) for block in blocks(corpus.text)),
        num_paragraphs=sum(map(num_paragraphs, blocks(corpus.text))),
        train_alphabet_size=len(train_alphabet),
        train_vocabulary_size=len(train_words),
        train_words_seen_once=sum(1 for count in train_words.values() if count == 1),
        num_unseen_chars=sum(unseen.values()),
        unseen_word_rate=num_unseen_words / max(1, len(held_out_words)),
        most_frequent_words=tuple(word for word, _ in train_words.most_common(10)),
        beginning=corpus.text[:200],
    )


def num_paragraphs(text: str) -> int:
    """Return the number of paragraphs, which blank lines separate."""
    return sum(1 for paragraph in text.split("\n\n") if paragraph.strip())


def changes(sources: Sequence[str], cleaner: str, encoding: str) -> Iterator[str]:
    """Yield the changes that a cleaner makes to the beginning of a text, as a unified diff."""
    name, text = read_text(sources, encoding)
    before = text[:EXCERPT]
    after = build("cleaner", cleaner).clean(before)
    lines = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    for line in difflib.unified_diff(*lines, name, f"{name} after {cleaner}", n=0):
        yield line if line.endswith("\n") else line + "\n"
