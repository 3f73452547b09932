"""What the main process asks of plugins without running their code: another process runs it and tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar, Union, cast

from textgen.contracts import TextgenError
from textgen.experiment.entry import Entry, EntryFacts
from textgen.experiment.entry_parser import (
    PARTS,
    blamed,
    parse_entries,
    parse_entry,
    plugins_of,
    plugins_read,
)
from textgen.generation.bound_sampler import tried_temperatures
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.kinds import REQUIRED
from textgen.registry.registry import (
    MAX_IMPORT_SECONDS,
    Plugin,
    PluginError,
    enabled_from,
    find,
    load,
    plugins,
)
from textgen.registry.single_file import components_in, enable, load_plugin_file
from textgen.registry.source_file import read_source
from textgen.runtime.messages import UsageError
from textgen.training.progress import Report
from textgen.workers.process import is_worker

Answer = TypeVar("Answer")
ERRORS = {error.__name__: error for error in (TextgenError, PluginError, UsageError)}
MAX_SILENCE = 2 * MAX_IMPORT_SECONDS
"""Seconds after which a process that does not answer is ended."""
UNASKED = {"reader", "result"}
"""Kinds whose components are loaded without being named by anyone."""


@dataclass(frozen=True)
class Refusal:
    """An error instead of an answer."""

    kind: str
    """The name of its class, one of `ERRORS`."""
    message: str

    def as_error(self) -> TextgenError:
        """Return the error."""
        return ERRORS.get(self.kind, TextgenError)(self.message)


def refusal(error: TextgenError) -> Refusal:
    """Return an error as a process tells it."""
    return Refusal(
        next(name for each in type(error).__mro__ if (name := each.__name__) in ERRORS), str(error)
    )


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """A function that plugins answer, as a job."""

    function: Callable[[], Answer]
    plugin_files: Sequence[Path]
    folder: None = None
    before: None = None

    def compute(self, report: Report) -> Answer | Refusal:  # noqa: ARG002 - it is quick
        """Return what the function returns, or the error that people are told."""
        try:
            return self.function()
        except TextgenError as error:
            return refusal(error)


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
        raise outcome.result.as_error()
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


def read_entries(texts: Iterable[str], known: Iterable[Entry] = ()) -> tuple[list[Entry], dict[str, str]]:
    """Return entries as `parse_entries` does; for those of others' plugins, other processes run their code.

    Entries share a process only if they are of the same plugins; those that are `known` need none.
    """
    texts, before = list(dict.fromkeys(texts)), {entry.name: entry for entry in known}
    groups = dict[tuple[Plugin, ...], list[str]]()
    for text in texts:
        if text.strip() not in before:
            groups.setdefault(plugins_read(text), []).append(text)
    told = dict[str, ToldEntry | Refusal]()
    for used, group in groups.items():
        try:
            answers = answered(partial(tell_entries, group), list[ToldEntry | Refusal], used)
        except PluginError as error:  # its process ended
            answers = [Refusal(PluginError.__name__, str(error))] * len(group)
        told |= zip(group, answers, strict=False)

    def read(text: str) -> Entry:
        if text.strip() in before:
            return before[text.strip()]
        answer = told.get(text) or Refusal(PluginError.__name__, f"its process says nothing of {text!r}")
        if isinstance(answer, Refusal):
            raise answer.as_error()
        return replace(answer.entry, name=text.strip()).knowing(vars(answer.facts))

    return parse_entries(texts, read)


def read_entry(text: str) -> Entry:
    """Return an entry as `parse_entry` does; for one of others' plugins, another process runs their code."""
    ((entry,), _) = read_entries([text])
    return entry


def informed(entry: Entry) -> Entry:
    """Return an entry that knows what its components say; raises `TextgenError` if one cannot be used."""
    told = answered(partial(getattr, entry, "facts"), EntryFacts, plugins_of(entry))
    return entry.knowing(vars(told))


def read_reference(name: str) -> Entry:
    """Return the entry of a reference, as `read_entry` does; raises `TextgenError` if it cannot be used."""
    told = answered(partial(tell_reference, name), ToldEntry, [find("reference", name)])
    return told.entry.knowing(vars(told.facts))


def tell_reference(name: str) -> ToldEntry:
    """Return the entry of a reference with what its components say."""
    with blamed("reference", name):
        entry = parse_entry(load("reference", name))
    return ToldEntry(entry, entry.facts)


def tell_entries(texts: Iterable[str]) -> list[ToldEntry | Refusal]:
    """Return each entry with what its components say, or the reason why it cannot be used."""
    told: list[ToldEntry | Refusal] = []
    for text in texts:
        try:
            entry = parse_entry(text)
            told.append(ToldEntry(entry, entry.facts))
        except TextgenError as error:
            told.append(refusal(error))
    return told
