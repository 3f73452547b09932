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
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points, requires
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.defaults import COMMAND_GROUPS, COMMANDS
from textgen.registry.isolation import preserve_process_state
from textgen.registry.plugin_kinds import fault
from textgen.registry.source_file import SourceFile
from textgen.runtime.interrupts import time_limit
from textgen.runtime.messages import one_line, shortened, unknown
from textgen.version import DISTRIBUTION, __version__

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
    "reader": "textgen.readers",
    "logger": "textgen.loggers",
    "metric": "textgen.metrics",
    "result": "textgen.results",
}
"""The entry-point group of each kind of component."""

MAX_IMPORT_SECONDS = 120.0
"""The time that importing a plugin may take, with all that it imports."""

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

        Raises `PluginError` if the import fails or exits, if the component lacks what its kind requires, or
        if the distribution is made for another version of textgen.
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
        """Return why the metadata alone rule the plugin out (an invalid name, another textgen), or None."""
        letters, rule = NAMES.get(self.kind, OTHER_NAMES)
        if not re.fullmatch(letters, self.name):
            return f"invalid plugin name {self.name!r}: {rule}"
        if self.kind == "command" and self.name in COMMANDS:
            return f"{command_line(self.name)!r} is a command of textgen itself; choose another name"
        for line in _requirements(self.distribution):
            if "textgen" not in line:
                continue
            from packaging.requirements import InvalidRequirement, Requirement

            with suppress(InvalidRequirement):
                wanted = Requirement(line)
                is_meant = normalized(wanted.name) == DISTRIBUTION and (
                    wanted.marker is None or wanted.marker.evaluate({"extra": ""})
                )
                if is_meant and not wanted.specifier.contains(__version__, prereleases=True):
                    return f"{self.distribution} requires {wanted}, but this is {DISTRIBUTION} {__version__}"
        return None


@contextmanager
def importing(plugin: str) -> Iterator[None]:
    """Run the code of a plugin that is imported; whatever fails or exits becomes a `PluginError`."""
    try:
        # stdout holds results only
        with preserve_process_state(), redirect_stdout(sys.stderr), time_limit(MAX_IMPORT_SECONDS):
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
    for cached in (_installed, plugins, load, _requirements):
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
        has_file = any(claim in _from_files for claim in claims)
        part = "function" if kind == "command" else "class"
        advice = f"rename the {part} in the file" if has_file else "uninstall one of them"
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
    """Return the plugin of a component, of an instance of it, or of a class or instance derived from it."""
    made_by = component if issubclass(type(component), type) else type(component)
    bases: tuple[type, ...] = getattr(made_by, "__mro__", ())
    return next((_owners[id(base)] for base in bases if id(base) in _owners), None)


def unknown_name(kind: str, name: str) -> str:
    """Return the one-line message for a name that no enabled plugin of a kind has."""
    owners = sorted({plugin.distribution for plugin in _installed()[kind] if plugin.name == name})
    hint = f"; {', '.join(owners)} provides it, but TEXTGEN_PLUGINS excludes it" if owners else ""
    return unknown(kind, name, names(kind)) + hint


@cache
def _installed() -> dict[str, tuple[Plugin, ...]]:
    """Return the plugins of all installed distributions, by kind."""
    installed: dict[str, set[Plugin]] = {kind: set() for kind in KINDS}
    kind_of = {group: kind for kind, group in KINDS.items()}
    origins: dict[int, tuple[str, str]] = {}  # by distribution, whose metadata take long to read
    for point in _entry_points():
        if kind := kind_of.get(point.group):
            key = id(point.dist)
            origins[key] = origins.get(key) or _origin(point)
            installed[kind].add(Plugin(kind, point.name, point.value, *origins[key], point))
    return {kind: tuple(plugins) for kind, plugins in installed.items()}


def _origin(point: EntryPoint) -> tuple[str, str]:
    with suppress(Exception):  # metadata without a name or version
        if point.dist and point.dist.name:
            return point.dist.name, point.dist.version or ""
    return "unknown", ""


