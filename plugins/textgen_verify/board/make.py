"""Folders of submissions made of a saved bench: its rows of one entry, judged alone, and what to fill in."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textgen.comparison.kinds import BENCH
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import read_manifest
from textgen.results.comparison import Comparison
from textgen.results.folders import RUNS_OF_BENCH, ResultFolder, run_folder
from textgen.results.judge import judge
from textgen.results.names import find
from textgen.results.row import rows_by_entry
from textgen.runtime.messages import UsageError, unknown
from textgen.runtime.storage.files import new_folder, slug, write_file
from textgen.runtime.storage.json_records import read_record, write_record
from textgen.version import DISTRIBUTION
from textgen_verify.board.folders import PROSE, SUBMISSION, Folder, Submission, hash_of, is_part
from textgen_verify.board.rules import MIN_SEEDS, READING, STATIC, BoardText, Rules, read_rules

TO_WRITE = "Say in a few lines what this entry is, and what is new about it."
"""The prose of a submission that nobody has written."""


@dataclass(frozen=True)
class Made:
    """A submission that was made, and what it lacks."""

    folder: str
    entry: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is submitted, and where."""

    result: str
    entries: Sequence[str] = ()
    """Entries of the bench; none: all of them."""
    plugins: Sequence[Path] = ()
    name: str | None = None
    """The name of the folder of a single entry; None: made of the entry."""
    author: str = ""
    about: str = ""
    board: Path = Path("leaderboard")


def make_submissions(request: Request) -> list[Folder]:
    """Make a folder for each entry of a result; raises `TextgenError` if one cannot be submitted."""
    rules, found = read_rules(request.board), find(request.result)
    if request.name is not None and not is_part(request.name):
        raise UsageError(
            f"--name {request.name!r} has other characters than letters, digits and -_.=, or a leading dot"
        )
    if found.is_run:
        own = read_manifest(found.path).entry.name
        request = replace(request, entries=request.entries or [own])
    planned = [each for bench in _benches(found) for each in _planned(request, rules, bench)]
    if request.name is not None and len(planned) > 1:
        raise UsageError("--name is that of one folder; choose one entry by --entry")
    used = {path for each in planned for path in each.plugins}
    for path in request.plugins:
        if path not in used:
            raise UsageError(f"--plugin {path} has no effect: no entry uses it; leave it out")
    for each in planned:
        _write(each, rules.texts[each.folder.text])
    return [each.folder for each in planned]


@dataclass(frozen=True)
class _Planned:
    """A folder that is to be made."""

    folder: Folder
    result: Comparison
    submission: Submission
    plugins: Sequence[Path]
    about: str


def _benches(found: ResultFolder) -> list[Path]:
    """Return the folder of a bench, or those of a ladder, or that of the bench that a run is in."""
    places = [found.path, *(part.path for part in found.parts)]
    if found.is_run and found.path.parent.name == RUNS_OF_BENCH:
        places = [found.path.parent.parent]
    benches = [place for place in places if (place / BENCH).is_file()]
    if not benches:
        raise TextgenError(
            f"{str(found.path)!r} is a {found.kind.name}, not a bench with {MIN_SEEDS} seeds; run: "
            f"textgen bench ENTRY --budget 1Mchars --seeds {MIN_SEEDS}"
        )
    return benches


def alone(result: Comparison, entry: str) -> Comparison:
    """Return the comparison of one entry of it, with the same references."""
    rows = tuple(row for row in result.entries if row.name == entry)
    kept = replace(result, entries=rows)
    runs = rows_by_entry(kept.runs, result.scored_on)
    judged = judge(runs, result.held_out, result.seed_priors, result.other_metrics)
    return replace(kept, machine=kept.runs[0].machine, **vars(judged))


