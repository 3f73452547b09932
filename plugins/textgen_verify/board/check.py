"""What a submission is refused for by its files and its claims, before any number is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from textgen.contracts import TextgenError
from textgen.data.corpus import CorpusInfo
from textgen.experiment.entry_parser import parse_entry
from textgen.registry.registry import plugins
from textgen.results.comparison import Comparison
from textgen.runtime.storage.files import slug
from textgen_verify.board.folders import PROSE, Folder, strange_files
from textgen_verify.board.make import TO_WRITE
from textgen_verify.board.rules import MIN_SEEDS, READING, STATIC, Rules

MIN_WORDS = 5
"""Words of prose, besides the name and the command."""


def lacks(folder: Folder, rules: Rules) -> Iterator[str]:
    """Yield what a submission lacks or claims wrongly; no code of its plugins is run, no text is read."""
    problems = list(strange_files(folder))
    if problems:
        yield from problems
        return
    submission, result = folder.submission, folder.result
    if not submission.author.strip():
        yield "it has no author; remove the folder and give --author"
    yield from _prose(folder)
    yield from _place(folder, rules, result)
    yield from _rows(folder, result)
    yield from _entry(folder)


def _prose(folder: Folder) -> Iterator[str]:
    try:
        said = folder.about
    except TextgenError as error:
        yield f"{error}; say in a few lines what the entry is"
        return
    if TO_WRITE in said or len(said.split()) < MIN_WORDS:
        yield f"{PROSE} does not say what the entry is; write a few lines"


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
    if {row.name for row in result.entries} != {entry} or slug(entry) != folder.name:
        names = ", ".join(dict.fromkeys(row.name for row in result.entries))
        yield f"its rows are of {names or 'nothing'}, not of {entry} alone"
        return
    for name, error in result.failures.items():
        yield f"a run failed: {name}: {error}"
    problems = (row.problem or (row.origin.problem if row.origin else None) for row in runs)
    for reason in dict.fromkeys(filter(None, problems)):
        yield f"it has no rank since {reason}"
    if any(row.reads_on != (folder.kind == READING) for row in runs):
        yield f"it belongs in the class {STATIC if folder.kind == READING else READING}"
    seeds = [row.seed for row in runs]
    if seeds != list(range(len(seeds))):
        yield f"its seeds are {', '.join(map(str, seeds))}; give the first ones, from 0 on"
    if len(seeds) < MIN_SEEDS and any(row.train.num_updates for row in runs):
        yield f"it has {len(seeds)} seed{'s' * (len(seeds) > 1)}; at least {MIN_SEEDS} are needed"


def _entry(folder: Folder) -> Iterator[str]:
    """Yield why an entry cannot be trained by others: parts that nobody has, and paths."""
    entry = folder.submission.entry
    if not entry[:1].isalnum() or any(sign in entry for sign in ("/", "\\", "..", "~")):
        yield f"the entry {entry!r} is an option or names a path, which others lack"
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
