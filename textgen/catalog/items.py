"""Items of the catalog: what each folder of results is about, read from its JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.catalog.folders import FILES, Kind, ResultFolder, find_folders, name_of
from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.storage.json_records import read_values

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Item:
    """A folder of results, and what is known about it without loading any model."""

    name: str
    folder: str
    kind: Kind
    is_finished: bool
    entries: tuple[str, ...] = ()
    """Of a study, what is tuned."""
    corpus: str | None = None
    budget: str | None = None
    best: str | None = None
    """The entry with the lowest score."""
    score: float | None = None
    """Bits per character of the best entry on held-out text; None for a suite, whose texts may differ."""
    interval: Interval | None = None
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


@dataclass(frozen=True)
class About:
    """What a result says about itself."""

    entries: tuple[str, ...] = ()
    corpus: str | None = None
    budget: str | None = None
    best: str | None = None
    score: float | None = None
    interval: Interval | None = None


SORT_KEYS: dict[str, Callable[[Item], Any]] = {
    "score": lambda item: (item.score is None, item.score),
    "age": lambda item: item.age,
    "name": lambda item: item.name,
    "size": lambda item: -item.num_bytes,
}
"""Orders of a list: best, newest, first or largest first."""


def read_catalog(root: Path, kind: Kind | None = None) -> Catalog:
    """Return the results below `root`; those that are damaged are left out.

    Runs in benches and studies are listed only if `kind` is `run`.
    """
    items, skipped = [], []
    for found in find_folders(root):
        inner = [ResultFolder(run, "run") for run in found.runs] if kind == "run" else []
        for each in (found, *inner):
            if kind in (None, each.kind):
                try:
                    items.append(read_item(each, root))
                except TextgenError as error:
                    skipped.append(str(error))
    return Catalog(tuple(items), tuple(skipped))


def read_item(found: ResultFolder, root: Path) -> Item:
    """Return what a folder of results is about; raises `TextgenError` if its JSON cannot be read."""
    about = read_about(found)
    return Item(
        name=name_of(found.path, root),
        folder=str(found.path),
        kind=found.kind,
        is_finished=found.is_finished,
        **vars(about),
        time=found.changed,
        num_bytes=found.num_bytes,
        runs=tuple(name_of(run, root) for run in found.runs),
    )


def read_about(found: ResultFolder) -> About:
    """Return what a result says about itself; an interrupted bench is known by its runs."""
    if not found.is_finished:
        return _of_runs(found.runs) if found.kind == "bench" else About()
    return _read(found.file, _READERS[found.kind])


def best_run(found: ResultFolder) -> Path:
    """Return the run in a bench or study with the lowest score, among those that its result ranks.

    Raises `TextgenError` if there is none.
    """
    best = best_of(found.runs, read_about(found).entries if found.kind == "bench" else None)
    if best is None:
        raise TextgenError(f"{str(found.path)!r} keeps no run with a score")
    return best


def best_of(runs: Iterable[Path], entries: Collection[str] | None = None) -> Path | None:
    """Return the run with the lowest score, perhaps only of some entries; None if none has a score."""
    scores = {
        run: about.score
        for run in runs
        if (about := _read(run / FILES["run"], _run)).score is not None
        and (entries is None or about.best in entries)
    }
    return min(scores, key=lambda run: scores[run] or 0.0, default=None)


def _read(file: Path, reader: Callable[[Any], About]) -> About:
    values = read_values(file)
    try:
        return reader(values)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TextgenError(f"{str(file)!r} cannot be read: {one_line(error)}") from None


def _of_runs(runs: Iterable[Path]) -> About:
    """Return what the runs of one comparison have in common, and the best of them."""
    found = [_read(run / FILES["run"], _run) for run in runs]
    best = min(found, key=lambda each: (each.score is None, each.score))
    entries = tuple(dict.fromkeys(name for each in found for name in each.entries))
    return About(entries, best.corpus, best.budget, best.best, best.score, best.interval)


def _run(values: Any) -> About:
    result, settings = values["result"], values["settings"]
    score = (result["test"] or result["validation"] or {}) if result["problem"] is None else {}
    name = values["entry"]["name"]
    return _about([name], settings, name, score.get("bits_per_char"), score.get("interval"))


def _bench(values: Any) -> About:
    best = values["scores"][0] if values["scores"] else {}
    names = [row["name"] for row in values["entries"]]
    return _about(names, values, best.get("name"), best.get("bits_per_char"), best.get("interval"))


def _suite(values: Any) -> About:
    names = [case["entry"] for question in values["questions"] for case in question["cases"]]
    return _about(names, values)


def _study(values: Any) -> About:
    settings = values["settings"]
    compared = (values["comparison"] or {}).get("best") or {}
    if "run" in settings:  # it is a sampler that is tuned, which has no score
        return _about([values["name"]], settings["run"]["settings"])
    return _about([values["name"]], settings, compared.get("name"), compared.get("value"))


def _about(
    names: Iterable[str],
    settings: Any,
    best: str | None = None,
    score: float | None = None,
    interval: Iterable[float] | None = None,
) -> About:
    low, high = interval or (None, None)
    ends = (low, high) if low is not None and high is not None else None
    entries, corpus, budget = tuple(dict.fromkeys(names)), settings["corpus"]["name"], settings["budget"]
    texts, numbers = [*entries, corpus, budget, best or ""], [score or 0, *(ends or ())]
    if not all(isinstance(text, str) for text in texts) or not all(
        type(each) in (int, float) for each in numbers
    ):
        raise TypeError("a name is not a text, or a score not a number")
    return About(entries, corpus, budget, best, score, ends)


_READERS: dict[Kind, Callable[[Any], About]] = {
    "run": _run,
    "bench": _bench,
    "suite": _suite,
    "tune": _study,
}
