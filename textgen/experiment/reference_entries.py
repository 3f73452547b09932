"""Entries that every comparison includes besides those that were asked for: the installed references."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable

from textgen.contracts import TextgenError, TextgenWarning
from textgen.experiment.entry import Entry, parse_entry
from textgen.registry.registry import PluginError, find, load, names


def reference_entries(present: Collection[str]) -> list[Entry]:
    """Return the installed reference entries that are not among the entries `present`, sorted by plugin name.

    Entries are the same if their parts and options are, however they are written. A broken reference is left
    out with a `TextgenWarning`.
    """
    others = list(_readable(present))
    references: list[Entry] = []
    for name in names("reference"):
        try:
            entry = _installed(name)
        except TextgenError as error:
            warnings.warn(f"{error}; the comparison has no such row", TextgenWarning, stacklevel=2)
            continue
        if not any(_are_same(entry, other) for other in [*others, *references]):
            references.append(entry)
    return references


def describe(entry: Entry) -> str:
    """Return what the models of an entry are: first lines of docstrings, and the kind of their tokens."""
    first_lines = [
        (load("model", name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
        for name in entry.models.values()
    ]
    models = " and ".join(f"{line[:1].lower()}{line[1:]}" for line in first_lines)
    return f"{models}, over {entry.parts['tokenizer']} tokens"


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
