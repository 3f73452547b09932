"""Results on disk: frozen dataclasses written and read as JSON, with the version of their schema.

A result that is kept has a field `schema_version`, and begins with the SHA-256 of what follows, so that a
change of a single bit is found. Reading validates every field by its annotation (pydantic), so that a
misspelt file is refused instead of showing gaps later. A record whose fields depend on each other has a
method `check`, which raises `ValueError` if they contradict each other: who reads it need not look.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence, Sized
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from annotated_types import Ge, Le

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import MAX_JSON_BYTES, parse_json, read_plain, write_file

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 3
"""Increment it when a field of any kept result changes its name or meaning."""

NUMBERS = re.compile(r"\[\n((?: *[-+.\deE]+,?\n)+) *\]")
"""A list of numbers as `json` writes it, one a line; no string contains a line break."""

DIGEST = "sha256"
"""The first field of a file: the hash of its bytes without this line."""
DIGEST_LINE = re.compile(rb'\{\n  "sha256": "([0-9a-f]{64})",')

Count = Annotated[int, Ge(0), Le(10**18)]
Amount = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]

Record = TypeVar("Record")


class DamagedRecordError(TextgenError):
    """A file cannot be read as the record that it should hold."""


def to_values(record: Any) -> Any:
    """Return a dataclass, or a collection of them, as JSON values."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: to_values(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {key: to_values(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_values(value) for value in record]
    return record


def to_json(record: Any) -> str:
    """Return a record as JSON that any parser reads: no NaN, lone surrogates replaced by U+FFFD."""
    text = _strict(to_values(record), indent=2)
    return NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def _strict(values: Any, indent: int | None = None) -> str:
    text = json.dumps(values, indent=indent, allow_nan=False, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def with_digest(record: Any) -> str:
    """Return a record as the JSON of a file, which `read_record` can tell from a damaged one."""
    text = to_json(record)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return f'{{\n  "{DIGEST}": "{digest}",{text.removeprefix("{")}'


def check_names(place: str, names: Iterable[Any], known: Container[Any]) -> None:
    """Raise `ValueError` for a name at a place of a record that stands for nothing else in it."""
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: {name!r} is unknown")


def check_lengths(place: str, *lists: Sized | None) -> None:
    """Raise `ValueError` if lists that belong together, of which some may be missing, differ in length."""
    if len({len(each) for each in lists if each is not None}) > 1:
        raise ValueError(f"{place}: lists of different lengths")


def check_different(place: str, names: Sequence[Any]) -> None:
    """Raise `ValueError` if two of the names at a place of a record are the same."""
    if len(set(names)) < len(names):
        raise ValueError(f"{place}: one is there twice")


def write_record(path: Path, record: Any) -> None:
    """Write a record with its digest, whole or not at all."""
    write_file(path, with_digest(record))


def from_values(kind: type[Record], values: Any) -> Record:
    """Return JSON values as a record of `kind`; raises `ValueError` with the first field that is wrong.

    Types must be exact, but for an integer in a field of floats: "12" or true is not a number.
    """
    from pydantic import ValidationError

    try:
        record: Record = adapter(cast(Any, kind)).validate_json(_strict(values), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg'].lower()}" if place else first["msg"].lower()) from None
    for place in _unknown_fields(values, to_values(record)):
        raise ValueError(f"{place}: unknown field")
    for problem in _contradictions(record):
        raise ValueError(problem)
    return record


def from_plain(kind: type[Record], values: Any) -> Record:
    """Return plain values that another process has sent as a record of `kind`, whose numbers may be NaN.

    Raises `ValueError` for fields of other types.
    """
    record: Record = adapter(cast(Any, kind)).validate_python(values)
    return record


def read_record(kind: type[Record], path: Path, *, needs_digest: bool = False) -> Record:
    """Read a record of `kind`.

    A file without a digest is as `--json` prints it, unless `needs_digest`. Raises `DamagedRecordError` if
    the file does not hold a record or has changed, `TextgenError` if it cannot be read or its schema is
    older or newer.
    """
    try:
        return from_values(kind, read_values(path, needs_digest=needs_digest))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from None


def read_values(path: Path, *, needs_digest: bool = False) -> dict[str, Any]:
    """Return the values of a record, without their digest; raises as `read_record` does."""
    try:
        data = read_plain(path, MAX_JSON_BYTES)
        values = parse_json(data)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        has_digest = DIGEST in values
        if has_digest:
            _check_digest(data, values.pop(DIGEST))
        version = values.get("schema_version", 0)  # the first records lacked it
        if type(version) is not int:
            raise ValueError(f"schema_version: {version!r} is not an integer")
        if version == SCHEMA_VERSION:
            if needs_digest and not has_digest:
                raise ValueError(f"it has no digest ({DIGEST})")
            return values
    except OSError as error:
        raise TextgenError(f"cannot read {str(path)!r}: {reason_of(error)}") from None
    except ValueError as error:
        raise _damaged(path, error) from None
    if version < SCHEMA_VERSION:
        raise TextgenError(f"{str(path)!r} was written by an older textgen; recreate it with this one")
    raise TextgenError(
        f"{str(path)!r} was written by a newer textgen (schema version {version}); "
        f"update textgen, which reads version {SCHEMA_VERSION}"
    )


def _check_digest(data: bytes, given: Any) -> None:
    """Raise `ValueError` if the bytes of a file are not those that its digest was computed from."""
    line = DIGEST_LINE.match(data)
    if line is None or hashlib.sha256(b"{" + data[line.end() :]).hexdigest() != given:
        raise ValueError("it has changed since it was written")


def _damaged(path: Path, error: Exception) -> DamagedRecordError:
    return DamagedRecordError(f"{str(path)!r} cannot be read: {reason_of(error)}")


def _unknown_fields(given: Any, taken: Any, prefix: str = "") -> Iterator[str]:
    """Yield the places of JSON values that are not part of the record that was made of them."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            if name not in taken:
                yield f"{prefix}{name}"
            else:
                yield from _unknown_fields(value, taken[name], f"{prefix}{name}.")
    elif isinstance(given, list) and isinstance(taken, list):
        for index, pair in enumerate(zip(given, taken, strict=False)):
            yield from _unknown_fields(*pair, f"{prefix}{index}.")


def _contradictions(value: Any, place: str = "") -> Iterator[str]:
    """Yield what the checks of records say, the innermost first."""
    parts: Iterable[tuple[Any, Any]] = ()
    is_record = dataclasses.is_dataclass(value)
    if is_record or isinstance(value, dict):
        parts = (vars(value) if is_record else value).items()
    elif isinstance(value, (tuple, list)):
        parts = enumerate(value)
    for name, part in parts:
        if part and not isinstance(part, (int, float, str)):
            yield from _contradictions(part, f"{place}{name}.")
    if is_record and hasattr(value, "check"):
        try:
            value.check()
        except (ValueError, TextgenError) as error:
            yield f"{place[:-1]}: {error}" if place else str(error)


@cache
def adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what reads and checks records of a kind."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
