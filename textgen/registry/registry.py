"""Components by kind and name, found through entry points, and the plugin that an error comes from.

They are imported only when they are used. The environment variable `TEXTGEN_PLUGINS` can be set to a
comma-separated list of distributions, which then are the only ones whose plugins are enabled, besides those
of textgen itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

from textgen.contracts import TextgenError
from textgen.defaults import COMMAND_GROUPS, COMMANDS
from textgen.registry.isolation import preserve_process_state
from textgen.registry.plugin_kinds import fault
from textgen.registry.source_file import SourceFile
from textgen.runtime.messages import one_line, shortened, unknown
from textgen.version import DISTRIBUTION

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
    "reference": "textgen.references",
    "yardstick": "textgen.yardsticks",
    "backend": "textgen.backends",
    "command": "textgen.commands",
    "adviser": "textgen.advisers",
    "reader": "textgen.readers",
    "metric": "textgen.metrics",
    "result": "textgen.results",
}
"""The entry-point group of each kind of component."""

IN_ENTRIES = r"\w+", "use letters, digits and underscores"
OTHER_NAMES = r"[^\s:,]+", "use no space, colon or comma"
NAMES = {
    **dict.fromkeys(("tokenizer", "model", "embedding"), IN_ENTRIES),
    "corpus": (r"[^\s:,/]+", "use no space, colon, comma or slash"),
    "command": (
        rf"(?:(?:{'|'.join(COMMAND_GROUPS)})\.)?[a-z][a-z0-9]*(?:-[a-z0-9]+)*",
        "use lower-case letters, digits and hyphens, a letter first",
    ),
}
"""The pattern of the names of some kinds, and the same in words; others are as `OTHER_NAMES`."""


def command_line(name: str) -> str:
    """Return how users type the command of a plugin, such as `textgen plugins check`."""
    return f"textgen {name.replace('.', ' ')}"


def normalized(distribution: str) -> str:
    """Return the normalized name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class PluginError(TextgenError):
    """A plugin cannot be used. The message names the plugin, its distribution and its target."""


@dataclass(frozen=True)
class Plugin:
    """One component, as the metadata of an installed distribution, or a file, describe it."""

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    entry_point: EntryPoint = field(repr=False)
    file: SourceFile | None = field(default=None, repr=False)
    """The file that it is from, if it is not installed."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.target}, from {self.distribution} {self.version})"

    @property
    def title(self) -> str:
        """The component in messages about its use: kind, name, and the distribution if it is another's."""
        foreign = "" if self.is_own else f" of {self.distribution}"
        return f"{self.kind} {self.name!r}{foreign}"

    @property
    def is_own(self) -> bool:
        """True if it is of textgen's own distribution, whose code may run in every process."""
        return self.file is None and normalized(self.distribution) == DISTRIBUTION

    def identity(self) -> str:
        """Return the identity of its code that results record: distribution and version.

        Distributions other than textgen's may be under development: a hash of the module's source is added.
        That of a plugin file is its version already.
        """
        released = f"{self.distribution} {self.version}"
        if self.is_own or self.file is not None:
            return released
        load(self.kind, self.name)
        try:
            source = Path(sys.modules[self.module].__file__ or "").read_bytes()
        except (KeyError, AttributeError, OSError):  # the module has no source file
            return released
        return f"{released} {hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def module(self) -> str:
        """The module that is imported to load the component."""
        return self.target.partition(":")[0].strip()

    def load(self) -> Any:
        """Import and return the component.

        Raises `PluginError` if the import fails or exits, or if the component lacks what its kind requires.
        """
        if problem := self.problem():
            raise PluginError(f"{self} cannot be loaded: {problem}")
        with importing(str(self)):
            if self.file is not None:
                self.file.imported()
            component = self.entry_point.load()
            problem = fault(self.kind, component)
        if problem:
            raise PluginError(f"{self} is not a valid {self.kind}: {problem}")
        return component

    def problem(self) -> str | None:
        """Return why the name alone rules the plugin out, or None."""
        letters, rule = NAMES.get(self.kind, OTHER_NAMES)
        if not re.fullmatch(letters, self.name):
            return f"invalid plugin name {self.name!r}: {rule}"
        if self.kind == "command" and self.name in COMMANDS:
            return f"{command_line(self.name)!r} is a command of textgen itself; choose another name"
        return None


@contextmanager
def importing(plugin: str) -> Iterator[None]:
    """Run the code of a plugin that is imported; whatever fails or exits becomes a `PluginError`."""
    try:
        with preserve_process_state(), redirect_stdout(sys.stderr):  # stdout holds results
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's SystemExit must not end textgen
        raise PluginError(f"{plugin} cannot be loaded: {one_line(error)}") from error


_from_files: list[Plugin] = []
"""Plugins of files."""
_owners: dict[int, Plugin] = {}
"""The plugin of each component that this process has imported, by the component's `id`."""


def register(enabled: Iterable[Plugin]) -> None:
    """Enable plugins that are not installed, instead of earlier ones of the same modules."""
    enabled = list(enabled)
    modules = {plugin.module for plugin in enabled}
    _from_files[:] = [plugin for plugin in _from_files if plugin.module not in modules] + enabled
    clear_caches()


def enabled_from(file: SourceFile) -> list[Plugin]:
    """Return the plugins of a file that are enabled in this version of it."""
    return [plugin for plugin in _from_files if plugin.file == file]


def plugin_files(components: Iterable[tuple[str, str]] | None = None) -> list[Path]:
    """Return the plugin files that components, each a kind and a name, come from; without any, all that were
    loaded. Another process can load them too.
    """
    used = _from_files if components is None else [find(kind, name) for kind, name in components]
    return list(dict.fromkeys(plugin.file.path for plugin in used if plugin.file is not None))


