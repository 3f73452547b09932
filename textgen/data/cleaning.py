"""Texts of sources, cleaned document by document, in memory or on disk, and without paragraphs that repeat.

A paragraph that is in the training and in the test part of a text, such as news that was published twice,
tells how well a model remembers, not how well it predicts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import accumulate, chain
from typing import TypeAlias

import numpy as np

from textgen.contracts import Cleaner, TextgenError
from textgen.data.decoding import read_chunks, utf8
from textgen.data.parallel import map_in_order
from textgen.data.readers import identities
from textgen.data.sources import Files, locate_files, read_documents
from textgen.data.text import BLOCK_CHARS, FileText, Text, cut_blocks, sha256_of
from textgen.data.text_file import Document
from textgen.defaults import ENCODING
from textgen.registry.options import build
from textgen.registry.registry import contract_error, find
from textgen.runtime.storage.cache import cache_path, cached, new_cached_file
from textgen.version import DISTRIBUTION

MAX_IN_MEMORY = 16_000_000
"""Files of more bytes, or of more characters when unpacked, are cleaned block by block and stay on disk."""
TEXTS_FORMAT = 4
"""Version of the cached texts; raise it when the same file and cleaner give a different text."""
DOCUMENT_END = "\n\n"
"""The end of each document but the last, before cleaning."""

Block: TypeAlias = tuple[str, bool]
"""A document or a part of one, and whether it is the last part."""


@dataclass(frozen=True)
class CleanedText:
    """The cleaned text of sources."""

    name: str
    text: Text
    borders: Sequence[int] = ()
    """Where each document but the first begins in the text."""


def load_text(sources: Sequence[str], cleaner: str, encoding: str = ENCODING) -> CleanedText:
    """Return the cleaned text of the sources, as `read_documents` knows them.

    Files with much text become a text on disk; standard input and the corpora known by name are always read
    into memory. Raises `TextgenError` if they cannot be read, or if nothing remains.
    """
    cleaning = build("cleaner", cleaner)  # an unknown one is refused before anything is read
    files = locate_files(sources)
    if not files or sum(each.num_bytes for each in files) <= MAX_IN_MEMORY:
        name, documents = read_documents(sources, encoding)
        whole = _in_memory(documents, MAX_IN_MEMORY if files else sys.maxsize)
        if whole is not None:
            return _clean_documents(whole, name, cleaner, cleaning)
    assert files is not None
    cleaned = clean_files(files, cleaner, encoding)
    if not len(cleaned.text):
        raise _nothing_left(cleaned.name, cleaner)
    return cleaned


def clean_text(text: str, name: str, cleaner: str) -> str:
    """Return a text after a cleaner; raises `TextgenError`, which calls it `name`, if nothing is left."""
    return _clean_documents([text], name, cleaner, build("cleaner", cleaner)).text[:]


def clean_files(files: Sequence[Files], cleaner: str, encoding: str) -> CleanedText:
    """Return the cleaned text of files, on disk; it may be empty.

    Blocks of a million characters are cleaned one by one, so a cleaner that looks at its whole text (to
    tell whether prose is hard-wrapped) decides for each block. The result is cached under the hash of the
    files and of everything else that determines it. Raises as `read_documents` does, and if the cache cannot
    be written.
    """
    cleaning = build("cleaner", cleaner)
    path = cache_path(
        "texts",
        TEXTS_FORMAT,
        BLOCK_CHARS,
        [(file.name, each.field, sha256_of(read_chunks(file))) for each in files for file in each.paths],
        identities(),
        cleaner,
        encoding,
        version(DISTRIBUTION),
        find("cleaner", cleaner.partition(":")[0]).version,
    )
    description = cached(path)
    if description is None:
        description = {"block_chars": [], "block_bytes": [], "borders": []}
        documents = chain.from_iterable(each.documents(encoding) for each in files)
        batches = _batches(cut_documents(documents, BLOCK_CHARS))
        cleaned = chain.from_iterable(map_in_order(partial(_clean_batch, cleaning), batches))
        with new_cached_file(path, description) as file:
            for block, borders in map(_joined, _batches(join_cleaned(cleaning, cleaned))):
                num_chars = sum(description["block_chars"])
                description["borders"] += [num_chars + border for border in borders]
                description["block_chars"].append(len(block))
                description["block_bytes"].append(file.write(utf8(block)))
    chars = list(accumulate(description["block_chars"], initial=0))
    sizes = list(accumulate(description["block_bytes"], initial=0))
    text = FileText(path, chars, sizes, ((0, chars[-1]),))
    return CleanedText("+".join(each.name for each in files), text, description["borders"][:-1])


def cut_documents(documents: Iterable[Document], size: int) -> Iterator[Block]:
    """Yield documents in blocks of about `size` characters, with `DOCUMENT_END` after all but the last."""
    previous = None
    for document in documents:
        is_first = True
        for block in cut_blocks(document, size):
            if previous is not None:
                yield previous + DOCUMENT_END * is_first, is_first
            previous, is_first = block, False
    if previous is not None:
        yield previous, True


def join_cleaned(cleaner: Cleaner, blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the cleaned blocks that are not empty, each followed by the separator before the next.

    The separator is the cleaner's `joint`; without one it is a blank line where the block ends mid-line.
    """
    joint: str | None = getattr(cleaner, "joint", None)
    previous, ends = "", False
    for block, is_last in blocks:
        if block and previous:
            yield previous + ((DOCUMENT_END * (previous[-1] != "\n")) if joint is None else joint), ends
        if block:
            previous, ends = block, is_last
        else:
            ends |= is_last
    if previous:
        yield previous, True