@cache
def _requirements(distribution: str) -> tuple[str, ...]:
    with suppress(Exception):  # a plugin file has no metadata
        return tuple(requires(distribution) or ())
    return ()


def _entry_points() -> list[EntryPoint]:
    """Return the entry points of plugins; a warning names a distribution that cannot be read."""
    try:
        installed = entry_points()  # once, since each call reads all distributions
        return [point for group in KINDS.values() for point in installed.select(group=group)]
    except Exception:  # one distribution with broken metadata must not hide the others
        points: list[EntryPoint] = []
        for distribution in distributions():
            try:
                points += distribution.entry_points
            except Exception as error:
                warnings.warn(_problem(distribution, error), TextgenWarning, stacklevel=2)
        return points


def check_metadata() -> None:
    """Raise `TextgenError` if a distribution cannot be read: torch cannot be imported next to it."""
    try:
        entry_points(group="torch.backends")
    except Exception:
        for distribution in distributions():
            try:
                list(distribution.entry_points)
            except Exception as error:
                raise TextgenError(_problem(distribution, error)) from None


def _problem(distribution: Distribution, error: Exception) -> str:
    name = "an installed distribution"
    with suppress(Exception):  # so may its name
        name = distribution.name or name
    place = getattr(distribution, "_path", None)
    where = f" in {place}" if place else ""
    reason = one_line(error, with_type=False)[:100]
    return f"the entry points of {name}{where} cannot be read ({reason}); reinstall or remove it"


def responsible_plugin(error: BaseException) -> Plugin | None:
    """Return the plugin in whose code an error arose, or None if it arose elsewhere.

    It is the component whose method was running, even if the method is inherited from another plugin;
    otherwise the plugin whose module it was in; otherwise one of the same package. Left out are commands,
    kinds of results and suites of textgen's own, an error in which is a mistake of textgen itself.
    """
    calls = _calls(error)[::-1]
    for call in calls:
        if call.owner is not None and not _is_core(call.owner):
            return call.owner
    everything = [plugin for kind in KINDS for plugin in plugins(kind) if not _is_core(plugin)]
    for is_same in (lambda call, plugin: plugin.module == call.module, _same_package):
        for call in calls:
            for plugin in everything:
                if is_same(call, plugin):
                    return plugin
    return None


def describe_error(error: BaseException) -> str:
    """Return one line about an error, with the responsible plugin and the place in it if there is one."""
    if isinstance(error, TextgenError):
        return shortened(str(error))
    plugin = responsible_plugin(error)
    if plugin is None:
        return one_line(error)
    calls = _calls(error)
    within = [call for call in calls if _same_package(call, plugin)] or [call for call in calls if call.owner]
    place = within[-1]
    return f"{plugin} failed: {one_line(error)} ({os.path.basename(place.file)}, line {place.line})"


def contract_error(component: object, what: str) -> PluginError:
    """Return the error that `component`, an instance or a class, breaks its contract as `what` says."""
    made_by: Any = component if issubclass(type(component), type) else type(component)
    return PluginError(f"{plugin_of(component) or f'{made_by.__module__}:{made_by.__qualname__}'} {what}")


@dataclass(frozen=True)
class _Call:
    """A function call that an error passed through."""

    module: str
    file: str
    line: int
    owner: Plugin | None
    """The plugin that the method belongs to, if it is one."""


def _calls(error: BaseException) -> list[_Call]:
    """Return the calls that an error passed through, outermost first."""
    calls, trace = [], error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        this = frame.f_locals.get("self", frame.f_locals.get("cls"))
        module, file = str(frame.f_globals.get("__name__")), frame.f_code.co_filename
        calls.append(_Call(module, file, trace.tb_lineno, None if this is None else plugin_of(this)))
        trace = trace.tb_next
    return calls


def _is_core(plugin: Plugin) -> bool:
    """Return whether an error in a plugin is a mistake of textgen itself."""
    return plugin.is_own and plugin.kind in ("command", "result", "suite")


def _same_package(call: _Call, plugin: Plugin) -> bool:
    return call.module.partition(".")[0] == plugin.module.partition(".")[0]
