"""Saved values against the same values computed again: what agrees, what does not, and what is not checked.

What is computed again is a tree of the same shape as the saved values, in which a `Partial` stands for some
fields of a record: whatever is in it is compared. A kind of value (a number, text or flag) is its place in a
file without indices, such as `entries.*.train.seconds`. One that is not in such a tree but decides what is,
is measured: a change of it alone is found, but it is not computed again. Any other one is unchecked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.results.header import Header, JudgedHeader
from textgen.results.kinds import kinds
from textgen.runtime.storage.json_records import Record, read_record, to_values

RELATIVE_TOLERANCE = 1e-9
"""The relative difference that the order of additions may explain."""
SMALLEST = 1e-12
"""The difference of numbers near zero that it may explain."""

SEPARATOR = re.compile(r"\.(?!json/|(?:html|md)$)|/|$")
"""What the beginnings of a kind of value end with."""
NAMES = ("name", "label", "entry", "case", "metric", "ahead", "a", "behind", "b", "budget", "before", "after")
"""Fields that name a record among others of a list, besides its seed."""

MAX_SHOWN, SHOWN_CHARS = 4, 60
"""Kinds of values of each part of a result that are shown in a line, and characters of texts that differ."""

ABSENT = "nothing"
"""The value of what only one side has."""


class Partial(dict[str, Any]):
    """Some fields of a record; the others are not computed again."""


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
    """The kinds of values of which any change would be found, or the beginnings of several."""
    measured: tuple[str, ...] = ()
    """Those of them that others follow from, and that are not computed again themselves."""

    def lines(self) -> list[str]:
        """Return one line if all agree, otherwise one for each disagreement."""
        if not self.disagreements:
            return [f"{self.number} {self.kind} recomputed: all agree{self.remark}"]
        return [f"{self.kind}: {each}" for each in self.disagreements]

    def within(self, place: str, label: str = "") -> VerificationCheck:
        """Return the check as that of another file of a result, perhaps shown with a label.

        The kinds of values in that file begin with `place`.
        """
        kind = f"{self.kind} ({label})" if label else self.kind
        covers, measured = (
            tuple(f"{place}{name}".rstrip(".") for name in each) for each in (self.covers, self.measured)
        )
        return replace(self, kind=kind, covers=covers, measured=measured)


@dataclass(frozen=True)
class Verification:
    """A saved result, computed again from what it holds."""

    file: str
    agrees: bool
    checks: tuple[VerificationCheck, ...]
    unchecked: tuple[str, ...] = ()
    """The kinds of values in it that no check covers, or the beginnings of several, sorted."""

    @property
    def measured(self) -> tuple[str, ...]:
        """The kinds that others follow from, and that no check has computed again, sorted."""
        again = {kind for check in self.checks for kind in {*check.covers} - {*check.measured}}
        parts = {part for kind in again for part in beginnings(kind)}  # such as a list, of its items
        measured = {kind for check in self.checks for kind in check.measured} - parts
        return tuple(sorted(kind for kind in measured if again.isdisjoint(beginnings(kind))))

    @property
    def closing_lines(self) -> Iterator[str]:
        """What was not computed again, and what was not checked at all, in a line each."""
        if self.measured:
            yield f"measured, so only agreement with the rest is checked: {_in_parts(self.measured)}"
        left = _in_parts(self.unchecked)
        yield f"not checked: {left}" if left else "no kind of value is left unchecked"


def _in_parts(kinds: Iterable[str]) -> str:
    """Return kinds in one line, at most `MAX_SHOWN` of each part of a result."""
    parts: dict[str, list[str]] = {}
    for kind in kinds:
        first, *others = kind.replace(".*", "").replace(".json", "").split(".", maxsplit=1)
        parts.setdefault(first, []).extend(others)
    shown = {
        part: ", ".join(own[:MAX_SHOWN]) + f" and {len(own) - MAX_SHOWN} more" * (len(own) > MAX_SHOWN)
        for part, own in parts.items()
    }
    return "; ".join(f"{part}: {own}" if own else part for part, own in shown.items())


def compared(
    kind: str,
    saved: Any,
    recomputed: Any,
    *,
    decided_by: Iterable[str] = (),
    remark: str = "",
    relative: float = RELATIVE_TOLERANCE,
    absolute: float = SMALLEST,
) -> VerificationCheck:
    """Return the check of a saved record against what was computed again, perhaps only a `Partial` of it.

    Numbers may differ as `math.isclose` allows it. `decided_by` are kinds of other values which those that
    were computed again depend on, so that a change of them is found too.
    """
    saved, again = to_values(saved), _values(recomputed)
    differing = tuple(_differing(saved, again, "", (relative, absolute)))
    # A leaf that is a `Partial` is empty: nothing of that record was computed again.
    leaves = [each for each in _leaves(again, "") if each[1] is not None and not isinstance(each[1], Partial)]
    number = sum(value not in ([], {}) for _, value in leaves)
    decided_by = tuple(decided_by)
    covers = tuple(dict.fromkeys([*(place for place, _ in leaves), *decided_by]))
    return VerificationCheck(kind, number, differing, remark, covers, decided_by)


def decisive(result: Any, deciding: Iterable[tuple[type, Iterable[str]]]) -> list[str]:
    """Return the kinds of values in a result that others depend on: fields of some types of records."""
    wanted = dict(deciding)

    def found(value: Any, place: str) -> Iterator[str]:
        if is_dataclass(value):
            for name in wanted.get(type(value), ()):
                yield f"{place}{name}"
            for each in fields(value):
                yield from found(getattr(value, each.name), f"{place}{each.name}.")
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield from found(inner, f"{place}{name}.")
        elif isinstance(value, tuple):
            for inner in value:
                yield from found(inner, f"{place}*.")

    return list(dict.fromkeys(found(result, "")))


@dataclass
class VerifiedFiles:
    """Reads the files of a result, and collects the kinds of values that it has."""

    path: Path
    """That of the result itself."""
    device: str | None = None
    """The device on which saved runs score the text again; None if they do not."""
    kinds: set[str] = field(default_factory=set)
    """The kinds of values in the files that were read; those of other files begin with their names."""
    results: list[tuple[Path, Header]] = field(default_factory=list)
    """Those of the files that are results of their own, with what they hold."""

    def read(self, record: type[Record], path: Path) -> Record:
        """Read a file of the result, whose values are to be checked and whose intervals are of our kind.

        Raises `TextgenError` if it is damaged or lacks its digest.
        """
        values = read_record(record, path, needs_digest=True)
        self.kinds.update(map(self.place(path).__add__, value_kinds(to_values(values))))
        if isinstance(values, JudgedHeader) and values.interval_method != INTERVAL_METHOD:
            raise TextgenError(
                f"{str(path)!r} lacks what its intervals were computed from ({values.interval_method}); "
                "measure it again"
            )
        if isinstance(values, Header):
            self.results.append((path, values))
        return values

    def name(self, path: Path) -> str:
        """Return the name of a file or folder among those of the result."""
        return path.relative_to(self.path.parent).as_posix()

    def place(self, path: Path) -> str:
        """Return what the kinds of values in a file begin with: nothing for that of the result itself.

        Those of a result in a folder begin with the name of that.
        """
        if path == self.path:
            return ""
        is_result = path.name in {kind.file for kind in kinds().values()}
        return f"{self.name(path.parent if is_result else path)}/"


def value_kinds(values: Any) -> Iterator[str]:
    """Yield the kind of each value in JSON values, but those without which a file is refused."""
    found = {(place, value not in ([], {})) for place, value in _leaves(values, "") if value is not None}
    filled = {part for place, is_value in found if is_value for part in beginnings(place)[:-1]}
    for place, is_value in found:
        if place not in ("schema_version", "interval_method") and (is_value or place not in filled):
            yield place


def uncovered(kinds: Collection[str], checks: Iterable[VerificationCheck]) -> tuple[str, ...]:
    """Return the kinds of values that no check covers, sorted; of several, what no other begins with."""
    covers = {covered for check in checks for covered in check.covers}
    missing = [kind for kind in kinds if covers.isdisjoint(beginnings(kind))]
    checked = {part for kind in set(kinds) - set(missing) for part in beginnings(kind)}
    return tuple(sorted({next(part for part in beginnings(kind) if part not in checked) for kind in missing}))


def beginnings(kind: str) -> list[str]:
    """Return what a kind of value begins with, from the shortest to the whole of it."""
    return [kind[: match.start()] for match in SEPARATOR.finditer(kind)]


def _values(tree: Any) -> Any:
    """Return a tree as JSON values, in which each `Partial` is kept."""
    if isinstance(tree, dict):
        return type(tree)({name: _values(value) for name, value in tree.items()})
    return [_values(value) for value in tree] if isinstance(tree, (list, tuple)) else to_values(tree)


def _leaves(values: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict) and values:
        for name, inner in values.items():
            yield from _leaves(inner, f"{place}.{name}" if place else name)
    elif isinstance(values, list) and values:
        for inner in values:
            yield from _leaves(inner, f"{place}.*" if place else "*")
    else:
        yield place, values


def _differing(
    saved: Any, recomputed: Any, place: str, tolerance: tuple[float, float]
) -> Iterator[Disagreement]:
    """Yield the values that differ within two values of JSON."""
    if isinstance(saved, list) and isinstance(recomputed, list):
        for index in range(max(len(saved), len(recomputed))):
            one, other = (values[index] if index < len(values) else ABSENT for values in (saved, recomputed))
            yield from _differing(one, other, _joined(place, _name(one) or str(index + 1)), tolerance)
    elif isinstance(saved, dict) and isinstance(recomputed, dict):
        is_partial = isinstance(recomputed, Partial)
        for name in recomputed if is_partial else dict.fromkeys([*saved, *recomputed]):
            one, other = (values.get(name, ABSENT) for values in (saved, recomputed))
            yield from _differing(one, other, _joined(place, name), tolerance)
    elif not _are_equal(saved, recomputed, tolerance):
        if isinstance(saved, str) and isinstance(recomputed, str):
            saved, recomputed = _where_they_differ(saved, recomputed)
        yield Disagreement(place, _short(saved), _short(recomputed))


def _where_they_differ(one: str, other: str) -> tuple[str, str]:
    """Return two texts, or of long ones what is around the first place at which they differ, in one line."""
    pairs = enumerate(zip(one, other, strict=False))
    place = next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))
    if max(len(one), len(other)) > SHOWN_CHARS:
        begin = max(0, place - SHOWN_CHARS // 2)
        one, other = (f"… {each[begin : begin + SHOWN_CHARS]} …" for each in (one, other))
    return one.replace("\n", "⏎"), other.replace("\n", "⏎")


def _joined(place: str, name: str) -> str:
    return f"{place}, {name}" if place else name


def _name(record: Any) -> str:
    """Return what tells a record from others of its list; empty for what has no name."""
    if not isinstance(record, dict):
        return ""
    named = [record[name] for name in NAMES if isinstance(record.get(name), str)]
    seed = [f"(seed {record['seed']})"] if "seed" in record else []
    return " ".join([", ".join(named), *seed]).strip() if named else " ".join(seed)


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
