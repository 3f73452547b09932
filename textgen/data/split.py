"""The split of a text into train, validation and test: whole documents, or slices cut between paragraphs.

A text of many documents, such as articles, is scored on documents of which nothing was trained on. Any other
text is cut into slices, each of which is divided 90/5/5: one long held-out stretch is about a few topics, and
says little about the rest of the text. Either way the score is that of many stretches from all over the text,
and their scatter tells how far it would change on others (see `benchmarks/RESULTS.md`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal, TypeAlias

import numpy as np

from textgen.contracts import TextgenError
from textgen.data.decoding import utf8
from textgen.data.text import Text, blocks, chars_before, cut_position, join
from textgen.runtime.storage.json_records import Count

PARTS = ("train", "validation", "test")

MIN_CHARS = {"train": 100, "validation": 20, "test": 20}
"""Minimum number of characters of each part of a split."""

NUM_SLICES = 24
"""Slices of a text that is long enough."""

MIN_STRETCH_CHARS = 500
"""Minimum number of characters of a held-out stretch; a shorter text has fewer slices."""

MIN_CUT_WINDOW = 1000
"""Characters that a cut may move to reach the end of a paragraph, unless 1 % of the text is more."""

MAX_HELD_OUT_CHARS = 1_000_000
"""Maximum number of characters of validation and of test that are scored, the first ones of each stretch."""

MAX_CUT_WINDOW = 1 << 16
"""Maximum number of characters that a cut may move in a text on disk."""

MIN_DOCUMENTS = 40
"""Documents from which on they are kept whole by default, if none has more than `MAX_DOCUMENT_SHARE`."""
MAX_DOCUMENT_SHARE = 0.1
"""Of all characters."""
MAX_STRETCHES = 96
"""Held-out documents beyond this number are joined to as many stretches."""

SLICES = "slices"
CONTIGUOUS = "contiguous"
DOCUMENTS = "documents"
EXACT = "exact"
KINDS = (SLICES, CONTIGUOUS, DOCUMENTS, EXACT)

Place: TypeAlias = tuple[int, int]
"""The first character of a range of a text, and the one after its last."""


@dataclass(frozen=True)
class SplitMethod:
    """Method of a split: percentages for train, validation and test, and what is cut.

    With two percentages, for train and test, validation is held back from train: half as much as the test
    part. What is fitted to a text, as the weights of a mixture, must not be scored on it. The test part may
    be 0, for one that is another text.
    """

    percentages: tuple[int, ...]
    kind: str = ""
    """One of `KINDS`; empty for documents where there are enough of them, and otherwise slices.

    `documents` are wholly in one part. `contiguous` parts are one stretch each. `exact` ones are cut at exact
    bytes, and all of what is held out is scored."""

    def __str__(self) -> str:
        return f"{self.kind}:" * bool(self.kind) + "/".join(map(str, self.percentages))

    @property
    def is_exact(self) -> bool:
        return self.kind == EXACT

    def for_documents(self, ends: Sequence[int]) -> SplitMethod:
        """Return the method for a text whose documents end at `ends`, which may be enough to keep whole."""
        largest = max(end - begin for begin, end in pairwise([0, *ends]))
        are_enough = len(ends) >= MIN_DOCUMENTS and largest <= MAX_DOCUMENT_SHARE * ends[-1]
        return replace(self, kind=DOCUMENTS) if are_enough and not self.kind else self

    @property
    def held_back(self) -> float:
        """Percent of the text that are held back from train; 0 if validation has a percentage of its own."""
        return self.percentages[1] / 2 if len(self.percentages) == 2 else 0.0

    def num_slices(self, num_chars: int) -> int:
        """Return the number of slices of a text, at most `NUM_SLICES`; stretches keep a useful length."""
        held_out = int(num_chars * (self.held_back or min(filter(None, self.percentages[1:]))) / 100)
        return 1 if self.kind == CONTIGUOUS else max(1, min(NUM_SLICES, held_out // MIN_STRETCH_CHARS))


@dataclass(frozen=True)
class SplitPart:
    """Size and hash of one part of a split."""

    num_chars: Count
    sha256: str
    stretch_chars: tuple[Count, ...] = ()
    """Characters of each stretch that is scored, in the order of the text; none in train."""

    def check(self) -> None:
        """Raise `ValueError` if a stretch is empty, or all are longer than the part."""
        if sum(self.stretch_chars) > self.num_chars or not all(self.stretch_chars):
            raise ValueError("stretch_chars: not those of num_chars")


@dataclass(frozen=True)
class SplitInfo:
    """Method of a split, and the sizes and hashes of its parts."""

    method: str
    """The value of `--split`; that of whole documents begins with `documents:`."""
    train: SplitPart
    validation: SplitPart
    test: SplitPart

    def scored(self, name: str) -> SplitPart:
        """Return `validation` or `test`."""
        part: SplitPart = getattr(self, name)
        return part


@dataclass(frozen=True, repr=False)
class Part:
    """One part of a split: stretches of the text, joined."""

    text: Text
    stretch_chars: tuple[int, ...]
    """Characters of each stretch."""

    def __len__(self) -> int:
        return len(self.text)

    def __repr__(self) -> str:
        return f"Part({len(self):,} characters in {len(self.stretch_chars)} stretches)"

    def first(self, num_chars: int) -> Part:
        """Return the beginning of each stretch in proportion to its length, `num_chars` at most in all.

        A cut moves back to the end of a paragraph, line or word by at most a tenth of what is kept.
        """
        if num_chars >= len(self):
            return self
        ranges = []
        for begin, size in zip(accumulate(self.stretch_chars, initial=0), self.stretch_chars, strict=False):
            target = size * num_chars // len(self)
            room = min(cut_window(self.text, size), target // 10)
            ranges.append((begin, cut_position(self.text, begin + target, room, 0)))
        return Part(join(self.text, ranges), tuple(end - begin for begin, end in ranges))

    def stretches(self) -> tuple[str, ...]:
        ends = accumulate(self.stretch_chars, initial=0)
        return tuple(self.text[begin:end] for begin, end in pairwise(ends))


NO_PART = Part("", ())


@dataclass(frozen=True)
class Split:
    """The three parts of a text. `test` is empty where it must not be seen, as in tuning."""

    train: Part
    validation: Part
    test: Part = NO_PART
    method: SplitMethod = SplitMethod((90, 5, 5))

    def scored(self, name: str) -> Part:
        """Return what is scored of `validation` or `test`: `MAX_HELD_OUT_CHARS`, or all of an exact split."""
        held_out: Part = getattr(self, name)
        return held_out if self.method.is_exact else held_out.first(MAX_HELD_OUT_CHARS)

    @property
    def scored_on(self) -> Literal["test", "validation"]:
        """The part whose score counts: `test`, or `validation` where that must not be seen."""
        return "test" if len(self.test) else "validation"

    @property
    def held_out(self) -> Part:
        """The scored beginning of that part."""
        return self.scored(self.scored_on)


def parse_split(text: str) -> SplitMethod:
    """Read `90/5/5` (train, validation, test) or `90/10` (train, test), perhaps after a name and a colon."""
    name, _, shares = text.strip().rpartition(":")
    if text.strip() in KINDS:
        name, shares = text.strip(), "90/5/5"
    parts = [part.strip() for part in shares.split("/")]
    if name in ("", *KINDS) and all(each.isdecimal() and len(each) < 4 for each in parts):
        percentages = tuple(int(part) for part in parts)
        method = SplitMethod(percentages, name)
        is_complete = len(percentages) in (2, 3) and sum(percentages) == 100 and min(percentages[:2]) > 0
        if is_complete and percentages[0] > method.held_back:
            return method
    raise TextgenError(
        f"invalid split {text!r}; give percentages of train, validation and test such as 90/5/5, or 90/10 to "
        "take validation from train; optionally prefixed with slices:, contiguous: (one stretch each), "
        "documents: (kept whole) or exact: (cut at these bytes)"
    )


def split_text(text: Text, method: SplitMethod, borders: Sequence[int] = ()) -> Split:
    """Return `text` split by `method`, cut between paragraphs where possible.

    A cut moves from its exact position to the nearest end of a paragraph, of a line or of a word, in this
    order, within 1 % of its slice (at least 1000 characters, at most `MAX_CUT_WINDOW` on disk), but never
    by more than half of what a part has beyond its minimum, or in several slices by a quarter. Documents,
    each of which but the first begins at one of `borders`, are kept whole if the method says so, or says
    nothing and there are enough (`SplitMethod.for_documents`).
    Raises `TextgenError` if a part would be shorter than `MIN_CHARS`, or if there are too few documents.
    """
    ends = [*borders, len(text)]
    method = method.for_documents(ends)
    percentages, num_slices = _percentages(method), method.num_slices(len(text))
    if any(int(len(text) * percent / 100) < MIN_CHARS[name] for name, percent in percentages.items()):
        needed = max(math.ceil(MIN_CHARS[name] * 100 / percent) for name, percent in percentages.items())
        raise TextgenError(
            f"the text is too short to split {method}: {len(text)} characters; "
            f"give at least {needed}, or change --split"
        )
    places: dict[str, list[Place]] = {name: [] for name in PARTS}
    if method.kind == DOCUMENTS:
        places |= document_places(ends, percentages)
    elif method.is_exact:
        places |= _exact_places(text, percentages)
    else:
        for whole in _slices(text, (0, len(text)), num_slices):
            for name, place in _divided(text, whole, method, num_slices):
                places[name].append(place)
    parts = {name: _part(text, each) for name, each in places.items()}
    for name in percentages:
        if len(parts[name]) < MIN_CHARS[name]:
            size = f"{len(parts[name])} characters, fewer than {MIN_CHARS[name]}"
            raise TextgenError(f"the {name} part of the split {method} has {size}; give more documents")
    return Split(**parts, method=method)


def _part(text: Text, places: Sequence[Place]) -> Part:
    """Return a part; more than `MAX_STRETCHES` of its places are joined to as many stretches."""
    if not places:
        return NO_PART
    groups = np.array_split([end - begin for begin, end in places], min(len(places), MAX_STRETCHES))
    return Part(join(text, places), tuple(int(group.sum()) for group in groups))


def _percentages(method: SplitMethod) -> dict[str, float]:
    """Return the percentages of all parts that are not empty."""
    if not method.held_back:
        return {name: percent for name, percent in zip(PARTS, method.percentages, strict=True) if percent}
    train, test = method.percentages
    return {"train": train - method.held_back, "validation": method.held_back, "test": test}


def _exact_places(text: Text, percentages: Mapping[str, float]) -> dict[str, list[Place]]:
    """Return the parts cut at these shares of the bytes; those that are scored are in equal stretches.

    A character that a cut would divide is of the later part.
    """
    size, begin = sum(len(utf8(block)) for block in blocks(text)), 0
    places = dict[str, list[Place]]()
    for name, share in zip(percentages, accumulate(percentages.values()), strict=True):
        end = chars_before(text, int(size * share / 100 + 1e-6))
        number = 1 if name == "train" else max(1, min(NUM_SLICES, (end - begin) // MIN_STRETCH_CHARS))
        cuts = [begin + (end - begin) * index // number for index in range(number + 1)]
        places[name], begin = [*pairwise(cuts)], end
    return places


def _divided(text: Text, whole: Place, method: SplitMethod, num_slices: int) -> Iterator[tuple[str, Place]]:
    """Yield the parts of a slice; of a train part from which validation is held back, those in its slices."""
    percentages, share = _percentages(method), 2 if num_slices == 1 else 4
    if not method.held_back:
        yield from _named(text, whole, percentages, share)
        return
    held_back = {name: percentages[name] for name in ("train", "validation")}
    known, test = divide(text, whole, method.percentages, (MIN_CHARS["train"], MIN_CHARS["test"]), share)
    size = int((known[1] - known[0]) * held_back["validation"] / method.percentages[0])
    for place in _slices(text, known, max(1, min(NUM_SLICES // num_slices, size // MIN_STRETCH_CHARS))):
        yield from _named(text, place, held_back, 4)
    yield "test", test


def _named(
    text: Text, whole: Place, percentages: Mapping[str, float], share: int
) -> Iterator[tuple[str, Place]]:
    """Yield the names and places of the parts of a range, in proportion to these percentages."""
    total = sum(percentages.values())
    minima = [MIN_CHARS[name] for name in percentages]
    of_whole = [100 * percent / total for percent in percentages.values()]
    yield from zip(percentages, divide(text, whole, of_whole, minima, share), strict=True)


def _slices(text: Text, whole: Place, number: int) -> Iterator[Place]:
    leasts = [MIN_STRETCH_CHARS] * number if number > 1 else [whole[1] - whole[0]]
    yield from divide(text, whole, [100 / number] * number, leasts, 8)


def cut_stretches(text: Text, method: SplitMethod, name: str) -> Part:
    """Return a whole text as a part in as many stretches as the slices that `method` divides a text into.

    Raises `TextgenError`, which calls it `name`, if it is shorter than a test part.
    """
    if len(text) < MIN_CHARS["test"]:
        raise TextgenError(f"{name} has only {len(text)} characters; give at least {MIN_CHARS['test']}")
    longest = 1 if method.kind == CONTIGUOUS else NUM_SLICES
    number = max(1, min(longest, len(text) // MIN_STRETCH_CHARS))
    places = list(_slices(text, (0, len(text)), number))
    return _part(text, places)


def divide(
    text: Text, place: Place, percentages: Sequence[float], minima: Sequence[int], share: int
) -> Iterator[Place]:
    """Yield a place of `text`, from its begin to its end, in consecutive ranges of these percentages.

    A cut moves by at most one part in `share` of what the ranges beside it have beyond their `minima`.
    """
    begin, end = place
    size = end - begin
    slack = [
        int(size * percent / 100 + 1e-6) - least for percent, least in zip(percentages, minima, strict=True)
    ]
    cuts = [begin]
    for index, percent in enumerate(list(accumulate(percentages))[:-1]):
        room = max(0, min(cut_window(text, size), slack[index] // share, slack[index + 1] // share))
        cuts.append(cut_position(text, begin + int(size * percent / 100 + 1e-6), room, room))
    yield from pairwise([*cuts, end])


def cut_window(text: Text, size: int) -> int:
    """Return how far a cut within `size` characters of `text` may move."""
    near = max(MIN_CUT_WINDOW, size // 100)
    return near if isinstance(text, str) else min(near, MAX_CUT_WINDOW)


def document_places(ends: Sequence[int], shares: Mapping[str, float]) -> dict[str, list[Place]]:
    """Return the places of each part of a text whose documents end at `ends`.

    `shares` are the percentages of the parts, the first of which is trained on. The others get documents,
    drawn by a fixed seed from the middle half by length, as long as that has any, until they have their share
    of the characters: a few long documents would decide a score, and very short ones say little.
    Raises `TextgenError` if there are fewer documents than parts.
    """
    number, (trained, *held_out) = len(ends), shares
    if number < len(shares):
        some = f"{number} document{'s' * (number > 1)}"
        raise TextgenError(
            f"the text has {some}, too few to split whole documents into {len(shares)} parts; "
            "remove documents: from the split, or give more documents"
        )
    documents, random = list(pairwise([0, *ends])), np.random.default_rng(0)
    by_length = np.argsort([end - begin for begin, end in documents], kind="stable")
    shortest, middle, longest = np.split(by_length, [number // 4, number - number // 4])
    left = [*random.permutation(middle), *random.permutation([*shortest, *longest])]
    places = dict[str, list[Place]]()
    for name in held_out:
        target = ends[-1] * shares[name] / 100
        most = len(left) - len(shares) + 1 + len(places)  # one is left for each other part
        sizes = list(accumulate(documents[index][1] - documents[index][0] for index in left[:most]))
        nearest = min(range(len(sizes)), key=lambda last: abs(sizes[last] - target))
        places[name] = [documents[index] for index in sorted(left[: nearest + 1])]
        left = left[nearest + 1 :]
    return places | {trained: _joined([documents[index] for index in sorted(left)])}


def _joined(places: Sequence[Place]) -> list[Place]:
    """Return places in order, those that follow each other as one."""
    cuts = [index for index in range(1, len(places)) if places[index - 1][1] != places[index][0]]
    return [(places[first][0], places[last - 1][1]) for first, last in pairwise([0, *cuts, len(places)])]
