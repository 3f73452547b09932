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
from textgen_verify.board.folders import PROSE, SUBMISSION, Folder, Submission, hash_of
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
    author: str = ""
    about: str = ""
    board: Path = Path("leaderboard")


def make_submissions(request: Request) -> Iterator[Folder]:
    """Make a folder for each entry of a result; raises `TextgenError` if that cannot be submitted."""
    rules, found = read_rules(request.board), find(request.result)
    if found.is_run:
        own = read_manifest(found.path).entry.name
        request = replace(request, entries=request.entries or [own])
    for bench in _benches(found):
        result = read_record(Comparison, bench / BENCH, needs_digest=True)
        names = list(dict.fromkeys(row.name for row in result.runs))
        for entry in request.entries:
            if entry not in names:
                raise UsageError(unknown("entry of this bench", entry, names))
        for entry in request.entries or names:
            yield _made(request, rules, alone(result, entry), bench)


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


def _made(request: Request, rules: Rules, result: Comparison, bench: Path) -> Folder:
    entry = result.runs[0].name
    text, budget = rules.text_of(result.corpus), rules.budget_of(result.budget)
    if text is None:
        raise TextgenError(
            f"the text of {str(bench)!r}, {result.corpus.name}, is none of the leaderboard's, which are "
            f"{_texts(rules.texts)}; bench with --corpus and --split of one"
        )
    if budget is None:
        raise TextgenError(
            f"the budget {result.budget} is none of the leaderboard's: {', '.join(rules.budgets)}"
        )
    kind = READING if result.runs[0].reads_on else STATIC
    folder = Folder(request.board, text, budget, kind, slug(entry))
    if folder.path.exists():
        raise TextgenError(f"{str(folder.path)!r} exists; remove it to submit {entry} again")
    seed = result.runs[0].seed
    files = _plugin_files(entry, run_folder(bench, entry, seed), request.plugins)
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder.path) as place:
        write_record(place / BENCH, result)
        submission = Submission(
            entry=entry,
            author=request.author,
            plugins={path.name: hash_of(path) for path in files},
            bench=hash_of(bench / BENCH),
        )
        write_record(place / SUBMISSION, submission)
        for path in files:
            write_file(place / path.name, path.read_text("utf-8"))
        command = command_of(submission, result, rules.texts[text])
        write_file(place / PROSE, _prose(entry, request.about or TO_WRITE, command))
    return folder


def _texts(texts: Mapping[str, BoardText]) -> str:
    return ", ".join(f"{name} ({text.corpus}, {text.clean}, {text.split})" for name, text in texts.items())


def _plugin_files(entry: str, run: Path, given: Sequence[Path]) -> list[Path]:
    """Return the plugin files that an entry was trained with, of those that are given.

    Raises `TextgenError` if one is missing, is another one, or if a plugin is no file.
    """
    needed = sorted({each for each in read_manifest(run).settings.plugins.values() if not _is_own(each)})
    used = []
    for identity in needed:
        name, _, version = identity.rpartition(" ")
        if not name.endswith(".py"):
            raise TextgenError(f"{entry} uses the package {name}; submit it as a single plugin file")
        path = next((each for each in given if each.name == name), None)
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


def _prose(entry: str, about: str, command: Sequence[str]) -> str:
    return f"# {entry}\n\n{about}\n\n```sh\n{shlex.join(command)}\n```\n"
