"""The values of a result by their kind, and results in which some of them are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from textgen.runtime.storage.json_records import from_values
from textgen_verify.compare import differences

Place = tuple[Any, ...]
"""The keys and indices that lead to a value of JSON."""


def telling_values(values: Any) -> dict[str, Place]:
    """Return the place of one value of each kind, a number, text or flag: the last one that is not zero.

    A kind is a place without indices, such as `entries.train.seconds`.
    """
    places: dict[str, Place] = {}
    for place, value in _all_values(values):
        kind = ".".join(key for key in place if isinstance(key, str))
        if value or kind not in places:
            places[kind] = place
    for name in places.keys() & {"schema_version", "interval_method"}:  # others are refused
        del places[name]
    return places


def _all_values(values: Any, place: Place = ()) -> Iterator[tuple[Place, float | str]]:
    if isinstance(values, (dict, list)):
        for key, inner in values.items() if isinstance(values, dict) else enumerate(values):
            yield from _all_values(inner, (*place, key))
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


def is_found(kind: type[Any], rebuild: Callable[[Any], Any], values: Any) -> bool:
    """Return whether values are no record of a kind, or one that differs from what is rebuilt of it."""
    try:
        record = from_values(kind, values)
        return any(differences(record, rebuild(record)))
    except (ArithmeticError, LookupError, TypeError, ValueError):  # the file is refused, or called damaged
        return True


def add(place: Sequence[Any], by: float) -> Callable[[Any], None]:
    """Return a change of one number of a result."""

    def change(values: Any) -> None:
        for key in place[:-1]:
            values = values[key]
        values[place[-1]] += by

    return change


def is_named(kind: str, unchecked: Iterable[str]) -> bool:
    """Return whether a kind of value is in a list of kinds, and of beginnings of several."""
    return any(f"{kind}.".startswith(f"{each}.") for each in unchecked)
