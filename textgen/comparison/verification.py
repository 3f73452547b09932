"""Saved values against the same values computed again: what agrees, and what does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from textgen.runtime.storage.json_records import to_values

RELATIVE_TOLERANCE = 1e-9
"""The relative difference that the order of additions may explain."""
SMALLEST = 1e-12
"""The difference of numbers near zero that it may explain."""

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

    def lines(self) -> list[str]:
        """Return one line if all agree, otherwise one for each disagreement."""
        if not self.disagreements:
            return [f"{self.number} {self.kind} recomputed: all agree{self.remark}"]
        return [f"{self.kind}: {each}" for each in self.disagreements]


@dataclass(frozen=True)
class Verification:
    """A saved result, computed again from what it holds."""

    file: str
    agrees: bool
    checks: tuple[VerificationCheck, ...]


def compared(
    kind: str, saved: Mapping[str, Any], recomputed: Mapping[str, Any], tolerance: float = RELATIVE_TOLERANCE
) -> VerificationCheck:
    """Return the check of named records, whose numbers may differ by a relative `tolerance`."""
    differing = _differing(to_values(dict(saved)), to_values(dict(recomputed)), "", tolerance)
    return VerificationCheck(kind, len(saved), tuple(differing))


def _differing(saved: Any, recomputed: Any, place: str, tolerance: float) -> Iterator[Disagreement]:
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


def _are_equal(saved: Any, recomputed: Any, tolerance: float) -> bool:
    numbers = [
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in (saved, recomputed)
    ]
    if all(numbers):
        return math.isclose(saved, recomputed, rel_tol=tolerance, abs_tol=SMALLEST)
    return type(saved) is type(recomputed) and bool(saved == recomputed)


def _short(value: Any) -> Any:
    """Return a plain value, or a word for a record that only one side has."""
    return "something" if isinstance(value, (dict, list)) else value
