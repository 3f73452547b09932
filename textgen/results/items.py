"""Items of the catalog: what each folder of results is about; and whole results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.results.folders import ResultFolder, find_folders, name_of, run_in
from textgen.results.result_kind import RUN, About
from textgen.runtime.messages import one_line
from textgen.runtime.storage.json_records import read_record, read_values
from textgen.runtime.storage.result_folders import RUNS


@dataclass(frozen=True, kw_only=True)
class Item(About):
    """A folder of results, and what is known about it without loading any model."""

    name: str
    folder: str
    kind: str
    is_finished: bool
    state: str
    """What it is doing: `running`, `interrupted`, or empty if it is complete."""
    time: float
    """When the result was written, in seconds since the epoch."""
    num_bytes: int
    runs: tuple[str, ...] = ()
    """Names of the runs in it."""

    @property
    def age(self) -> float:
        """Seconds since the result was written."""
        return time.time() - self.time

    def mentions(self, text: str) -> bool:
        """Return whether a text occurs in what the item is about, in upper or lower case."""
        about = (self.name, self.kind, *self.entries, self.corpus or "", self.budget or "")
        return any(text.casefold() in each.casefold() for each in about)


@dataclass(frozen=True)
class Catalog:
    """The results below a folder, and why some are left out."""

    items: tuple[Item, ...]
    skipped: tuple[str, ...] = ()


SORT_KEYS: dict[str, Callable[[Item], Any]] = {
    "score": lambda item: (item.score is None, item.score),
    "age": lambda item: item.age,
    "name": lambda item: item.name,
}
"""Orders of a list: best first, newest first, or by name."""


def read_catalog(root: Path, kind: str | None = None) -> Catalog:
    """Return the results below `root`; those that are damaged are left out.

    Runs in benches and studies are listed only if `kind` is `run`.
    """
    items, skipped = [], []
    for each in find_folders(root, with_runs=kind == RUN):
        if kind in (None, each.kind.name):
            try:
                items.append(read_item(each, root))
            except TextgenError as error:
                skipped.append(str(error))
    return Catalog(tuple(items), tuple(skipped))


def read_result(folder: ResultFolder) -> Any:
    """Return a whole result, a record of its kind.

    Raises `TextgenError` if it is damaged, or if its command is running or was interrupted.
    """
    if not folder.is_finished:
        where, kept = str(folder.path), f" (runs kept: {len(folder.runs)})" if folder.runs else ""
        if folder.state == "running":
            raise TextgenError(f"{where!r} is running{kept}, so it has no result yet; wait until it is done")
        raise TextgenError(
            f"{where!r} was interrupted{kept}, so it has no result; "
            f"resume with the same command and --out {where}"
        )
    return read_record(folder.kind.record(), folder.file)


def read_item(folder: ResultFolder, root: Path = RUNS) -> Item:
    """Return what a folder of results is about; raises `TextgenError` if its JSON cannot be read.

    It is read without the records, whose import and checks would take seconds for hundreds of folders. An
    interrupted bench is known by its runs.
    """
    item = Item(
        name=name_of(folder.path, root),
        folder=str(folder.path),
        kind=folder.kind.name,
        is_finished=folder.is_finished,
        state=folder.state,
        time=folder.changed,
        num_bytes=folder.num_bytes,
        runs=tuple(name_of(run, root) for run in folder.runs),
    )
    if not folder.is_finished:
        return replace(item, **vars(_about_runs(folder.runs))) if folder.kind.ranks_runs else item
    values = read_values(folder.file)
    try:
        return replace(item, **vars(folder.kind.about(values)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TextgenError(f"{str(folder.file)!r} cannot be read: {one_line(error)}") from None


def best_runs(folder: ResultFolder, number: int) -> list[Path]:
    """Return the best run of each entry in a bench, ladder or study, the best `number` of them first.

    Raises `TextgenError` if none has a score, or none of those that its result ranks.
    """
    entries = read_item(folder).entries if folder.kind.ranks_runs else ()
    best: dict[str | None, Item] = {}
    for item in ranked(folder.runs):
        if not entries or item.best in entries:
            best.setdefault(item.best, item)
    if not best:
        raise TextgenError(f"{str(folder.path)!r} has no run with a score")
    return [Path(item.folder) for item in list(best.values())[:number]]


def ranked(runs: Iterable[Path]) -> list[Item]:
    """Return the runs that have a score, the best first."""
    items = (read_item(run_in(run)) for run in runs)
    return sorted((item for item in items if item.score is not None), key=lambda item: item.score or 0.0)


def _about_runs(runs: Sequence[Path]) -> About:
    """Return what the runs of one comparison have in common, and the best of them."""
    items = [read_item(run_in(run)) for run in runs]
    best = next(iter(ranked(runs)), items[0])
    about = {field.name: getattr(best, field.name) for field in fields(About)}
    return About(**about | {"entries": tuple(dict.fromkeys(name for each in items for name in each.entries))})
