"""The entries that a comparison has as references, and what they are in words."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from contextlib import suppress

from textgen.contracts import TextgenError, TextgenWarning
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import blamed, parse_entry
from textgen.registry.registry import load, names


def reference_entries(present: Collection[str]) -> list[Entry]:
    """Return the installed reference entries that are not among the entries `present`, sorted by plugin name.

    Entries are the same if their parts and options are, however they are written. A broken reference is left
    out with a `TextgenWarning`.
    """
    others: list[Entry] = []
    for text in present:
        with suppress(TextgenError):  # without a row that a reference could repeat
            others.append(parse_entry(text))
    references: list[Entry] = []
    for name in names("reference"):
        try:
            with blamed("reference", name):
                entry = parse_entry(load("reference", name))
        except TextgenError as error:
            warnings.warn(f"{error}; the comparison has no such row", TextgenWarning, stacklevel=2)
            continue
        known = [(other.parts, other.options) for other in (*others, *references)]
        if (entry.parts, entry.options) not in known:
            references.append(entry)
    return references


def describe_entry(entry: Entry) -> str:
    """Return what the models of an entry are: first lines of docstrings, and the kind of their tokens."""
    first_lines = [
        (load("model", name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
        for name in entry.models.values()
    ]
    models = " and ".join(f"{line[:1].lower()}{line[1:]}" for line in first_lines)
    if entry.num_copies > 1:
        models = f"average of {entry.num_copies} copies of each model that is trained: {models}"
    return f"{models}, over {entry.parts['tokenizer']} tokens"
