"""What is refused at once: mistakes that can be found without torch, whose import takes seconds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.data.sources import check_sources
from textgen.registry.registry import names, unknown_name
from textgen.requests import TextOptions
from textgen.training.budget import parse_budgets


def check_early(entries: Iterable[str], text: TextOptions, budget: str) -> None:
    """Raise `TextgenError` for an unknown component, a missing text or an invalid budget.

    All other mistakes are found later.
    """
    for entry in entries:
        _check_components(entry)
    check_sources(text.sources)
    parse_budgets(budget.removeprefix("+"))


def _check_components(entry: str) -> None:
    name = entry.strip().partition(":")[0]
    known, words = [*names("alias"), *names("yardstick")], name.rpartition("*")[2].split("-")
    if name in known or "/" in name or Path(name).exists() or not 2 <= len(words) <= 3:
        return  # perhaps a run
    for kind, written in zip(("tokenizer", "model", "embedding"), words, strict=False):
        for word in written.split("+") if kind == "model" else [written]:
            if word not in names(kind) and word not in known:
                raise TextgenError(f"entry {entry!r}: {unknown_name(kind, word)}")
