"""Naming results: by a path, by any part of a name that no other has, or as `latest`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

from textgen.contracts import TextgenError
from textgen.results.folders import ResultFolder, entry_part, find_folders, identify, name_of, run_in
from textgen.results.items import best_runs, ranked
from textgen.results.result_kind import RUN, Kind, kinds
from textgen.runtime.output import visible
from textgen.runtime.storage.files import slug
from textgen.runtime.storage.result_folders import RUN_FILE, RUNS

LATEST = "latest"
"""The name of the newest result."""
Choice: TypeAlias = Callable[[Kind], bool]
"""Which kinds of results a name may mean."""
HAS_RUNS: Choice = attrgetter("has_runs")
HAS_PAGE: Choice = attrgetter("has_page")
MAX_SUGGESTIONS = 5
"""Candidates that an error names."""


class AmbiguousNameError(TextgenError):
    """A part of a name that several results have."""


def find(name: str, root: Path = RUNS, chosen: Choice = lambda _: True) -> ResultFolder:
    """Return the result of a chosen kind that a name means: a path, part of a name below `root`, or `latest`.

    Raises `TextgenError` if there is none, and `AmbiguousNameError` if there are several.
    """
    if os.path.exists(name):
        path = Path(name)
        files = [kind.file for kind in kinds().values()]
        folder = identify(path.parent if path.name in files else path)
        if folder is not None and chosen(folder.kind):
            return folder
        if folder is not None or name != LATEST:
            instead = f", a {folder.kind.name}" if folder else ""
            raise TextgenError(f"no {_what(chosen)} in {name!r}{instead}; {_advice(root)}")
    return _only(name, candidates(name, root, chosen), root, chosen)


def find_run(name: str | Path, root: Path = RUNS) -> Path:
    """Return the folder of the run that a name means; benches and studies stand for their best run.

    Raises `TextgenError` if there is none, and `AmbiguousNameError` if there are several.
    """
    return find_runs(str(name), 1, root)[0]


def find_runs(name: str, number: int, root: Path = RUNS) -> list[Path]:
    """Return the run that a name means, or the best `number` of a bench or study, one of each entry.

    Raises as `find_run` does.
    """
    if os.path.exists(os.path.join(name, RUN_FILE)):
        return [Path(name)]
    try:
        folder = find(name, root, HAS_RUNS)
    except AmbiguousNameError:
        several = candidates(name, root, HAS_RUNS)
        seeds = {(each.path.parent, entry_part(each.path)) for each in several if each.is_run}
        best = ranked(each.path for each in several) if len(seeds) == 1 else []
        if not best:
            raise
        return [Path(best[0].folder)]  # of an entry's seeds, as for a bench
    return [folder.path] if folder.is_run else best_runs(folder, number)


def complete_run(incomplete: str) -> list[str]:
    """Return the names under `runs` that a shell may offer for the beginning or another part of one."""
    names = [LATEST, *(name_of(each.path, RUNS) for each in find_folders(RUNS, with_runs=True))]
    offered = [name for name in names if name == visible(name)]
    beginning = [name for name in offered if name.startswith(incomplete)]
    return beginning or [name for name in offered if incomplete in name]


def candidates(name: str, root: Path, chosen: Choice) -> Sequence[ResultFolder]:
    """Return the results that a name may mean, by the best way in which it means any.

    In this order: the newest for `latest`, a whole name, part of a name, part of that of a result in another
    one, such as a comparison of a ladder, and of the runs in benches the entry, or part of the name after
    that of the bench.
    """
    folders = list(find_folders(root))
    tops = [each for each in folders if chosen(each.kind)]
    if name == LATEST:
        return sorted(tops, key=lambda each: each.changed)[-1:]
    name = name.removeprefix(f"{root}/")
    runs = [run_in(run) for top in folders for run in top.runs if chosen(kinds()[RUN])]
    parts = [part for top in folders for part in top.parts if chosen(part.kind)]
    bench, _, last = name.casefold().rpartition("/")
    as_folder = slug(name.rpartition("/")[2])  # the name of an entry, as reports print it
    below = [run for run in runs if bench in name_of(run.path.parent, root).casefold()]
    ways = (
        [each for each in (*tops, *runs) if name in (name_of(each.path, root), each.path.name)],
        [each for each in parts if name == name_of(each.path, root)],
        [each for each in tops if name.casefold() in name_of(each.path, root).casefold()],
        [each for each in parts if name.casefold() in name_of(each.path, root).casefold()],
        [each for each in below if as_folder == entry_part(each.path)],
        [each for each in below if last == entry_part(each.path).casefold()],
        [each for each in below if last in each.path.name.casefold()],
    )
    return next(filter(None, ways), [])


def _only(name: str, folders: Sequence[ResultFolder], root: Path, chosen: Choice) -> ResultFolder:
    names = [name_of(each.path, root) for each in folders]
    if len(folders) == 1:
        return folders[0]
    if folders:
        num_more = len(names) - MAX_SUGGESTIONS
        shown = names[:MAX_SUGGESTIONS] + ([f"{num_more} more"] if num_more > 0 else [])
        raise AmbiguousNameError(
            f"{name!r} matches {len(names)} names: {', '.join(shown)}; give a longer part"
        )
    # Names end with a time that nobody types, so the beginning counts.
    known = [name_of(each.path, root) for each in find_folders(root, with_runs=True) if chosen(each.kind)]
    beginnings = {each[: len(name)]: each for each in reversed(known)}
    near = get_close_matches(name, beginnings, n=1)
    hint = f"did you mean {beginnings[near[0]]!r}? " if near else ""
    raise TextgenError(f"no {_what(chosen)} {name!r}; {hint}{_advice(root)}")


def _what(chosen: Choice) -> str:
    return "run" if chosen is HAS_RUNS else "result"


def _advice(root: Path) -> str:
    where = "" if root == RUNS else f" --root {root}"
    return f"textgen runs{where} lists those under {str(root)!r}"
