"""Components by kind and name, found through entry points and imported only when they are used.

`TEXTGEN_PLUGINS` may list the distributions whose plugins take part, separated by commas; those of
textgen itself always do.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points, requires
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from textgen import DISTRIBUTION, __version__
from textgen.api import TextgenError
from textgen.registry.isolation import preserve_process_state
from textgen.registry.kinds import fault
from textgen.runtime.messages import one_line, unknown

KINDS = {
    "tokenizer": "textgen.tokenizers",
    "model": "textgen.models",
    "embedding": "textgen.embeddings",
    "sampler": "textgen.samplers",
    "corpus": "textgen.corpora",
    "cleaner": "textgen.cleaners",
    "lexicon": "textgen.lexicons",
    "alias": "textgen.aliases",
    "suite": "textgen.suites",
}
"""Kind of component: its entry-point group."""


IN_ENTRIES = r"\w+", "a part of an entry has letters, digits and underscores only"
OTHER_NAMES = r"[^\s:,]+", "a name has no space, colon or comma"
NAMES = {
    **dict.fromkeys(("tokenizer", "model", "embedding"), IN_ENTRIES),
    "corpus": (r"[^\s:,/]+", "a corpus has no space, colon, comma or slash"),
}
"""Kind of component: what its names look like, and that in words."""


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
    entry_point: EntryPoint = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.target}, from {self.distribution} {self.version})"

    @property
    def title(self) -> str:
        """What messages about its use call it: kind and name, and whose it is if not textgen's own."""
        foreign = "" if canonicalize_name(self.distribution) == DISTRIBUTION else f" of {self.distribution}"
        return f"{self.kind} {self.name!r}{foreign}"

    def identity(self) -> str:
        """Return what stands for its code in results that are kept: distribution and version.

        That of another distribution, which may be in the making, has a hash of its module's source too.
        """
        released = f"{self.distribution} {self.version}"
        if canonicalize_name(self.distribution) == DISTRIBUTION:
            return released
        load(self.kind, self.name)
        try:
            source = Path(sys.modules[self.module].__file__ or "").read_bytes()
        except (KeyError, AttributeError, OSError):  # not made of files
            return released
        return f"{released} {hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def module(self) -> str:
        """The module that is imported to load it."""
        return self.target.partition(":")[0].strip()

    def load(self) -> Any:
        """Import and return the component.

        Whatever is wrong becomes a `PluginError`: an import that fails or exits, a component that is not
        what its kind promises, a distribution made for another version of textgen.
        """
        if problem := self.problem():
            raise PluginError(f"{self} cannot be loaded: {problem}")
        try:
            with preserve_process_state(), redirect_stdout(sys.stderr):  # stdout holds results only
                component = self.entry_point.load()
                problem = fault(self.kind, component)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's SystemExit must not end textgen
            raise PluginError(f"{self} cannot be loaded: {one_line(error)}") from error
        if problem:
            raise PluginError(f"{self} is no {self.kind}: {problem}")
        return component

    def problem(self) -> str | None:
        """Return why it cannot be used as far as metadata tell: its name, or the textgen that it is for."""
        letters, rule = NAMES.get(self.kind, OTHER_NAMES)
        if not re.fullmatch(letters, self.name):
            return f"nobody can write the name {self.name!r}; {rule}"
        for line in _requirements(self.distribution):
            if "textgen" not in line:
                continue
            from packaging.requirements import InvalidRequirement, Requirement

            with suppress(InvalidRequirement):
                wanted = Requirement(line)
                is_meant = canonicalize_name(wanted.name) == DISTRIBUTION and (
                    wanted.marker is None or wanted.marker.evaluate({"extra": ""})
                )
                if is_meant and not wanted.specifier.contains(__version__, prereleases=True):
                    return f"{self.distribution} requires {wanted}, and this is {DISTRIBUTION} {__version__}"
        return None


_from_files: list[Plugin] = []
_owners: dict[int, Plugin] = {}
"""The plugin that each loaded component belongs to, by the component's `id`."""


def register(found: Iterable[Plugin]) -> None:
    """Let plugins take part that no metadata tells of, in place of those of the same modules."""
    found = list(found)
    modules = {plugin.module for plugin in found}
    _from_files[:] = [plugin for plugin in _from_files if plugin.module not in modules] + found
    clear_caches()


def plugin_files() -> list[Path]:
    """Return the files of plugins that were added, for another process to add them too."""
    modules = dict.fromkeys(plugin.module for plugin in _from_files)
    return [Path(str(sys.modules[module].__file__)) for module in modules]