def _in_memory(documents: Iterable[Document], max_chars: int) -> list[str] | None:
    """Return documents as strings, or None if they have more characters than this."""
    whole, num_chars = [], 0
    for document in documents:
        pieces = []
        for piece in document:
            num_chars += len(piece)
            if num_chars > max_chars:
                return None
            pieces.append(piece)
        whole.append("".join(pieces))
    return whole


def _clean_documents(documents: Sequence[str], name: str, cleaner: str, cleaning: Cleaner) -> CleanedText:
    if not any(map(str.strip, documents)):
        raise TextgenError(f"{name} contains only white space; give a text")
    blocks = cut_documents(([document] for document in documents), sys.maxsize)
    text, borders = _joined(join_cleaned(cleaning, _clean_batch(cleaning, blocks)))
    if not text.strip():
        raise _nothing_left(name, cleaner)
    return CleanedText(name, text, borders[:-1])


def _clean_batch(cleaning: Cleaner, blocks: Iterable[Block]) -> list[Block]:
    cleaned = [(cleaning.clean(text), is_last) for text, is_last in blocks]
    for text, _ in cleaned:
        if not isinstance(text, str):
            raise contract_error(cleaning, f"returned {type(text).__name__} instead of a string")
    return cleaned


def _batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield blocks in groups of at most `BLOCK_CHARS` characters, or of one longer block."""
    batch: list[Block] = []
    num_chars = 0
    for block in blocks:
        if batch and num_chars + len(block[0]) > BLOCK_CHARS:
            yield batch
            batch, num_chars = [], 0
        batch.append(block)
        num_chars += len(block[0])
    if batch:
        yield batch


def _joined(blocks: Iterable[Block]) -> tuple[str, list[int]]:
    """Return the text of blocks, and where documents end in it."""
    parts, borders, num_chars = [], [], 0
    for text, is_last in blocks:
        parts.append(text)
        num_chars += len(text)
        borders += [num_chars] * is_last
    return "".join(parts), borders


def _nothing_left(name: str, cleaner: str) -> TextgenError:
    return TextgenError(f"nothing is left of {name} after the cleaner {cleaner!r}; try --clean raw")


MIN_CHARS = 500
"""Length of a paragraph that may be left out; shorter ones repeat legitimately, as refrains do."""
MAX_SHARE = 0.5
"""Share of a paragraph's characters in sentences that an earlier paragraph has."""
MIN_SENTENCE_CHARS = 30
PARAGRAPHS = re.compile(r"(\n[^\S\n]*\n)")
SENTENCES = re.compile(r"(?<=[.!?;:。！？])\s+|\n")


def without_repeats(text: str, borders: Sequence[int] = ()) -> tuple[str, list[int]]:
    """Return a text without the paragraphs of which at least half has occurred before, and its borders.

    The rest keeps its order, and the blank lines between. `borders` are the places where documents begin; one
    of which nothing is left begins where the next one does, or at the end.
    """
    known, kept = set[str](), list[str]()
    begins, num_left_out, place = [0], [0], 0
    parts = PARAGRAPHS.split(text)
    for paragraph, separator in zip(parts[::2], [*parts[1::2], ""], strict=True):
        sentences = [each.strip() for each in SENTENCES.split(paragraph)]
        size = len(paragraph) + len(separator)
        if len(paragraph) < MIN_CHARS or not _is_repeated(sentences, known):
            kept += [paragraph, separator]
        else:
            begins += (place, place + size)
            num_left_out += (num_left_out[-1], num_left_out[-1] + size)
        place += size
        known.update(each for each in sentences if len(each) >= MIN_SENTENCE_CHARS)
    if len(begins) == 1:
        return text, list(borders)
    moved = [round(border - np.interp(border, begins, num_left_out)) for border in borders]
    return "".join(kept), moved


def _is_repeated(sentences: list[str], known: set[str]) -> bool:
    num_known = sum(len(each) for each in sentences if each in known)
    return num_known >= MAX_SHARE * sum(map(len, sentences))
