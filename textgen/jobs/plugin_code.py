"""What the main process asks of plugins without running their code: another process runs it and tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, Union, cast

from textgen.contracts import TextgenError
from textgen.evaluation.metrics import METRICS, MetricInfo
from textgen.evaluation.plugin_metrics import SAMPLE, MetricValues, measure_with
from textgen.experiment.entry import Entry, EntryFacts
from textgen.experiment.entry_parser import (
    PARTS,
    parse_entries,
    parse_entry,
    parse_reference,
    plugins_of,
    plugins_read,
)
from textgen.generation.bound_sampler import tried_temperatures
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.plugin_kinds import REQUIRED
from textgen.registry.registry import Plugin, PluginError, enabled_from, find, plugins
from textgen.registry.single_file import components_in, enable, load_plugin_file
from textgen.registry.source_file import read_source
from textgen.runtime.messages import UsageError
from textgen.training.progress import Report
from textgen.workers.process import is_worker

Answer = TypeVar("Answer")
ERRORS: dict[str, type[TextgenError]] = {error.__name__: error for error in (PluginError, UsageError)}
"""Those that callers tell from others."""
MAX_SILENCE = 240.0
"""Seconds after which a process that does not answer is ended."""
UNASKED = {"reader", "result"}
"""Kinds whose components are loaded without being named by anyone."""


@dataclass(frozen=True)
class Refusal:
    """An error instead of an answer."""

    kind: str
    """The name of its class."""
    message: str


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """A function that plugins answer, as a job."""

    function: Callable[[], Answer]
    plugin_files: Sequence[Path]
    folder: None = None
    num_assistants: int = 0

    def compute(self, report: Report) -> Answer | Refusal:  # noqa: ARG002 - it is quick
        """Return what the function returns, or the error that people are told."""
        try:
            return self.function()
        except TextgenError as error:
            return Refusal(type(error).__name__, str(error))


def ask(function: Callable[[], Answer], kind: Any, files: Sequence[Path], what: str) -> Answer:
    """Return what a function returns in another process, which loads these plugin files.

    Its result is sent as the JSON values of `kind`. Raises the `TextgenError` that it raises, and
    `PluginError`, which begins with `what`, if it fails in another way or the process ends.
    """
    question, answer = Question(function, files), cast(Any, Union[Refusal, kind])  # noqa: UP007 - any form
    ((_, outcome),) = run_jobs([question], answer, LocalBackend(), max_silence=MAX_SILENCE)
    if outcome.failure:
        raise PluginError(f"{what} cannot be loaded: {outcome.failure}")
    if isinstance(outcome.result, Refusal):
        raise ERRORS.get(outcome.result.kind, TextgenError)(outcome.result.message)
    return cast(Answer, outcome.result)


def answered(function: Callable[[], Answer], kind: Any, used: Iterable[Plugin]) -> Answer:
    """Return what a function returns, for which it loads these plugins; raises as `ask` does.

    It is called in this process if that is a worker, or if all of their code is textgen's own.
    """
    others = [plugin for plugin in used if not plugin.is_own]
    if is_worker() or not others:
        return function()
    files = list(dict.fromkeys(plugin.file.path for plugin in others if plugin.file))
    return ask(function, kind, files, " and ".join(map(str, others)))


def try_samplers(specs: Sequence[str]) -> dict[str, float | None]:
    """Try samplers out, as `tried_temperatures` does; another process runs the code of plugins."""
    return answered(partial(tried_temperatures, specs), dict[str, float | None], sampler_plugins(specs))


def sampler_plugins(specs: Sequence[str]) -> list[Plugin]:
    """Return the plugins that are loaded when these samplers are built, found by their names alone."""
    names = {re.split("[:=]", spec)[0] for spec in specs}
    return [plugin for plugin in plugins("sampler") if plugin.name in names]


def try_metrics(specs: Sequence[str]) -> None:
    """Try metrics out on a sentence; raises `TextgenError` if one cannot be used."""
    for spec in specs:
        _measured(spec, [[SAMPLE]])


def measure_metrics(specs: Sequence[str], texts: Sequence[Sequence[str]]) -> list[MetricValues]:
    """Return the values of lists of samples by metrics, each in a process of its own unless it is textgen's.

    One that fails, or takes longer than `MAX_SILENCE`, has its reason instead of values.
    """
    found = list[MetricValues]()
    for spec in specs:
        try:
            found.append(_measured(spec, texts))
        except TextgenError as error:  # what it would say of runs is no reason to lose them
            found.append(MetricValues(MetricInfo(spec, spec, "", problem=str(error))))
    return found


def _measured(spec: str, texts: Sequence[Sequence[str]]) -> MetricValues:
    plugin = find("metric", spec.partition(":")[0])
    if plugin.name in METRICS:
        raise PluginError(f"{plugin} has the name of a metric of textgen itself; rename it")
    told = answered(partial(measure_with, spec, texts), MetricValues, [plugin])
    if told.info.name != spec or list(map(len, told.values)) != list(map(len, texts)):
        raise PluginError(f"the process of {plugin} answers nonsense")
    return told


def list_plugin_file(path: Path, *, only_asked: bool = False) -> list[Plugin]:
    """Enable the components of a file as `load_plugin_file` does, which is run in another process.

    This process runs it if it uses a component itself. With `only_asked`, a file with parts of entries adds
    neither readers nor kinds of results, which are loaded without being named.
    """
    file = read_source(path)
    if is_worker() or file.is_imported:
        return load_plugin_file(path)
    if enabled := enabled_from(file):
        return enabled
    found = ask(partial(components_in, path), list[tuple[str, str]], (), f"the plugin file {path}")
    has_parts = any(kind in (*PARTS, "sampler") for kind, _ in found)
    left_out = UNASKED if only_asked and has_parts else set()
    return enable(file, [each for each in found if each[0] in {*REQUIRED, "command"} - left_out])


@dataclass(frozen=True)
class ToldEntry:
    """An entry, as a process tells it that has run its code."""

    entry: Entry
    facts: EntryFacts


def read_entry(text: str) -> Entry:
    """Return an entry as `parse_entry` does; for one of others' plugins, another process runs their code."""
    entry = _told(partial(parse_entry, text), plugins_read(text))
    if entry.name != text.strip():
        raise PluginError(f"the process that reads the entry {text!r} claims that it is {entry.name!r}")
    return entry


def read_entries(texts: Iterable[str], known: Iterable[Entry] = ()) -> tuple[list[Entry], dict[str, str]]:
    """Return entries as `parse_entries` does, each by `read_entry` unless it is known."""
    before = {entry.name: entry for entry in known}
    return parse_entries(texts, lambda text: before.get(text.strip()) or read_entry(text))


def read_reference(name: str) -> Entry:
    """Return the entry of a reference plugin as `read_entry` does."""
    return _told(partial(parse_reference, name), [find("reference", name)])


def informed(entry: Entry) -> Entry:
    """Return an entry that knows what its components say; raises `TextgenError` if one cannot be used."""
    return _told(partial(replace, entry), plugins_of(entry))


def tell(read: Callable[[], Entry]) -> ToldEntry:
    """Return an entry with what its components say."""
    entry = read()
    return ToldEntry(entry, entry.facts)


def _told(read: Callable[[], Entry], used: Iterable[Plugin]) -> Entry:
    told = answered(partial(tell, read), ToldEntry, used)
    return told.entry.knowing(vars(told.facts))
