"""Completions of the shell: names of components, entries and results; only kinds of results are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import product

import typer

from textgen.contracts import TextgenError

Complete = Callable[..., list[str]]


def complete_entry(incomplete: str) -> list[str]:
    """Return aliases and `tokenizer-model`, and with a second hyphen the embeddings too."""
    from textgen.registry.registry import names

    entries = ["-".join(pair) for pair in product(names("tokenizer"), names("model"))]
    if incomplete.count("-") > 1:
        entries = ["-".join(pair) for pair in product(entries, names("embedding"))]
    return _starting(incomplete, [*names("alias"), *entries])


def complete_result(context: typer.Context, incomplete: str) -> list[str]:
    """Return names of saved results; those of a kind in a plugin file if `--plugin` precedes them."""
    from textgen.registry.single_file import load_plugin_files
    from textgen.results.names import complete_run

    with suppress(TextgenError):  # which the command says
        load_plugin_files(context.params.get("plugin") or ())
    return complete_run(incomplete)


def complete_entry_or_run(context: typer.Context, incomplete: str) -> list[str]:
    """Return entries, and names of saved runs."""
    return [*complete_entry(incomplete), *complete_result(context, incomplete)]


def complete_kind_of_result(incomplete: str) -> list[str]:
    """Return the kinds of results."""
    from textgen.results.result_kind import kinds

    return _starting(incomplete, kinds())


def complete_name(*of_kinds: str) -> Complete:
    """Return the function that completes the names of some kinds of components; without one, of all kinds."""

    def complete(incomplete: str) -> list[str]:
        from textgen.registry.registry import KINDS, names

        return _starting(incomplete, sorted({name for kind in of_kinds or KINDS for name in names(kind)}))

    return complete


def completion_of(completed: str | Sequence[str]) -> Complete | None:
    """Return the function that completes what an `Option` names; None for nothing."""
    if not isinstance(completed, str):
        return (lambda incomplete: _starting(incomplete, completed)) if completed else None
    entries: dict[str, Complete] = {"entry": complete_entry, "entry or run": complete_entry_or_run}
    return entries.get(completed) or complete_name(completed)


def _starting(incomplete: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
