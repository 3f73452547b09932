"""Texts, given by their names or paths, or loaded already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from textgen import defaults
from textgen.data.corpus import Corpus
from textgen.data.corpus import load_corpus as read_corpus
from textgen.data.sources import are_names
from textgen.runtime.messages import UsageError

__all__ = ["Corpus", "Source", "Text", "load_corpus", "loaded"]

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
Text: TypeAlias = Source | Sequence[Source] | Corpus
"""One source or several, which are joined; or a corpus that is loaded already."""


def load_corpus(
    corpus: Source | Sequence[Source] = defaults.CORPUS,
    *,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
) -> Corpus:
    """Return a text, cleaned and split, for several calls of `bench` and `train`.

    Raises `TextgenError` if a source cannot be read or the text is too short.
    """
    sources = [str(each) for each in ([corpus] if isinstance(corpus, (str, Path)) else corpus)]
    if encoding != defaults.ENCODING and are_names(sources):
        raise UsageError(
            f"encoding has no effect on {' and '.join(sources)}, not read from a file; leave it out"
        )
    return read_corpus(sources, clean, split, max_chars, encoding)


def loaded(corpus: Text, clean: str, split: str, max_chars: int | None, encoding: str) -> Corpus:
    """Return the corpus; options of the text have no effect on one that is loaded already."""
    if not isinstance(corpus, Corpus):
        return load_corpus(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding)
    given = (clean, split, max_chars, encoding)
    usual = (defaults.CLEANER, defaults.SPLIT, None, defaults.ENCODING)
    for name, value, default in zip(("clean", "split", "max_chars", "encoding"), given, usual, strict=True):
        if value != default:
            raise UsageError(f"{name} has no effect on a loaded corpus; give it to load_corpus")
    return corpus
