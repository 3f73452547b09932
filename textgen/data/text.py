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
"""Approximate number of characters of a large text that are in memory at a time."""

BOUNDARIES = (
    re.compile(r"\n[^\S\n]*\n(?=\S)"),
    re.compile(r"\n(?=\S)"),
    re.compile(r"(?<=\S)(?= \S)"),
)
"""Places where a block may end, best first: paragraph, line, word. No bundled token crosses any of them."""
WINDOW = 1 << 14
"""Characters before its end in which a block is first searched for its last boundary."""


@dataclass(frozen=True)
class FileText:
    """The characters `begin` to `end` of a UTF-8 file; `len` and slices work as for a string.

    `chars` and `bytes` are the offsets at which the blocks of the file begin, followed by its end: an
    index that makes a character quick to find.
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
            raise ValueError("a text cannot be sliced with a step")
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
    """Yield a text in blocks; a string is a single one."""
    return iter((text,)) if isinstance(text, str) else text.blocks()


def alphabet(text: Text) -> set[str]:
    """Return the set of characters of a text."""
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
    """Yield a text that comes in pieces as blocks of about `size` characters that end at a boundary."""
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
    """Return the end of the last paragraph, line or word of `text[begin:end]`, or `end` without any."""
    for boundary in BOUNDARIES:
        for start in (max(begin, end - WINDOW), begin):
            # One character more, since a boundary looks at what follows it.
            places = [match.end() for match in boundary.finditer(text, start, end + 1)]
            places = [place for place in places if begin < place <= end]
            if places:
                return places[-1]
    return end
