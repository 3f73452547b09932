"""Texts: loading by name or path, statistics, and the list of corpora."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, CorpusInfo
from textgen.data.corpus import load_corpus as read_corpus
from textgen.data.sources import are_names, items_of, read_documents
from textgen.data.text import alphabet, blocks
from textgen.data.words import words
from textgen.evaluation.memorization import Overlap, find_overlap
from textgen.library.options import changed
from textgen.registry.options import build
from textgen.registry.registry import describe_error, load, names
from textgen.reports.formats import count, plain
from textgen.requests import Source, TextOptions
from textgen.runtime.messages import UsageError

TextSource: TypeAlias = Source | Sequence[Source] | TextOptions | Corpus
"""One source or several (which are joined), a source with options, or a loaded corpus."""
EXCERPT = 100_000
"""Characters of a text for which `changes` shows the effect of a cleaner."""


def load_corpus(
    corpus: Source | Sequence[Source] = defaults.CORPUS,
    *,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
) -> Corpus:
    """Read, clean and split the text of `corpus` (names or paths), to be used in several calls.

    `clean` is the cleaner, `split` the percentages of the parts, `max_chars` the maximum length in characters
    and `encoding` that of files. Raises `TextgenError` if a source cannot be read or the text is too short.
    """
    return loaded(TextOptions(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding))


def loaded(corpus: TextSource) -> Corpus:
    """Return a corpus, reading it unless it is already loaded."""
    text = as_text(corpus)
    check_text(text)
    if text.sealed is not None:
        raise UsageError("sealed only has an effect on a bench; leave it out")
    corpus_read = read(text)
    if not len(corpus_read.split.test):
        raise TextgenError(
            f"the split {corpus_read.split.method} has no test part; add one, as in 90/5/5, or score a "
            "sealed text"
        )
    return corpus_read


def read(text: TextOptions) -> Corpus:
    """Return the corpus for these options; it may have no test part."""
    if isinstance(text.corpus, Corpus):
        return text.corpus
    return read_corpus(text.sources, text.clean, text.split, text.max_chars, text.encoding)


def as_text(corpus: TextSource) -> TextOptions:
    """Return a text as `TextOptions`, for a loaded corpus without other options."""
    return corpus if isinstance(corpus, TextOptions) else TextOptions(corpus)  # type: ignore[arg-type]


def check_text(text: TextOptions) -> None:
    """Raise `UsageError` if a loaded corpus comes with other options."""
    if isinstance(text.corpus, Corpus) and len(changed(text)) > 1:
        raise UsageError("text options have no effect on a loaded corpus; leave them out")


def name_of(text: TextOptions) -> str:
    """Return the sources of a text, joined by plus signs."""
    return text.corpus.name if isinstance(text.corpus, Corpus) else "+".join(text.sources)


def asks_for_items(sources: Sequence[str]) -> bool:
    """Return whether sources ask for the items of a corpus, such as `gutenberg/`."""
    return len(sources) == 1 and sources[0].endswith("/") and are_names(sources)


def items(only: str | None = None) -> list[dict[str, str]]:
    """Return all corpora, or `only` one, each with its description and followed by its items."""
    rows = []
    for name in names("corpus") if only is None else [only]:
        try:
            component = load("corpus", name)
            description = (component.__doc__ or "").strip().partition("\n")[0]
            its_items = items_of(component)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a broken plugin must not hide the others
            rows.append({"corpus": name, "description": describe_error(error)})
            continue
        rows.append({"corpus": name, "description": description})
        rows += [{"corpus": f"{name}/{item}", "description": ""} for item in its_items]
    return rows


def has_items(source: str) -> bool:
    """Return whether a source is the name of a corpus with several texts and selects none of them."""
    return source in names("corpus") and len(items(source)) > 1


def grouped(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return one row per corpus, with the number of its items."""
    numbers = Counter(row["corpus"].partition("/")[0] for row in rows if "/" in row["corpus"])
    return [
        {"corpus": name, "items": f"{name}/… ({numbers[name]})" if numbers[name] else "", **row}
        for row in rows
        if "/" not in (name := row["corpus"])
    ]


@dataclass(frozen=True, kw_only=True)
class CorpusStatistics(CorpusInfo):
    """Sizes, alphabet and vocabulary of a corpus, and the share of its held-out part that is new."""

    num_documents: int
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
    overlap: Overlap
    """Overlap of the held-out part with the training text."""


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
        num_documents=corpus.num_documents,
        num_words=sum(len(words(block)) for block in blocks(corpus.text)),
        num_paragraphs=sum(map(num_paragraphs, blocks(corpus.text))),
        train_alphabet_size=len(train_alphabet),
        train_vocabulary_size=len(train_words),
        train_words_seen_once=sum(1 for count in train_words.values() if count == 1),
        num_unseen_chars=sum(unseen.values()),
        unseen_word_rate=num_unseen_words / max(1, len(held_out_words)),
        most_frequent_words=tuple(word for word, _ in train_words.most_common(10)),
        beginning=corpus.text[:200],
        overlap=find_overlap(corpus.split.held_out.stretches(), train),
    )


def num_paragraphs(text: str) -> int:
    """Return the number of paragraphs (separated by blank lines)."""
    return sum(1 for paragraph in text.split("\n\n") if paragraph.strip())


def changes(sources: Sequence[str], cleaner: str, encoding: str) -> Iterator[str]:
    """Yield the lines of a diff, without context, of the beginning of a text before and after a cleaner."""
    name, documents = read_documents(sources, encoding)
    before = ""
    for piece in chain.from_iterable(chain(document, ["\n\n"]) for document in documents):
        if len(before) >= EXCERPT:
            break
        before += piece[:EXCERPT]
    before = before[:EXCERPT].removesuffix("\n\n")
    old, new = (each.splitlines() for each in (before, build("cleaner", cleaner).clean(before)))
    yield from difflib.unified_diff(old, new, name, f"{name} after {cleaner}", n=0, lineterm="")


def corpus_lines(corpus: CorpusStatistics) -> list[str]:
    """Return lines on a text: its length, its split, and the share of its held-out part that is new."""
    split = corpus.split
    parts = {"training": split.train, "validation": split.validation, "test": split.test}
    sizes = ", ".join(f"{count(part.num_chars)} {name}" for name, part in parts.items() if part.num_chars)
    documents = f", {count(corpus.num_documents)} documents" if corpus.num_documents > 1 else ""
    number = len(split.test.stretch_chars)
    repeated = f"; {count(corpus.repeated_chars)} more in repeated paragraphs"
    return [
        f"{corpus.name}: {count(corpus.num_chars)} characters, {count(corpus.num_words)} words, "
        f"{count(corpus.num_paragraphs)} paragraphs{documents} (cleaner {corpus.cleaner})"
        f"{repeated if corpus.repeated_chars else ''}",
        f"split {split.method}: {sizes} characters{f' in {number} stretches' if number else ''}",
        f"training text: {count(corpus.train_alphabet_size)} different characters, "
        f"{count(corpus.train_vocabulary_size)} different words, {count(corpus.train_words_seen_once)} once; "
        f"most frequent: {', '.join(corpus.most_frequent_words)}",
        f"held-out text: {100 * corpus.unseen_word_rate:.1f} % of its words and "
        f"{count(corpus.num_unseen_chars)} of its characters are not in the training text; "
        f"{100 * corpus.overlap.share:.1f} % of its 60-character windows are",
        f"begins: {' '.join(plain(corpus.beginning).split())} …",
    ]
