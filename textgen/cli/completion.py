"""Completions of the shell: names of components, and entries made of them. Nothing is loaded for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

Complete = Callable[[str], list[str]]


def complete_entry(incomplete: str) -> list[str]:
    """Return aliases and `tokenizer-model`, and with a second hyphen the embeddings too."""
    from textgen.registry.registry import names

    entries = ["-".join(pair) for pair in product(names("tokenizer"), names("model"))]
    if incomplete.count("-") > 1:
        entries = ["-".join(pair) for pair in product(entries, names("embedding"))]
    return _starting(incomplete, [*names("alias"), *entries])


def complete_entry_or_run(incomplete: str) -> list[str]:
    """Return entries, and names of saved runs."""
    from textgen.results.names import complete_run

    return [*complete_entry(incomplete), *complete_run(incomplete)]


def complete_name(kind: str) -> Complete:
    """Return the function that completes the names of one kind of component."""

    def complete(incomplete: str) -> list[str]:
        from textgen.registry.registry import names

        return _starting(incomplete, names(kind))

    return complete


def complete_plugin(incomplete: str) -> list[str]:
    """Return the names of the plugins of all kinds."""
    from textgen.registry.registry import KINDS, names

    return _starting(incomplete, sorted({name for kind in KINDS for name in names(kind)}))


def complete_kind(incomplete: str) -> list[str]:
    """Return the kinds of plugins."""
    from textgen.registry.registry import KINDS

    return _starting(incomplete, KINDS)


def complete_device(incomplete: str) -> list[str]:
    """Return the devices."""
    return _starting(incomplete, ("auto", "cpu", "cuda", "mps"))


def complete_precision(incomplete: str) -> list[str]:
    """Return the number formats."""
    return _starting(incomplete, ("auto", "fp32", "bf16", "fp16"))


def _starting(incomplete: str, known: Iterable[str]) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