def _planned(request: Request, rules: Rules, bench: Path) -> Iterator[_Planned]:
    """Yield the folders to make of a bench; raises `TextgenError` if an entry cannot be submitted."""
    whole = read_record(Comparison, bench / BENCH, needs_digest=True)
    names = list(dict.fromkeys(row.name for row in whole.runs))
    text, budget = rules.text_of(whole.corpus), rules.budget_of(whole.budget)
    if text is None:
        own = whole.corpus
        raise TextgenError(
            f"the text of {str(bench)!r}, {own.name} ({own.cleaner}, {own.split.method}, {own.sha256[:12]}), "
            f"is none of the leaderboard's, which are {_texts(rules.texts)}; bench with --corpus and --split "
            "of one"
        )
    if budget is None:
        raise TextgenError(
            f"the budget {whole.budget} is none of the leaderboard's: {', '.join(rules.budgets)}"
        )
    for entry in request.entries or names:
        if entry not in names:
            raise UsageError(unknown("entry of this bench", entry, names))
        result = alone(whole, entry)
        run = result.runs[0]
        kind = READING if run.reads_on else STATIC
        folder = Folder(request.board, text, budget, kind, request.name or slug(entry))
        if folder.path.exists():
            by = f" (by {folder.submission.author})" if (folder.path / SUBMISSION).is_file() else ""
            raise TextgenError(f"{str(folder.path)!r} exists{by}; remove it if it is yours, or give --name")
        files = _plugin_files(entry, run_folder(bench, entry, run.seed), request.plugins)
        submission = Submission(
            entry=entry,
            author=request.author,
            plugins={path.name: hash_of(path) for path in files},
            bench=hash_of(bench / BENCH),
        )
        yield _Planned(folder, result, submission, files, request.about or TO_WRITE)


def _write(planned: _Planned, text: BoardText) -> None:
    """Make a folder, whole or not at all."""
    planned.folder.path.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(planned.folder.path) as place:
        write_record(place / BENCH, planned.result)
        write_record(place / SUBMISSION, planned.submission)
        for path in planned.plugins:
            write_file(place / path.name, path.read_text("utf-8"))
        command = shlex.join(command_of(planned.submission, planned.result, text))
        entry = planned.submission.entry
        write_file(place / PROSE, f"# {entry}\n\n{planned.about}\n\n```sh\n{command}\n```\n")


def _texts(texts: Mapping[str, BoardText]) -> str:
    return ", ".join(
        f"{name} ({text.corpus}, {text.clean}, {text.split}, {text.sha256[:12]})"
        for name, text in texts.items()
    )


def _plugin_files(entry: str, run: Path, given: Sequence[Path]) -> list[Path]:
    """Return the plugin files that an entry was trained with, of those that are given.

    Raises `TextgenError` if one is missing or has changed, or if a plugin is not a single file.
    """
    needed = sorted({each for each in read_manifest(run).settings.plugins.values() if not _is_own(each)})
    used = []
    for identity in needed:
        name, _, version = identity.rpartition(" ")
        if not name.endswith(".py"):
            raise TextgenError(f"{entry} uses the package {name}; submit it as a single plugin file")
        path = next((each for each in given if each.name == name and each.is_file()), None)
        if path is None:
            raise TextgenError(f"{entry} uses the plugin file {name}; give it by --plugin")
        if hashlib.sha256(path.read_bytes()).hexdigest()[: len(version)] != version:
            raise TextgenError(f"{entry} was trained with another {name} than {str(path)!r}")
        used.append(path)
    return used


def _is_own(identity: str) -> bool:
    return identity.partition(" ")[0] == DISTRIBUTION


def command_of(submission: Submission, result: Comparison, text: BoardText) -> list[str]:
    """Return the command that trains an entry again, in its folder if it has plugin files."""
    seeds = {row.seed for row in result.runs}
    plugins = [word for name in submission.plugins for word in ("--plugin", name)]
    options = ["--clean", text.clean, "--split", text.split, "--budget", result.budget]
    options += ["--seed", str(min(seeds)), "--seeds", str(len(seeds)), *plugins]
    return ["textgen", "bench", submission.entry, "--corpus", text.corpus, *options]
