"""Texts that may be larger than memory: a string, or a UTF-8 file that is sliced and measured like one."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from textgen.data.unicode import utf8

BLOCK_CHARS = 1 << 20
"""Characters of a large text that are held at a time, about."""

BOUNDARIES = (
    re.compile(r"\n[^\S\n]*\n(?=\S)"),
    re.compile(r"\n(?=\S)"),
    re.compile(r"(?<=\S)(?= \S)"),
)
"""Where a block ends, best first: a paragraph, a line, a word. No token of ours reaches over any of them."""
WINDOW = 1 << 14
"""A block is searched for its last boundary from here before its end, and only then from its start."""


@dataclass(frozen=True)
class FileText:
    """The characters `begin` to `end` of a UTF-8 file; `len` and slices are those of a string.

    `chars` and `bytes` are the places where the blocks of the file begin, then its end: they are what
    makes the place of a character quick to find.
    """

    path: Path
    chars: Sequence[int]
    bytes: Sequence[int]
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __getitem__(self, place: slice) -> str:
        begin, end, step = place.indices(len(self))
        if step != 1:
            raise ValueError("a text is sliced without a step")
        return "".join(self.part(begin, end).blocks())

    def part(self, begin: int, end: int) -> FileText:
        """Return the characters `begin` to `end` of this text, still on disk."""
        return FileText(self.path, self.chars, self.bytes, self.begin + begin, self.begin + max(begin, end))

    def blocks(self) -> Iterator[str]:
        """Yield the text in blocks that end with a paragraph where possible."""
        with self.path.open("rb") as file:
            for index in range(bisect_right(self.chars, self.begin) - 1, len(self.chars) - 1):
                first = self.chars[index]
                if first >= self.end:
                    return
                file.seek(self.bytes[index])
                block = file.read(self.bytes[index + 1] - self.bytes[index]).decode("utf-8", "surrogatepass")
                if block := block[max(0, self.begin - first) : self.end - first]:
                    yield block

    @cached_property
    def sha256(self) -> str:
        """The hash of the UTF-8 bytes, in hexadecimal."""
        return _sha256(self.blocks())


Text: TypeAlias = str | FileText


def part(text: Text, begin: int, end: int) -> Text:
    """Return the characters `begin` to `end`, without reading them if the text is a file."""
    return text[begin:end] if isinstance(text, str) else text.part(begin, end)


def blocks(text: Text) -> Iterator[str]:
    """Yield a text bit by bit: a string as it is, a file in blocks."""
    return iter((text,)) if isinstance(text, str) else text.blocks()


def alphabet(text: Text) -> set[str]:
    """Return the different characters of a text."""
    return set[str]().union(*map(set, blocks(text)))


def sha256(text: Text) -> str:
    """Return the hash of the UTF-8 bytes, in hexadecimal."""
    return _sha256((text,)) if isinstance(text, str) else text.sha256


def _sha256(pieces: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(utf8(piece))
    return digest.hexdigest()


def cut_blocks(pieces: Iterable[str], size: int) -> Iterator[str]:
    """Cut a text that comes in pieces into blocks of about `size` characters that end at a boundary."""
    rest = ""
    for piece in pieces:
        text = rest + piece
        begin = 0
        while len(text) - begin > size:
            end = last_boundary(text, begin, begin + size)
            yield text[begin:end]
            begin = end
        rest = text[begin:]
    if rest:
        yield rest


def last_boundary(text: str, begin: int, end: int) -> int:
    """Return the end of the last paragraph, else line, else word of `text[begin:end]`, else `end`."""
    for boundary in BOUNDARIES:
        for start in (max(begin, end - WINDOW), begin):
            # One character more, since a boundary looks at what follows it.
            places = [match.end() for match in boundary.finditer(text, start, end + 1)]
            places = [place for place in places if begin < place <= end]
            if places:
                return places[-1]
    return end
