"""What a submission is refused for by its files and its claims, before any number is computed again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from textgen.contracts import TextgenError
from textgen.data.corpus import CorpusInfo
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.score_run import unit_sizes
from textgen.registry.registry import plugins
from textgen.results.comparison import Comparison
from textgen.training.budget import is_timed
from textgen_verify.board.folders import PROSE, Folder, strange_files
from textgen_verify.board.make import TO_WRITE, command_of
from textgen_verify.board.rules import MIN_SEEDS, READING, STATIC, Rules

ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_*+:=.,-]{0,199}")
FILES = re.compile(r"[:,.](start|path|weights)=")
"""Options that name a file or a run."""
MAX_AUTHOR = 80
MIN_WORDS = 5
"""Words of prose, besides the name and the command."""


def lacks(folder: Folder, rules: Rules) -> Iterator[str]:
    """Yield what a submission lacks or claims wrongly; no code of its plugins is run, no text is read."""
    problems = list(strange_files(folder))
    if problems:
        yield from problems
        return
    submission, result = folder.submission, folder.result
    if not _is_name(submission.author):
        yield f"it has no author of at most {MAX_AUTHOR} characters; remove the folder and give --author"
    yield from _prose(folder, rules)
    yield from _place(folder, rules, result)
    yield from _rows(folder, result)
    yield from _entry(folder)


def _is_name(author: str) -> bool:
    return len(author) <= MAX_AUTHOR and author.isprintable() and any(map(str.isalnum, author))


def _prose(folder: Folder, rules: Rules) -> Iterator[str]:
    try:
        said = folder.about
    except TextgenError as error:
        yield f"{error}; say in a few lines what the entry is"
        return
    if TO_WRITE in said or len(said.split()) < MIN_WORDS:
        yield f"{PROSE} does not say what the entry is; write at least {MIN_WORDS} words"
    if text := rules.texts.get(folder.text):
        command = shlex.join(command_of(folder.submission, folder.result, text))
        if command != folder.command:
            yield f"{PROSE} lacks the command that trains it again: {command}"


def _place(folder: Folder, rules: Rules, result: Comparison) -> Iterator[str]:
    """Yield what a result is of instead of what its folder says."""
    text = rules.texts.get(folder.text)
    if text is None or not text.is_of(result.corpus):
        yield (
            f"its text is {result.corpus.name} ({result.corpus.sha256[:12]}, {result.corpus.split.method}), "
            f"not {folder.text}"
        )
    if rules.budget_of(result.budget) != folder.budget:
        yield f"its budget is {result.budget}, not {folder.budget}"
    if result.sources.sealed is not None or result.scored_on != "test":
        yield f"it is scored on {result.sources.sealed or result.scored_on}, not on the test part of its text"


def _rows(folder: Folder, result: Comparison) -> Iterator[str]:
    """Yield why the rows of a result are not those of one entry with enough seeds, all with a rank."""
    entry, runs = folder.submission.entry, folder.runs
    if {row.name for row in result.entries} != {entry}:
        names = ", ".join(dict.fromkeys(row.name for row in result.entries))
        yield f"its rows are of {names or 'nothing'}, not of {entry} alone"
        return
    for name, error in result.failures.items():
        yield f"a run failed: {name}: {error}"
    for reason in dict.fromkeys(run.problem for run in runs if run.problem):
        yield f"it has no rank since {reason}"
    if any(run.origin for run in runs):
        yield "it starts from another run, which others lack"
    if any(run.reads_on != (folder.kind == READING) for run in runs):
        yield f"it belongs in the class {STATIC if folder.kind == READING else READING}"
    seeds = [run.seed for run in runs]
    if seeds != list(range(len(seeds))):
        yield f"its seeds are {', '.join(map(str, seeds))}; give the first ones, from 0 on"
    if len(seeds) < MIN_SEEDS:
        yield f"it has {len(seeds)} seed{'s' * (len(seeds) > 1)}; at least {MIN_SEEDS} are needed"
    sizes = unit_sizes(result.corpus.split.test.stretch_chars)
    for run in runs:
        yield from _measurements(run, sizes, is_timed=is_timed(result.budget))


def _measurements(run: EntryResult, sizes: Sequence[int], *, is_timed: bool) -> Iterator[str]:
    """Yield which numbers of a run nobody can have measured."""
    units = run.test.units if run.test else None
    if units is None or tuple(units.num_chars) != tuple(sizes):
        yield f"seed {run.seed} lacks the stretches of the text"
    elif min(units.bits) <= 0:
        yield f"seed {run.seed} has a stretch of {min(units.bits):g} bits"
    if run.train.pace_sd and not is_timed:
        yield f"seed {run.seed} depends on the pace of the machine, as no budget in characters does"
    if run.num_parameters and not run.train.num_updates:
        yield f"seed {run.seed} has {run.num_parameters:,} trained parameters, but no update trained them"


def _entry(folder: Folder) -> Iterator[str]:
    """Yield why an entry cannot be trained by others: parts that nobody has, and options that name files."""
    entry = folder.submission.entry
    if not ENTRY.fullmatch(entry) or FILES.search(entry):
        yield f"the entry {entry!r} is not a name with options, or names a file or a run, which others lack"
    elif not folder.submission.plugins:
        try:
            parsed = parse_entry(entry)
        except TextgenError as error:
            yield f"{error}; a plugin of yours must be in the folder"
            return
        others = [
            plugin.name
            for kind, name in parsed.components.values()
            for plugin in plugins(kind)
            if plugin.name == name and not plugin.is_own
        ]
        if others:
            yield f"{', '.join(others)} is not of textgen; submit its plugin file"


def is_same(claimed: CorpusInfo, loaded: CorpusInfo) -> bool:
    """Return whether the text of a result, and its split, are those that were loaded, by any name."""
    return replace(claimed, name=loaded.name) == loaded
