"""The methods that make a class a component of a kind."""

from __future__ import annotations

import inspect
from typing import Any

from textgen import contracts
from textgen.runtime.messages import with_article

CONTRACTS = {
    "tokenizer": contracts.Tokenizer,
    "model": contracts.Model,
    "embedding": contracts.Embedding,
    "sampler": contracts.Sampler,
    "corpus": contracts.CorpusSource,
    "cleaner": contracts.Cleaner,
    "reader": contracts.Reader,
    "metric": contracts.Metric,
    "result": contracts.ResultKind,
}
"""The contract of each kind whose components are classes."""


def methods(contract: type) -> tuple[str, ...]:
    """Return the names of the methods that a contract requires, in order."""
    members = [name for name, member in vars(contract).items() if inspect.isfunction(member)]
    return tuple(name for name in members if name == "__call__" or not name.startswith("_"))


REQUIRED = {kind: methods(contract) for kind, contract in CONTRACTS.items()}
"""The methods that a class of each kind must have; a sampler may have `start` instead."""
REQUIRED["model"] += ("state_dict",)  # which torch modules have

STRINGS = {
    "alias": "an alias is a string",
    "suite": "a suite is the path of a file",
    "reference": "a reference is the name of an entry",
}
"""Kinds whose components are strings, and a message for those that are not."""
FUNCTIONS = ("lexicon", "backend", "yardstick", "command", "adviser")
"""Kinds whose components are functions; a class is one too, except for a command."""


def fault(kind: str, component: Any) -> str | None:
    """Return why `component` cannot be of this kind, or None if it can."""
    if kind in STRINGS:
        return None if isinstance(component, str) else f"{STRINGS[kind]}, not {_what(component)}"
    if kind in FUNCTIONS:
        is_function = inspect.isfunction(component) if kind == "command" else callable(component)
        return None if is_function else f"{with_article(kind)} is a function, not {_what(component)}"
    if not inspect.isclass(component):
        return f"{with_article(kind)} is a class, not {_what(component)}"
    missing = _missing(kind, component)
    return f"{component.__name__} has no {' and no '.join(missing)}" if missing else None


def kinds_of(component: type) -> list[str]:
    """Return the kinds whose methods a class has; a torch module can only be a model."""
    if hasattr(component, "state_dict"):
        return [] if _missing("model", component) else ["model"]
    return [kind for kind in REQUIRED if not _missing(kind, component)]


def _missing(kind: str, component: type) -> list[str]:
    if kind == "sampler" and _has(component, "start"):
        return []
    return [method for method in REQUIRED[kind] if not _has(component, method)]


def _has(component: type, method: str) -> bool:
    if method == "__call__":  # every class can be called; its instances need the method
        return any(method in vars(base) for base in component.__mro__)
    member = getattr(component, method, None)
    return callable(member) and getattr(member, "__name__", "") != "_forward_unimplemented"  # as in nn.Module


def _what(component: Any) -> str:
    return f"{type(component).__name__} {getattr(component, '__name__', component)!r}"