def clear_caches() -> None:
    """Forget what was read of installed distributions, so that it is read again on next use."""
    for cached in (_installed, plugins, load):
        cached.cache_clear()
    _owners.clear()


@cache
def plugins(kind: str) -> tuple[Plugin, ...]:
    """Return the enabled plugins of a kind, sorted by name, without importing any of them."""
    enabled, listed = list(_installed()[kind]), os.environ.get("TEXTGEN_PLUGINS")
    if listed is not None:
        allowed = {DISTRIBUTION, *(normalized(name.strip()) for name in listed.split(","))}
        enabled = [plugin for plugin in enabled if normalized(plugin.distribution) in allowed]
    enabled += [plugin for plugin in _from_files if plugin.kind == kind]
    return tuple(sorted(enabled, key=lambda plugin: (plugin.name, plugin.distribution)))


def names(kind: str) -> list[str]:
    """Return the sorted names of the enabled plugins of a kind."""
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
        raise PluginError(f"{kind} {name!r} is claimed by {owners}; rename or uninstall one of them")
    return claims[0]


@cache
def load(kind: str, name: str) -> Any:
    """Return the component of this name; raises as `find` and `Plugin.load` do."""
    plugin = find(kind, name)
    component = plugin.load()
    _owners.setdefault(id(component), plugin)
    return component


def plugin_of(component: object) -> Plugin | None:
    """Return the plugin of a component, of an instance of it, or of a class or instance derived from it."""
    made_by = component if issubclass(type(component), type) else type(component)
    bases: tuple[type, ...] = getattr(made_by, "__mro__", ())
    return next((_owners[id(base)] for base in bases if id(base) in _owners), None)


def unknown_name(kind: str, name: str) -> str:
    """Return the one-line message for a name that no enabled plugin of a kind has."""
    owners = sorted({plugin.distribution for plugin in _installed()[kind] if plugin.name == name})
    if owners:
        excluded = f"; {', '.join(owners)} provides it, but TEXTGEN_PLUGINS excludes it"
        return unknown(kind, name, names(kind)) + excluded
    return unknown(
        kind, name, names(kind), "" if plugin_files() else "; for one in a file, add --plugin FILE"
    )


@cache
def _installed() -> dict[str, tuple[Plugin, ...]]:
    """Return the plugins of all installed distributions, by kind."""
    points = entry_points()  # once, since each call reads all distributions
    origins: dict[int, tuple[str, str]] = {}  # by distribution, whose metadata take long to read
    installed: dict[str, set[Plugin]] = {kind: set() for kind in KINDS}
    for kind, group in KINDS.items():
        for point in points.select(group=group):
            key = id(point.dist)
            origins[key] = origins.get(key) or _origin(point)
            installed[kind].add(Plugin(kind, point.name, point.value, *origins[key], point))
    return {kind: tuple(plugins) for kind, plugins in installed.items()}


def _origin(point: EntryPoint) -> tuple[str, str]:
    with suppress(Exception):  # metadata without a name or version
        if point.dist and point.dist.name:
            return point.dist.name, point.dist.version or ""
    return "unknown", ""


def responsible_plugin(error: BaseException) -> Plugin | None:
    """Return the plugin in whose code an error arose, or None if it arose elsewhere.

    It is the component whose method was running, even if the method is inherited from another plugin;
    otherwise one of the innermost module that belongs to a plugin, or to a package of plugins. Left out are
    commands, kinds of results and suites of textgen's own, an error in which is a mistake of textgen itself.
    """
    found = _failed_call(error)
    return found and found[0]


def describe_error(error: BaseException) -> str:
    """Return one line about an error, with the responsible plugin and the place in it if there is one."""
    if isinstance(error, TextgenError):
        return shortened(str(error))
    if (found := _failed_call(error)) is None:
        return one_line(error)
    plugin, file, line = found
    return f"{plugin} failed: {one_line(error)} ({os.path.basename(file)}, line {line})"


def contract_error(component: object, what: str) -> PluginError:
    """Return the error that `component`, an instance or a class, breaks its contract as `what` says."""
    made_by: Any = component if issubclass(type(component), type) else type(component)
    return PluginError(f"{plugin_of(component) or f'{made_by.__module__}:{made_by.__qualname__}'} {what}")


def _failed_call(error: BaseException) -> tuple[Plugin, str, int] | None:
    """Return the plugin in whose code an error arose, and the file and line of the innermost call in it."""
    calls = list(walk_tb(error.__traceback__))[::-1]
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in calls]
    owners = [_owner(frame) for frame, _ in calls]
    everything = [plugin for kind in KINDS for plugin in plugins(kind) if not _is_core(plugin)][::-1]
    of_module = {plugin.module: plugin for plugin in everything}
    of_package = {_package(plugin.module): plugin for plugin in everything}
    suspects = (*owners, *map(of_module.get, modules), *(of_package.get(_package(name)) for name in modules))
    if (plugin := next(filter(None, suspects), None)) is None:
        return None
    is_within = [_package(name) == _package(plugin.module) for name in modules]
    place = is_within.index(True) if any(is_within) else owners.index(plugin)
    frame, line = calls[place]
    return plugin, frame.f_code.co_filename, line


def _owner(frame: FrameType) -> Plugin | None:
    """Return the component whose method runs in a frame, if it is one."""
    this = frame.f_locals.get("self", frame.f_locals.get("cls"))
    owner = None if this is None else plugin_of(this)
    return None if owner is None or _is_core(owner) else owner


def _is_core(plugin: Plugin) -> bool:
    """Return whether an error in a plugin is a mistake of textgen itself."""
    return plugin.is_own and plugin.kind in ("command", "result", "suite")


def _package(module: str) -> str:
    return module.partition(".")[0]
