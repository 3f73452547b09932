"""Sources of texts: files, folders, standard input, corpora known by name, and texts in memory."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.data.decoding import decode_stream, utf8
from textgen.data.readers import documents_of, files_of, has_fields, suffixes_with_fields
from textgen.data.text_file import Document
from textgen.defaults import ENCODING, LANGUAGE
from textgen.registry.options import build
from textgen.registry.registry import contract_error, names, unknown_name
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.cache import DOWNLOADS, cache_folder

STANDARD_INPUT = "-"
"""The source that is read from standard input."""
IN_MEMORY = "memory:"
"""The beginning of the name of texts that `keep_in_memory` keeps."""
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class Files:
    """The files of a source, and the field of each record in them that is read."""

    name: str
    paths: Sequence[Path]
    field: str | None = None

    def documents(self, encoding: str) -> Iterator[Document]:
        for path in self.paths:
            yield from documents_of(path, self.field, encoding, is_alone=len(self.paths) == 1)

    @property
    def num_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths)


def read_documents(sources: Sequence[str], encoding: str = ENCODING) -> tuple[str, Iterator[Document]]:
    """Return the name of the sources, joined by a plus sign, and their documents, which are read in order.

    A source is `-` (standard input), a corpus, as `wiki` or `gutenberg/austen-emma.txt`, a file, or a folder
    (its files with texts, in order). A path that begins with the name of a corpus is written as `./wiki`; a
    colon and a field may follow a path. `encoding` is that of the files and of standard input. Raises
    `TextgenError` for a source that does not exist, and while documents are read.
    """
    if not sources:
        raise TextgenError("no text given; give a path, - for standard input, or a corpus")
    named = [_read_source(source, encoding) for source in sources]
    return "+".join(name for name, _ in named), chain.from_iterable(documents for _, documents in named)


_in_memory: dict[str, tuple[str, ...]] = {}
"""Texts by their names. No process that computes inherits them."""


def keep_in_memory(texts: Iterable[str]) -> str:
    """Keep texts, each a document, while this process lives; return the name by which it can read them.

    It ends with their hash. Raises `UsageError` if they are not strings.
    """
    if isinstance(texts, str):
        raise UsageError("texts is a single string; give a list of strings, even for one text")
    kept, digest = tuple(texts), hashlib.sha256()
    for index, text in enumerate(kept):
        if not isinstance(text, str):
            raise UsageError(f"text {index} is {type(text).__name__}, not a string; give a list of strings")
        digest.update(utf8(text) + b"\0")
    name = IN_MEMORY + digest.hexdigest()[:12]
    _in_memory[name] = kept
    return name


def language_of(sources: Sequence[str]) -> str:
    """Return the language of the text of the sources, as a BCP 47 tag; several are joined by plus signs.

    Corpora known by name say it; a file, a folder and standard input are taken for English.
    """
    return "+".join(dict.fromkeys(map(_language, sources)))


def locate_files(sources: Sequence[str]) -> list[Files] | None:
    """Return the files of each source; None unless all of them are files or folders."""
    located = [
        _find_files(source) for source in sources if source != STANDARD_INPUT and not _is_substitution(source)
    ]
    files = [source for source in located if source is not None]
    return files if len(files) == len(sources) else None


def are_names(sources: Sequence[str]) -> bool:
    """Return whether all sources are corpora known by name, so that no encoding applies to them."""
    return all(map(_is_name, sources))


def _is_name(source: str) -> bool:
    """Return whether a source begins with the name of a corpus, or is in memory."""
    return source.startswith(IN_MEMORY) or source.partition("/")[0].partition(":")[0] in names("corpus")


def _find_files(source: str) -> Files | None:
    """Return the files of a source that is a path, perhaps with a colon and a field; otherwise None."""
    if _is_name(source):
        return None
    if os.path.exists(source):
        return _files(source, None)
    place, colon, field = source.rpartition(":")
    if not (colon and field and os.path.exists(place)):
        return None
    if not os.path.isdir(place) and not has_fields(place):
        known = ", ".join(suffixes_with_fields())
        raise TextgenError(
            f"{place} has no fields, so no {field!r}; leave it out, or give {known} or a folder"
        )
    return _files(place, field)


def _files(source: str, field: str | None) -> Files:
    path = Path(source)
    if not path.is_dir():
        if not path.is_file() and not _is_substitution(source):  # a device or a pipe, which may never end
            raise TextgenError(f"{source} is not a file; give one, or - for standard input")
        return Files(path.name, [path], field)
    paths = files_of(path)
    if not paths:
        raise TextgenError(
            f"the folder {source} contains no texts, such as .txt files; give a file or another folder"
        )
    return Files(path.resolve().name or source, paths, field)


def _is_substitution(source: str) -> bool:
    """Return whether a shell has put the output of a command there, as in `<(command)`."""
    return source.startswith(("/dev/fd/", "/proc/self/fd/"))


def _read_source(source: str, encoding: str) -> tuple[str, Iterator[Document]]:
    if source == STANDARD_INPUT:
        document = decode_stream(sys.stdin.buffer, "standard input", encoding)
        return "stdin", _not_empty([document], "standard input")
    located = _find_files(source)
    if located is None and source.startswith(IN_MEMORY):
        if source not in _in_memory:
            raise TextgenError(f"no text {source} in this process; give it again with Corpus.from_texts")
        return source, _not_empty(([text] for text in _in_memory[source]), source)
    if located is None:
        return source, iter([document] for document in _read_corpus(source))
    if _is_substitution(source):
        return located.name, _not_empty([_substituted(source, encoding)], source)
    return located.name, _not_empty(located.documents(encoding), source)


def _substituted(source: str, encoding: str) -> Iterator[str]:
    with open(source, "rb") as stream:
        yield from decode_stream(stream, source, encoding)


def _not_empty(documents: Iterable[Document], where: str) -> Iterator[Document]:
    """Yield documents; raises `TextgenError` after them if they are all empty."""
    num_chars = 0

    def counted(document: Document) -> Iterator[str]:
        nonlocal num_chars
        for piece in document:
            num_chars += len(piece)
            yield piece

    yield from map(counted, documents)
    if not num_chars:
        raise TextgenError(f"{where} is empty; give a text")


def _language(source: str) -> str:
    if source == STANDARD_INPUT or source.startswith(IN_MEMORY) or not _is_name(source):
        return LANGUAGE
    spec, _, item = source.partition("/")
    corpus = build("corpus", spec)
    if not hasattr(corpus, "language"):
        return LANGUAGE
    tag = corpus.language(item)
    if not isinstance(tag, str) or not LANGUAGE_TAG.fullmatch(tag):
        raise contract_error(corpus, f"returned {tag!r} as its language, not a tag such as 'de'")
    return tag


def items_of(corpus: type[Any]) -> list[str]:
    """Return what can follow the slash after the name of a corpus."""
    return list(corpus().items()) if hasattr(corpus, "items") else []


def check_sources(sources: Iterable[str]) -> None:
    """Raise `TextgenError` for a source that is not there, without reading any."""
    for source in sources:
        if source != STANDARD_INPUT and _find_files(source) is None and not _is_name(source):
            _check_name(source)


def _check_name(source: str) -> None:
    name, known = source.partition("/")[0].partition(":")[0], names("corpus")
    if name not in known:
        is_path = os.sep in source or "/" in source or Path(source).suffix
        if is_path and not get_close_matches(name, known, n=1, cutoff=0.8):
            raise TextgenError(
                f"no such file: {source}; give a path, - for standard input, or a corpus: {', '.join(known)}"
            )
        raise TextgenError(unknown_name("corpus", name) + "; or give a path")


def _read_corpus(source: str) -> list[str]:
    """Return the documents of a corpus plugin; `source` is its spec, then optionally a slash and an item."""
    _check_name(source)
    spec, _, item = source.partition("/")
    corpus = build("corpus", spec)
    text: Any = corpus.read(item)
    is_one = isinstance(text, (str, bytes)) or not isinstance(text, Iterable)
    documents: list[Any] = [text] if is_one else list(text)
    for document in documents:
        if not isinstance(document, str):
            raise contract_error(corpus, f"returned {type(document).__name__} instead of a string")
    if not any(documents):
        raise TextgenError(f"the corpus {source} is empty; choose another")
    return documents


def download_folder() -> Path:
    """Return the folder in the cache for downloaded texts; it may not exist yet.

    `textgen cache clear` empties it, and the environment variable `TEXTGEN_CACHE` moves it.
    """
    return cache_folder() / DOWNLOADS
