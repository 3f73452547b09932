"""The values of a result by their kind, and results in which some of them are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from textgen.runtime.storage.json_records import from_values
from textgen_verify.verification import VerificationCheck, beginnings

Place = tuple[Any, ...]
"""The keys and indices that lead to a value of JSON."""


def telling_values(values: Any) -> dict[str, Place]:
    """Return the place of one value of each kind, a number, text or flag: the last one that is not zero."""
    places: dict[str, Place] = {}
    for place, value in all_values(values):
        kind = kind_of(place)
        if value or kind not in places:
            places[kind] = place
    for name in places.keys() & {"schema_version", "interval_method"}:  # others are refused
        del places[name]
    return places


def kind_of(place: Place) -> str:
    """Return the kind of the value at a place."""
    return ".".join("*" if isinstance(key, int) else key for key in place)


def all_values(values: Any, place: Place = ()) -> Iterator[tuple[Place, float | str]]:
    """Yield the place of each number, text and flag, and what it is."""
    if isinstance(values, (dict, list)):
        for key, inner in values.items() if isinstance(values, dict) else enumerate(values):
            yield from all_values(inner, (*place, key))
    elif values is not None:
        yield place, values


def changed(values: Any, places: Iterable[Place]) -> Any:
    """Return values of JSON in which the numbers, texts and flags at these places are others."""
    values = deepcopy(values)
    for *outer, last in places:
        inner = values
        for key in outer:
            inner = inner[key]
        inner[last] = _other(inner[last])
    return values


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value} or another"
    return value + max(3, value // 3) if isinstance(value, int) else 1.3 * value + 0.01


def is_refused(kind: type[Any], values: Any) -> bool:
    """Return whether values of JSON are not read as a record of a kind."""
    try:
        from_values(kind, values)
    except ValueError:
        return True
    return False


def is_found(kind: type[Any], verify: Callable[[Any], Iterable[VerificationCheck]], values: Any) -> bool:
    """Return whether a record of a kind disagrees with itself, or cannot be computed again."""
    try:
        return any(check.disagreements for check in verify(from_values(kind, values)))
    except (ArithmeticError, LookupError, TypeError, ValueError):  # the file is called damaged
        return True


def add(place: Sequence[Any], by: float) -> Callable[[Any], None]:
    """Return a change of one number of a result."""

    def change(values: Any) -> None:
        for key in place[:-1]:
            values = values[key]
        values[place[-1]] += by

    return change


def named(kinds: Iterable[str], parts: Iterable[str]) -> set[str]:
    """Return the kinds that are in a list of kinds, or of beginnings of several."""
    return {kind for kind in kinds if not set(parts).isdisjoint(beginnings(kind))}


def found(kinds: Iterable[str], checks: Iterable[VerificationCheck]) -> set[str]:
    """Return the kinds whose numbers are among those that differ."""
    differing = {
        tuple(word for word in each.what.split(", ") if not (word.isdecimal() or "=" in word or "(" in word))
        for check in checks
        for each in check.disagreements
    }
    return {kind for kind in kinds if any(_is_named(kind, words) for words in differing)}


def _is_named(kind: str, words: tuple[str, ...]) -> bool:
    """Return whether a difference is that of a number of this kind; tokens are found by their chances."""
    keys = kind.rpartition("/")[2].replace("alternatives", "per_mille").split(".")
    name = "." + ".".join(key for key in keys if key not in ("*", "entries"))
    return any(f".{'.'.join(some)}".endswith(name) for some in (words, words[:-1]))
