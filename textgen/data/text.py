"""Texts that may be larger than memory: a string, or a UTF-8 file that is sliced and measured like one."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from textgen.data.decoding import utf8

CONTINUING = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that do not begin a character."""
BLOCK_CHARS = 1 << 20
"""Approximate number of characters of a large text that are in memory at a time."""

BOUNDARIES = (
    re.compile(r"\n[^\S\n]*\n(?=\S)"),
    re.compile(r"\n(?=\S)"),
    re.compile(r"(?<=[。！？])(?=\w)"),
    re.compile(r"(?<=\S)(?= \S)"),
)
"""Places where a block may end, best first: paragraph, line, sentence of a script without spaces, word.

No bundled token crosses any of them."""
WINDOW = 1 << 14
"""Characters at the end of a block that are searched first for its last boundary."""


@dataclass(frozen=True, repr=False)
class FileText:
    """Stretches of characters of a UTF-8 file, joined; `len` and slices work as for a string.

    `chars` and `bytes` are the offsets at which the blocks of the file begin, followed by its end: an
    index that makes a character quick to find. `ranges` are the first character of each stretch and its end.
    """

    path: Path
    chars: Sequence[int]
    bytes: Sequence[int]
    ranges: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return sum(end - begin for begin, end in self.ranges)

    def __getitem__(self, place: slice) -> str:
        begin, end, step = place.indices(len(self))
        if step != 1:
            raise ValueError("a text cannot be sliced with a step")
        return "".join(self.part(begin, end).blocks())

    def __repr__(self) -> str:
        return f"FileText({str(self.path)!r}, {len(self):,} characters)"

    def part(self, begin: int, end: int) -> FileText:
        """Return the characters `begin` to `end` of this text, still on disk."""
        ranges, position = [], 0
        for first, last in self.ranges:
            low, high = max(first, first + begin - position), min(last, first + end - position)
            if low < high:
                ranges.append((low, high))
            position += last - first
        return FileText(self.path, self.chars, self.bytes, tuple(ranges))

    def blocks(self) -> Iterator[str]:
        """Yield the text in blocks that end with a paragraph where possible."""
        with self.path.open("rb") as file:
            for begin, end in self.ranges:
                for index in range(bisect_right(self.chars, begin) - 1, len(self.chars) - 1):
                    first = self.chars[index]
                    if first >= end:
                        break
                    file.seek(self.bytes[index])
                    block = file.read(self.bytes[index + 1] - self.bytes[index])
                    if text := block.decode("utf-8", "surrogatepass")[max(0, begin - first) : end - first]:
                        yield text

    @cached_property
    def sha256(self) -> str:
        """The hash of the UTF-8 bytes, in hexadecimal."""
        return sha256_of(map(utf8, self.blocks()))


Text: TypeAlias = str | FileText


def part(text: Text, begin: int, end: int) -> Text:
    """Return the characters `begin` to `end`, without reading them if the text is a file."""
    return text[begin:end] if isinstance(text, str) else text.part(begin, end)


def join(text: Text, parts: Sequence[tuple[int, int]]) -> Text:
    """Return several parts of `text`, from `begin` to `end` each, as one text."""
    if isinstance(text, str):
        return "".join(text[begin:end] for begin, end in parts)
    ranges = [each for begin, end in parts for each in text.part(begin, end).ranges]
    return replace(text, ranges=tuple(ranges))


def blocks(text: Text) -> Iterator[str]:
    """Yield a text in blocks; a string is a single one."""
    return iter((text,)) if isinstance(text, str) else text.blocks()


def chars_before(text: Text, offset: int) -> int:
    """Return the number of whole characters before the byte of the UTF-8 of a text at an offset."""
    num_chars = 0
    for block in blocks(text):
        if offset < len(data := utf8(block)):
            return num_chars + len(data[:offset].translate(None, CONTINUING)) - (data[offset] in CONTINUING)
        num_chars, offset = num_chars + len(block), offset - len(data)
    return num_chars


def alphabet(text: Text) -> set[str]:
    """Return the set of characters of a text."""
    return set[str]().union(*map(set, blocks(text)))


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Return the hash of joined chunks of bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def sha256(text: Text) -> str:
    """Return the hash of the UTF-8 bytes, in hexadecimal."""
    return sha256_of((utf8(text),)) if isinstance(text, str) else text.sha256


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


def cut_position(text: Text, target: int, before: int, after: int) -> int:
    """Return the best cut from `before` characters before `target` to `after` characters after it."""
    if not isinstance(text, str):
        begin = max(0, target - before - 2)
        return begin + cut_position(text[begin : target + after + 2], target - begin, before, after)
    low, high = target - before, target + after
    for boundary in BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, max(0, low - 2), min(high + 2, len(text)))]
        ends = [end for end in ends if low <= end <= high]
        if ends:
            return min(ends, key=lambda end: abs(end - target))
    return target