def clear_caches() -> None:
    """Read the metadata anew when a plugin is looked for the next time."""
    for cached in (_installed, plugins, load, _requirements, renamed):
        cached.cache_clear()
    _owners.clear()


@cache
def plugins(kind: str) -> tuple[Plugin, ...]:
    """Return what takes part of a kind, sorted by name, without importing any of it."""
    allowed = allow_list()
    taking_part = [
        plugin
        for plugin in _installed()[kind]
        if allowed is None or canonicalize_name(plugin.distribution) in {DISTRIBUTION, *allowed}
    ]
    taking_part += [plugin for plugin in _from_files if plugin.kind == kind]
    return tuple(sorted(taking_part, key=lambda plugin: (plugin.name, plugin.distribution)))


def names(kind: str) -> list[str]:
    """Return the names of a kind, sorted."""
    return sorted({plugin.name for plugin in plugins(kind)})


def find(kind: str, name: str) -> Plugin:
    """Return the plugin of this name.

    Raises `TextgenError` if there is none, and `PluginError` if two distributions claim the name.
    """
    claims = [plugin for plugin in plugins(kind) if plugin.name == name]
    if not claims:
        raise TextgenError(unknown_name(kind, name))
    if len(claims) > 1:
        owners = " and ".join(f"{claim.distribution} ({claim.target})" for claim in claims)
        advice = "rename the class in the file" if _has_file(claims) else "uninstall one of them"
        raise PluginError(f"{kind} {name!r} is claimed by {owners}; {advice}")
    return claims[0]


@cache
def load(kind: str, name: str) -> Any:
    """Return the component of this name; raises as `find` and `Plugin.load` do."""
    plugin = find(kind, name)
    component = plugin.load()
    _owners.setdefault(id(component), plugin)
    return component


def plugin_of(component: object) -> Plugin | None:
    """Return the plugin that has brought a component, an instance of it or one of a class derived from it."""
    made_by = component if issubclass(type(component), type) else type(component)
    bases: tuple[type, ...] = getattr(made_by, "__mro__", ())
    return next((_owners[id(base)] for base in bases if id(base) in _owners), None)


def unknown_name(kind: str, name: str) -> str:
    """Return the one-line message for a name that no plugin of this kind has."""
    if new := renamed().get(f"{kind}.{name}"):
        return f"{kind} {name!r} is called {new!r} since 0.1.0"
    return unknown(kind, name, names(kind)) + not_allowed_hint(kind, name)


@cache
def renamed() -> dict[str, str]:
    """Return the new names of renamed plugins by `kind.old_name`, as the group `textgen.renamed` has them."""
    return {point.name: point.value for point in entry_points(group="textgen.renamed")}


def not_allowed_hint(kind: str, name: str) -> str:
    """Return, for the end of a message, which distributions have what TEXTGEN_PLUGINS leaves out."""
    owners = {plugin.distribution for plugin in _installed()[kind] if plugin.name == name}
    return f"; {', '.join(sorted(owners))} has it, but TEXTGEN_PLUGINS leaves it out" if owners else ""


def allow_list() -> set[str] | None:
    """Return the distributions in TEXTGEN_PLUGINS, or None if it is not set and all take part."""
    listed = os.environ.get("TEXTGEN_PLUGINS")
    return None if listed is None else {canonicalize_name(name.strip()) for name in listed.split(",")}


@cache
def _installed() -> dict[str, tuple[Plugin, ...]]:
    """Return all plugins that the metadata of installed distributions tell of, by kind."""
    found: dict[str, set[Plugin]] = {kind: set() for kind in KINDS}
    kind_of = {group: kind for kind, group in KINDS.items()}
    for point in _entry_points():
        if kind := kind_of.get(point.group):
            found[kind].add(Plugin(kind, point.name, point.value, *_origin(point), point))
    return {kind: tuple(plugins) for kind, plugins in found.items()}


def _entry_points() -> list[EntryPoint]:
    try:
        return [point for group in KINDS.values() for point in entry_points(group=group)]
    except Exception:  # one distribution with broken metadata must not hide the others
        found: list[EntryPoint] = []
        for distribution in distributions():
            with suppress(Exception):
                found += distribution.entry_points
        return found


def _origin(point: EntryPoint) -> tuple[str, str]:
    with suppress(Exception):  # metadata without a name or version
        if point.dist and point.dist.name:
            return point.dist.name, point.dist.version or ""
    return "unknown", ""


@cache
def _requirements(distribution: str) -> tuple[str, ...]:
    with suppress(Exception):  # a file has no metadata
        return tuple(requires(distribution) or ())
    return ()


def _has_file(claims: Iterable[Plugin]) -> bool:
    return any(claim in _from_files for claim in claims)
