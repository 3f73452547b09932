"""A corpus: a text that is read, cleaned, split in three and identified by its hashes."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from textgen.api import TextgenError
from textgen.data.cleaning import clean_files
from textgen.data.decoding import decode, decode_files
from textgen.data.text import Text, part, sha256
from textgen.defaults import CLEANER, SPLIT
from textgen.registry.attribution import contract_error
from textgen.registry.options import build
from textgen.registry.registry import names, unknown_name

PARTS = ("train", "validation", "test")
MIN_CHARS = {"train": 100, "validation": 20, "test": 20}
"""The fewest characters of each part of a split."""

MIN_CUT_WINDOW = 1000
"""A cut may move this many characters, or 1 % of the text, to reach the end of a paragraph."""

MAX_IN_MEMORY = 16_000_000
"""Files of more bytes than this are cleaned block by block and stay on disk."""

MAX_HELD_OUT_CHARS = 1_000_000
"""At most this many characters of validation and of test are scored, the first ones of each."""

MAX_CUT_WINDOW = 1 << 16
"""A cut moves no further than this many characters in a text on disk."""

BOUNDARIES = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r" "))
"""Where a text may be cut, best first. The boundary itself belongs to the part before the cut."""


@dataclass(frozen=True)
class Split:
    """The three parts of a text; joined they are the text. `test` may be empty."""

    train: Text
    validation: Text
    test: Text

    def scored(self, name: str) -> str:
        """Return the scored part of `validation` or `test`: its first `MAX_HELD_OUT_CHARS` characters."""
        held_out: Text = getattr(self, name)
        return held_out[:MAX_HELD_OUT_CHARS]


@dataclass(frozen=True)
class Corpus:
    """A cleaned text and its split."""

    name: str
    cleaner: str
    text: Text
    split: Split

    @property
    def num_chars(self) -> int:
        """The length of the text in characters (code points)."""
        return len(self.text)

    @property
    def sha256(self) -> str:
        """The hash of the text's UTF-8 bytes, in hexadecimal."""
        return sha256(self.text)

    def with_training(self, percent: float) -> Corpus:
        """Return the corpus with the first `percent` of its training split; the other parts are unchanged."""
        target = max(MIN_CHARS["train"], round(len(self.split.train) * percent / 100))
        near = min(_near(self.split.train), target // 10)
        train = part(self.split.train, 0, _cut(self.split.train, target, near, 0))
        return replace(self, split=replace(self.split, train=train))

    def to_json(self) -> dict[str, Any]:
        """Return name, cleaner, sizes and hashes as JSON values; they identify the text in a result."""
        return {
            "name": self.name,
            "cleaner": self.cleaner,
            "num_chars": self.num_chars,
            "sha256": self.sha256,
            "split": {name: self._describe_part(name) for name in PARTS},
        }

    def _describe_part(self, name: str) -> dict[str, Any]:
        text: Text = getattr(self.split, name)
        facts = {"num_chars": len(text), "sha256": sha256(text)}
        if name != "train" and len(text) > MAX_HELD_OUT_CHARS:
            facts["scored_chars"] = MAX_HELD_OUT_CHARS
        return facts


def load_corpus(
    sources: Sequence[str],
    cleaner: str = CLEANER,
    split: str = SPLIT,
    max_chars: int | None = None,
    encoding: str = "utf-8",
) -> Corpus:
    """Return the text of the sources, cleaned, cut to at most `max_chars` characters and split.

    The cut moves back to the end of a paragraph, line or word within the last tenth (at most 1000
    characters); without one it is exact.

    Raises `TextgenError` if a source cannot be read, or if what remains is too short to split.
    """
    fractions = parse_split(split)
    if max_chars is not None and max_chars < 1:
        raise TextgenError(f"cannot cut the corpus to {max_chars} characters; give a positive number")
    name, text = load_text(sources, cleaner, encoding)
    if max_chars is not None and max_chars < len(text):
        text = part(text, 0, _cut(text, max_chars, before=min(MIN_CUT_WINDOW, max_chars // 10), after=0))
    return Corpus(name, cleaner, text, split_text(text, fractions))


def load_text(sources: Sequence[str], cleaner: str, encoding: str = "utf-8") -> tuple[str, Text]:
    """Return the name and the cleaned text of the sources, as `read_text` knows them.

    Files of more than `MAX_IN_MEMORY` bytes together become a text on disk; standard input and the
    corpora known by name are always read into memory.
    """
    cleaning = build("cleaner", cleaner)
    located = _locate(sources)
    files = [path for _, paths in located or () for path in paths]
    text: Text
    if located and sum(path.stat().st_size for path in files) > MAX_IN_MEMORY:
        name, text = "+".join(name for name, _ in located), clean_files(files, cleaner, encoding)
    else:
        name, before = read_text(sources, encoding)
        if not before.strip():
            raise TextgenError(f"{name} contains only white space; give a text")
        text = cleaning.clean(before)
        if not isinstance(text, str):
            raise contract_error(cleaning, f"returned {type(text).__name__} instead of a text")
    if not (text.strip() if isinstance(text, str) else len(text)):
        raise TextgenError(f"nothing of {name} remains after the cleaner {cleaner!r}; try --clean raw")
    return name, text


def read_text(sources: Sequence[str], encoding: str = "utf-8") -> tuple[str, str]:
    """Return the name and the text of the sources, joined by a plus sign and by a blank line.

    A source is `-` (standard input), a file, a folder (its `*.txt` files in order) or a corpus, as `wiki`
    or `gutenberg/austen-emma.txt`. `encoding` is that of the files and of standard input.
    """
    if not sources:
        raise TextgenError("no text given; name a path, - for standard input, or a corpus")
    named = [_read_source(source, encoding) for source in sources]
    return "+".join(name for name, _ in named), "\n\n".join(text for _, text in named)


def _locate(sources: Sequence[str]) -> list[tuple[str, list[Path]]] | None:
    """Return name and files of each source; None unless all of them are files or folders."""
    located = [_find_files(source) for source in sources if source != "-"]
    found = [source for source in located if source is not None]
    return found if len(found) == len(sources) else None


def _find_files(source: str) -> tuple[str, list[Path]] | None:
    """Return name and files of a source that is a path, otherwise None."""
    try:
        mode = os.stat(source).st_mode
    except PermissionError as error:
        raise TextgenError(f"cannot read {source}: {error.strerror}") from None
    except (OSError, ValueError):  # no such path, or one that is too long or contains a NUL
        return None
    path = Path(source)
    if not stat.S_ISDIR(mode):
        return path.name, [path]
    files = sorted(file for file in path.glob("*.txt") if file.is_file())
    if not files:
        raise TextgenError(f"the folder {source} contains no .txt files; give a file, or a folder with some")
    return path.resolve().name or source, files


def _read_source(source: str, encoding: str) -> tuple[str, str]:
    """Return the name and the text of one source."""
    if source == "-":
        return "stdin", decode(sys.stdin.buffer.read(), "standard input", encoding)
    located = _find_files(source)
    if located is None:
        return source, _read_corpus(source)
    name, files = located
    return name, "".join(decode_files(files, encoding))


def _read_corpus(source: str) -> str:
    """Return the text of a corpus plugin; `source` is its spec, then optionally a slash and an item."""
    spec, _, item = source.partition("/")
    name = spec.partition(":")[0]
    known = names("corpus")
    if name not in known:
        is_path = os.sep in source or "/" in source or Path(source).suffix
        if is_path and not get_close_matches(name, known, n=1, cutoff=0.8):
            raise TextgenError(
                f"no such file: {source}; give a path, - for standard input, or a corpus: {', '.join(known)}"
            )
        raise TextgenError(unknown_name("corpus", name) + "; or give the path of a file")
    corpus = build("corpus", spec)
    text = corpus.read(item)
    if not isinstance(text, str):
        raise contract_error(corpus, f"returned {type(text).__name__} instead of a text")
    if not text:
        raise TextgenError(f"the corpus {source} is empty; choose another")
    return text


def parse_split(text: str) -> tuple[int, ...]:
    """Return the percentages of `90/5/5` (train, validation, test) or `90/10` (no test part)."""
    parts = text.split("/")
    if all(part.strip().isdecimal() for part in parts):
        fractions = tuple(int(part) for part in parts)
        if len(fractions) in (2, 3) and sum(fractions) == 100 and min(fractions) > 0:
            return fractions
    raise TextgenError(f"invalid split {text!r}; give percentages such as 90/5/5, or 90/10 for no test part")


def split_text(text: Text, fractions: Sequence[int]) -> Split:
    """Return `text` cut into contiguous parts of these percentages, between paragraphs where possible.

    A cut moves from its exact position to the nearest end of a paragraph, of a line or of a word, in this
    order, within 1 % of the text (at least 1000 characters, at most `MAX_CUT_WINDOW` on disk), but never
    by more than half of a part.
    Raises `TextgenError` if a part would be shorter than `MIN_CHARS`.
    """
    sizes = [len(text) * percent // 100 for percent in fractions]
    minima = [MIN_CHARS[part] for part in PARTS[: len(fractions)]]
    if any(size < least for size, least in zip(sizes, minima, strict=True)):
        needed = max(-(-least * 100 // percent) for least, percent in zip(minima, fractions, strict=True))
        raise TextgenError(
            f"the text is too short to split {'/'.join(map(str, fractions))}: {len(text)} characters; "
            f"give at least {needed}, or change --split"
        )
    slack = [size - least for size, least in zip(sizes, minima, strict=True)]
    cuts = [0]
    for i, percent in enumerate(list(accumulate(fractions))[:-1]):
        room = min(_near(text), slack[i] // 2, slack[i + 1] // 2)
        cuts.append(_cut(text, len(text) * percent // 100, room, room))
    cuts += [len(text)] * (len(PARTS) + 1 - len(cuts))
    return Split(*(part(text, begin, end) for begin, end in pairwise(cuts)))


def _near(text: Text) -> int:
    """Return how far a cut may move."""
    near = max(MIN_CUT_WINDOW, len(text) // 100)
    return near if isinstance(text, str) else min(near, MAX_CUT_WINDOW)


def _cut(text: Text, target: int, before: int, after: int) -> int:
    """Return the best cut from `before` characters before `target` to `after` characters after it."""
    if not isinstance(text, str):
        begin = max(0, target - before - 2)
        return begin + _cut(text[begin : target + after + 2], target - begin, before, after)
    low, high = target - before, target + after
    for boundary in BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, max(0, low - 2), min(high + 2, len(text)))]
        ends = [end for end in ends if low <= end <= high]
        if ends:
            return min(ends, key=lambda end: abs(end - target))
    return target
