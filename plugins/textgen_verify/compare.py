"""Saved values against the same values from a second source: where they differ, and which have none.

Both are walked as JSON values. A second source need not have every value of a file: its mappings may lack
keys, and `{}` stands for a record of which it has nothing. What no second source has is unchecked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.results.header import Header, JudgedHeader
from textgen.runtime.messages import shortened
from textgen.runtime.storage.json_records import Record, read_record, to_values

Place: TypeAlias = tuple[str | int, ...]
"""The keys and indices that lead to a value in a file."""
Tolerance: TypeAlias = tuple[float, float]
"""The relative and the absolute difference that numbers may have; that of whole ones is only absolute."""
ROUNDING: Tolerance = (1e-9, 1e-12)
"""What the order of additions may explain."""
LABELS = ("name", "entry", "label", "case", "seed")
"""Fields that identify a record of a list in messages."""
FIXED = {("schema_version",), ("interval_method",)}
"""Values without which a file is refused."""
MAX_SHOWN = 4
"""Unchecked values of each part of a result in the last line."""


@dataclass(frozen=True)
class Difference:
    """A saved value that is another one when it is recomputed."""

    place: str
    """Its place in the file, such as `entries[1, char-lstm, 0].test.bits_per_char`."""
    saved: Any
    recomputed: Any

    def __str__(self) -> str:
        saved, recomputed = (shortened(repr(each)) for each in (self.saved, self.recomputed))
        return f"{self.place}: saved {saved}, recomputed {recomputed}"


@dataclass(frozen=True)
class Check:
    """The values of one file that a second source has, too."""

    file: str
    """Its path from the folder of the result."""
    source: str
    number: int
    """The number of values."""
    differences: tuple[Difference, ...]

    def lines(self) -> list[str]:
        """Return one line if all agree, otherwise one for each difference."""
        if self.differences:
            return [f"{self.file}, from {self.source}: {each}" for each in self.differences]
        return [f"{self.file}: {self.number} values recomputed from {self.source}: all agree"]


@dataclass(frozen=True)
class Verification:
    """A saved result, compared with its second sources."""

    file: str
    agrees: bool
    checks: tuple[Check, ...]
    unchecked: dict[str, tuple[str, ...]]
    """By file: its values without a second source, by their places without indices, such as
    `entries.train.seconds`, or by the beginning of several, `entries.train`; none means the whole file."""

    @property
    def unchecked_line(self) -> str:
        """One line with the values that have no second source."""
        shown = []
        for file, places in self.unchecked.items():
            parts = []
            for part, group in groupby(places, lambda place: place.partition(".")[0]):
                inner = [place.partition(".")[2] for place in group]
                more = f" and {len(inner) - MAX_SHOWN} more" if len(inner) > MAX_SHOWN else ""
                parts.append(f"{part} ({', '.join(inner[:MAX_SHOWN])}{more})" if any(inner) else part)
            shown.append(f"{file}: {', '.join(parts)}" if parts else file)
        return f"could not be checked: {'; '.join(shown)}" if shown else "every value was checked"


class SavedFiles:
    """The files of a result: reads them, compares them, and keeps which of their values were compared.

    A kind of result is verified by its method `verify(files, path)`, if it has one. That reads its files by
    `read`, and yields what `compare` returns.
    """

    def __init__(self, path: Path, device: str | None = None, *, weighs: bool = False) -> None:
        """`path` is the file of the result; `device` scores its runs again, unless it is None.

        With `weighs` they pack their text.
        """
        self.path, self.device, self.weighs = path, device, weighs
        self.results: list[tuple[Path, Header]] = []
        """Those of the files that are results of their own."""
        self.reports: list[str] = []
        """Reports beside them that could not be made again."""
        self._values: dict[Path, Any] = {}
        self._compared: dict[Path, set[Place]] = {}

    def read(self, record: type[Record], path: Path) -> Record:
        """Read a file, whose values are to be checked and whose intervals are of this version's kind.

        Raises `TextgenError` if it is damaged or has no digest.
        """
        found = read_record(record, path, needs_digest=True)
        if isinstance(found, JudgedHeader) and found.interval_method != INTERVAL_METHOD:
            raise TextgenError(
                f"{str(path)!r} has intervals by another method ({found.interval_method}); measure it again"
            )
        if isinstance(found, Header):
            self.results.append((path, found))
        self._values[path], self._compared[path] = to_values(found), set(FIXED)
        return found

    def compare(self, path: Path, source: str, rebuilt: Any, tolerance: Tolerance = ROUNDING) -> Check:
        """Compare a file that was read with what a second source has of it, `rebuilt`, of the same shape."""
        places = {place for place, *_ in _pairs(self._values[path], to_values(rebuilt))}
        self._compared[path] |= places
        found = tuple(differences(self._values[path], rebuilt, tolerance))
        return Check(self.name(path), source, len(places), found)

    def name(self, path: Path) -> str:
        """Return the path of a file from the folder of the result."""
        return path.relative_to(self.path.parent).as_posix()

    @property
    def unchecked(self) -> dict[str, tuple[str, ...]]:
        """The values without a second source, as `Verification` has them."""
        found = dict[str, tuple[str, ...]]()
        for path, values in self._values.items():
            compared, kinds = self._compared[path], dict[Place, tuple[str, ...]]()
            for place, *_ in _pairs(values, values):
                kinds[place] = tuple(key for key in place if isinstance(key, str))
            alone = {kinds[place] for place in kinds.keys() - compared}
            begun = {kinds[place][:end] for place in kinds.keys() & compared for end in range(len(place))}
            ways = ([kind[:end] for end in range(1, len(kind) + 1)] for kind in alone)
            shortest = {next((each for each in way if each not in begun), way[-1]) for way in ways}
            if shortest:
                found[self.name(path)] = tuple(map(".".join, sorted(shortest)))
        return found | dict.fromkeys(self.reports, ())


def differences(saved: Any, rebuilt: Any, tolerance: Tolerance = ROUNDING) -> Iterator[Difference]:
    """Yield the values of a record that are others in a second source, which need not have all of them."""
    saved = to_values(saved)
    for place, one, other in _pairs(saved, to_values(rebuilt)):
        if not _are_equal(one, other, tolerance):
            yield Difference(_written(place, saved), one, other)


def _pairs(saved: Any, rebuilt: Any, place: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """Yield the place of each value of a second source, what is saved there, if anything, and the value.

    Lists of different lengths are taken as a whole; where both have nothing, there is no value.
    """
    if isinstance(saved, dict) and isinstance(rebuilt, dict):
        for name, value in rebuilt.items():
            yield from _pairs(saved.get(name), value, (*place, name))
    elif isinstance(saved, list) and isinstance(rebuilt, list) and len(saved) == len(rebuilt):
        for index, pair in enumerate(zip(saved, rebuilt, strict=True)):
            yield from _pairs(*pair, (*place, index))
    elif saved is not None or rebuilt is not None:
        yield place, saved, rebuilt


def _are_equal(saved: Any, rebuilt: Any, tolerance: Tolerance) -> bool:
    values = (saved, rebuilt)
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        return type(saved) is type(rebuilt) and bool(saved == rebuilt)
    relative = 0.0 if all(isinstance(each, int) for each in values) else tolerance[0]
    return math.isclose(saved, rebuilt, rel_tol=relative, abs_tol=tolerance[1])


def _written(place: Place, values: Any) -> str:
    """Return a place as text, in which records of a list have their labels."""
    text = ""
    for key in place:
        values = values.get(key) if isinstance(values, dict) else values[key]
        labels = [values[name] for name in LABELS if name in values] if isinstance(values, dict) else []
        text += f".{key}" if isinstance(key, str) else f"[{', '.join(map(str, [key, *labels]))}]"
    return text.removeprefix(".")
