"""Entries that every comparison includes besides those that were asked for: the installed references."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable

from textgen.api import TextgenError, TextgenWarning
from textgen.experiment.entry import Entry, parse_entry
from textgen.registry.registry import PluginError, find, load, names


def reference_entries(present: Collection[str]) -> list[Entry]:
    """Return the installed reference entries that are not among the entries `present`, sorted by plugin name.

    Entries are the same if their parts and options are, however they are written. A broken reference is left
    out with a `TextgenWarning`.
    """
    others = list(_readable(present))
    found: list[Entry] = []
    for name in names("reference"):
        try:
            entry = _installed(name)
        except TextgenError as error:
            warnings.warn(f"{error}; the comparison has no such row", TextgenWarning, stacklevel=2)
            continue
        if not any(_are_same(entry, other) for other in [*others, *found]):
            found.append(entry)
    return found


def describe(entry: Entry) -> str:
    """Return what the model of an entry is: the first line of its docstring, and the kind of its tokens."""
    docstring = load("model", entry.parts["model"]).__doc__ or ""
    first_line = docstring.strip().partition("\n")[0].rstrip(".")
    return f"{first_line[:1].lower()}{first_line[1:]}, over {entry.parts['tokenizer']} tokens"


def _installed(name: str) -> Entry:
    written = load("reference", name)
    try:
        return parse_entry(written)
    except PluginError:
        raise
    except TextgenError as error:
        raise PluginError(f"{find('reference', name)}, {written!r}, is not a valid entry: {error}") from error


def _readable(texts: Iterable[str]) -> Iterable[Entry]:
    for text in texts:
        try:
            yield parse_entry(text)
        except TextgenError:  # it has no row that a reference could repeat
            continue


def _are_same(one: Entry, other: Entry) -> bool:
    return (one.parts, one.options) == (other.parts, other.options)
