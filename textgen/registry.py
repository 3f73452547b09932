"""Components by kind and name, found through entry points and imported only when they are used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from textgen.api import TextgenError

KINDS = {
    "tokenizer": "textgen.tokenizers",
    "model": "textgen.models",
    "embedding": "textgen.embeddings",
    "sampler": "textgen.samplers",
    "corpus": "textgen.corpora",
    "cleaner": "textgen.cleaners",
    "lexicon": "textgen.lexicons",
    "alias": "textgen.aliases",
}
"""Kind of component: its entry-point group."""


class PluginError(TextgenError):
    """A plugin cannot be used. The message names the plugin, its distribution and its target."""


@dataclass(frozen=True)
class Plugin:
    """What the metadata of an installed distribution says about one component."""

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.target}, from {self.distribution} {self.version})"

    def load(self) -> Any:
        """Import and return the component; any failure of the plugin becomes a `PluginError`."""
        try:
            return self.entry_point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's SystemExit must not end textgen
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise PluginError(f"{self} cannot be loaded: {reason}") from error


@cache
def plugins(kind: str) -> tuple[Plugin, ...]:
    """Return what is installed of a kind, sorted by name, without importing any of it."""
    found = set()
    for point in entry_points(group=KINDS[kind]):
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("unknown", "")
        found.add(Plugin(kind, point.name, point.value, distribution, version, point))
    return tuple(sorted(found, key=lambda plugin: (plugin.name, plugin.distribution)))


def names(kind: str) -> list[str]:
    """Return the names of a kind, sorted."""
    return sorted({plugin.name for plugin in plugins(kind)})


def find(kind: str, name: str) -> Plugin:
    """Return the plugin of this name.

    Raises `TextgenError` if there is none, and `PluginError` if two distributions claim the name.
    """
    claims = [plugin for plugin in plugins(kind) if plugin.name == name]
    if not claims:
        raise TextgenError(unknown(kind, name, names(kind)))
    if len(claims) > 1:
        owners = " and ".join(f"{claim.distribution} ({claim.target})" for claim in claims)
        raise PluginError(f"{kind} {name!r} is claimed by {owners}; uninstall one of them")
    return claims[0]


@cache
def load(kind: str, name: str) -> Any:
    """Return the component of this name; raises as `find` and `Plugin.load` do."""
    return find(kind, name).load()


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the one-line message for an unknown name: the nearest match and the list."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {name!r}; {hint}known: {', '.join(known) or 'none'}"
