"""Texts: given by their names or paths, or loaded already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.corpus import load_corpus as read_corpus
from textgen.library.options import changed
from textgen.requests import Source, TextOptions
from textgen.runtime.messages import UsageError

TextSource: TypeAlias = Source | Sequence[Source] | TextOptions | Corpus
"""One source or several, which are joined; with options; or a corpus that is loaded already."""


def load_corpus(
    corpus: Source | Sequence[Source] = defaults.CORPUS,
    *,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
) -> Corpus:
    """Return the text of `corpus`, names and paths, cleaned and split, for several calls of functions.

    `clean` names the cleaner, `split` the percentages of its parts. At most `max_chars` characters are used.
    `encoding` is that of files. Raises `TextgenError` if a source cannot be read or the text is too short.
    """
    return loaded(TextOptions(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding))


def loaded(corpus: TextSource) -> Corpus:
    """Return the corpus, which is read unless it is loaded already."""
    text = as_text(corpus)
    check_text(text)
    if text.sealed is not None:
        raise UsageError("sealed has an effect on a bench only; leave it out")
    corpus_read = read(text)
    if not len(corpus_read.split.test):
        raise TextgenError(
            f"the split {corpus_read.split.method} has no test part; give one, as by 90/5/5, or score a "
            "text that is sealed"
        )
    return corpus_read


def read(text: TextOptions) -> Corpus:
    """Return the corpus of these options, which may have no test part."""
    if isinstance(text.corpus, Corpus):
        return text.corpus
    return read_corpus(text.sources, text.clean, text.split, text.max_chars, text.encoding)


def as_text(corpus: TextSource) -> TextOptions:
    """Return the options of a text; those of a loaded corpus have nothing but it."""
    return corpus if isinstance(corpus, TextOptions) else TextOptions(corpus)  # type: ignore[arg-type]


def check_text(text: TextOptions) -> None:
    """Raise `UsageError` for options of a loaded corpus."""
    if isinstance(text.corpus, Corpus) and len(changed(text)) > 1:
        raise UsageError("options of the text have no effect on a loaded corpus; give it alone")


def name_of(text: TextOptions) -> str:
    """Return the sources of a text, joined by plus signs."""
    return text.corpus.name if isinstance(text.corpus, Corpus) else "+".join(text.sources)
