"""Saved values against the same values computed again: what agrees, what does not, and what is not checked.

A kind of number is its place in a file without indices, such as `entries.*.train.seconds`. Every check names
the kinds that it covers, of which it finds any change; all others count as unchecked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from textgen.runtime.storage.json_records import to_values

RELATIVE_TOLERANCE = 1e-9
"""The relative difference that the order of additions may explain."""
SMALLEST = 1e-12
"""The difference of numbers near zero that it may explain."""

SEPARATOR = re.compile(r"\.(?!json/)|/|$")
"""What the beginnings of a kind of number end with."""

MAX_SHOWN = 4
"""Unchecked kinds of numbers of each part of a result that are shown."""

ABSENT = "nothing"
"""The value of what only one side has."""


@dataclass(frozen=True)
class Disagreement:
    """A value that differs from what it should be."""

    what: str
    saved: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.what}: saved {self.saved}, recomputed {self.recomputed}"


@dataclass(frozen=True)
class VerificationCheck:
    """Saved values of one kind, all computed again."""

    kind: str
    number: int
    """The number of values."""
    disagreements: tuple[Disagreement, ...]
    remark: str = ""
    """A remark that follows if all agree."""
    covers: tuple[str, ...] = ()
    """The kinds of numbers of which any change would be found, or the beginnings of several."""

    def lines(self) -> list[str]:
        """Return one line if all agree, otherwise one for each disagreement."""
        if not self.disagreements:
            return [f"{self.number} {self.kind} recomputed: all agree{self.remark}"]
        return [f"{self.kind}: {each}" for each in self.disagreements]

    def within(self, place: str, label: str = "") -> VerificationCheck:
        """Return the check as that of another file of a result, perhaps shown with a label.

        The kinds of numbers in that file begin with `place`.
        """
        covers = tuple(f"{place}{kind}" for kind in self.covers)
        return replace(self, kind=f"{self.kind} ({label})" if label else self.kind, covers=covers)


@dataclass(frozen=True)
class Verification:
    """A saved result, computed again from what it holds."""

    file: str
    agrees: bool
    checks: tuple[VerificationCheck, ...]
    unchecked: tuple[str, ...] = ()
    """The kinds of numbers in it that no check covers, or the beginnings of several, sorted."""

    @property
    def unchecked_line(self) -> str:
        """The unchecked kinds in one line, at most `MAX_SHOWN` of each part of the result."""
        parts: dict[str, list[str]] = {}
        for kind in self.unchecked:
            first, *others = kind.replace(".*", "").replace(".json", "").split(".", maxsplit=1)
            parts.setdefault(first, []).extend(others)
        shown = {
            part: ", ".join(kinds[:MAX_SHOWN])
            + f" and {len(kinds) - MAX_SHOWN} more" * (len(kinds) > MAX_SHOWN)
            for part, kinds in parts.items()
        }
        named = "; ".join(f"{part}: {kinds}" if kinds else part for part, kinds in shown.items())
        return f"not checked: {named}" if named else "no kind of number is left unchecked"


def compared(
    kind: str,
    saved: Mapping[str, Any],
    recomputed: Mapping[str, Any],
    *,
    covers: Iterable[str] = (),
    relative: float = RELATIVE_TOLERANCE,
    absolute: float = SMALLEST,
) -> VerificationCheck:
    """Return the check of named records, whose numbers may differ as `math.isclose` allows it."""
    tolerance = (relative, absolute)
    differing = _differing(to_values(dict(saved)), to_values(dict(recomputed)), "", tolerance)
    return VerificationCheck(kind, len(saved), tuple(differing), covers=tuple(covers))


def named(records: Iterable[Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return records under names that tell them apart: the values of those fields that they have."""
    return {", ".join(filter(None, (getattr(each, name, None) for name in fields))): each for each in records}


def number_kinds(values: Any, place: str = "") -> Iterator[str]:
    """Yield the kind of each number in JSON values, without the version of their schema."""
    if isinstance(values, dict):
        for name, inner in values.items():
            if place or name != "schema_version":
                yield from number_kinds(inner, f"{place}.{name}" if place else name)
    elif isinstance(values, list):
        for inner in values:
            yield from number_kinds(inner, f"{place}.*")
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield place


def uncovered(kinds: Collection[str], checks: Iterable[VerificationCheck]) -> tuple[str, ...]:
    """Return the kinds of numbers that no check covers, sorted; of several, what no other begins with."""
    covers = {covered for check in checks for covered in check.covers}
    missing = [kind for kind in kinds if covers.isdisjoint(beginnings(kind))]
    checked = {part for kind in set(kinds) - set(missing) for part in beginnings(kind)}
    return tuple(sorted({next(part for part in beginnings(kind) if part not in checked) for kind in missing}))


def beginnings(kind: str) -> list[str]:
    """Return what a kind of number begins with, from the shortest to the whole of it."""
    return [kind[: match.start()] for match in SEPARATOR.finditer(kind)]


def _differing(
    saved: Any, recomputed: Any, place: str, tolerance: tuple[float, float]
) -> Iterator[Disagreement]:
    """Yield the values that differ within two values of JSON."""
    if isinstance(saved, list) and isinstance(recomputed, list):
        saved, recomputed = (dict(enumerate(values, start=1)) for values in (saved, recomputed))
    if isinstance(saved, dict) and isinstance(recomputed, dict):
        for name in dict.fromkeys([*saved, *recomputed]):
            inner = f"{place}, {name}" if place else str(name)
            one, other = (values.get(name, ABSENT) for values in (saved, recomputed))
            yield from _differing(one, other, inner, tolerance)
    elif not _are_equal(saved, recomputed, tolerance):
        yield Disagreement(place, _short(saved), _short(recomputed))


def _are_equal(saved: Any, recomputed: Any, tolerance: tuple[float, float]) -> bool:
    numbers = [
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in (saved, recomputed)
    ]
    if all(numbers):
        relative, absolute = tolerance
        return math.isclose(saved, recomputed, rel_tol=relative, abs_tol=absolute)
    return type(saved) is type(recomputed) and bool(saved == recomputed)


def _short(value: Any) -> Any:
    """Return a plain value, or a word for a record that only one side has."""
    return "something" if isinstance(value, (dict, list)) else value
