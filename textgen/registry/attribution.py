"""The plugin that is responsible for an error, and the message that names it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from textgen.contracts import TextgenError
from textgen.registry.registry import KINDS, Plugin, PluginError, plugin_of, plugins
from textgen.runtime.messages import one_line, shortened


def responsible_plugin(error: BaseException) -> Plugin | None:
    """Return the plugin in whose code an error arose, or None if it arose elsewhere.

    It is the component whose method was running, even if the method is inherited from another plugin;
    otherwise the plugin whose module it was in; otherwise one of the same package. Those of the core are
    left out, since an error in them is a mistake of textgen itself.
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
    return plugin.module.partition(".")[0] == __name__.partition(".")[0]


def _same_package(call: _Call, plugin: Plugin) -> bool:
    return call.module.partition(".")[0] == plugin.module.partition(".")[0]
