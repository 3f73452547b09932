"""Fields of records as documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textgen.contracts import NoSuchFieldError, TextgenError
from textgen.data.text_file import check_length


def document(value: object, field: str, place: str) -> Iterable[str]:
    """Return a value as a document, an empty one if there is none or only white space."""
    if value is None:
        return ()
    if not isinstance(value, str):
        raise not_a_text(place, field, type(value).__name__)
    check_length(len(value), place)
    return (value,) if value.strip() else ()


def no_such_field(place: str, field: str, names: Sequence[str]) -> NoSuchFieldError:
    """Return the error about a field that a record lacks."""
    known = ", ".join(names) or "none"
    return NoSuchFieldError(f"{place} has no field {field!r}; name one after the path and a colon: {known}")


def not_a_text(place: str, field: str, kind: object) -> TextgenError:
    """Return the error about a field whose values are of another type."""
    return TextgenError(f"the field {field!r} of {place} is not a text, but of type {kind}; name another")
