"""Items of the catalog: what each folder of results is about; and whole results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.contracts import TextgenError
from textgen.results.folders import Kind, ResultFolder, find_folders, name_of
from textgen.runtime.messages import one_line
from textgen.runtime.storage.json_records import read_record, read_values
from textgen.runtime.storage.result_folders import RUNS

if TYPE_CHECKING:
    from textgen.experiment.saved_run import RunManifest
    from textgen.results.comparison import Comparison
    from textgen.results.ladder import Ladder
    from textgen.results.study import StudyResult
    from textgen.results.suite import SuiteResult


@dataclass(frozen=True, kw_only=True)
class Item:
    """A folder of results, and what is known about it without loading any model."""

    name: str
    folder: str
    kind: Kind
    is_finished: bool
    entries: tuple[str, ...] = ()
    """The entries compared; of a study, the one that is tuned."""
    corpus: str | None = None
    budget: str | None = None
    best: str | None = None
    """The entry with the lowest score."""
    score: float | None = None
    """Bits per character of the best entry on held-out text; None for a suite, whose texts may differ."""
    interval: tuple[float, float] | None = None
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
    "size": lambda item: -item.num_bytes,
}
"""Orders of a list: best, newest, first or largest first."""


def read_catalog(root: Path, kind: Kind | None = None) -> Catalog:
    """Return the results below `root`; those that are damaged are left out.

    Runs in benches and studies are listed only if `kind` is `run`.
    """
    items, skipped = [], []
    for each in find_folders(root, with_runs=kind == "run"):
        if kind in (None, each.kind):
            try:
                items.append(read_item(each, root))
            except TextgenError as error:
                skipped.append(str(error))
    return Catalog(tuple(items), tuple(skipped))


def read_result(folder: ResultFolder) -> RunManifest | Comparison | Ladder | SuiteResult | StudyResult:
    """Return a whole result; raises `TextgenError` if it is damaged, or if its command was interrupted."""
    from textgen.experiment.saved_run import RunManifest
    from textgen.results.comparison import Comparison
    from textgen.results.ladder import Ladder
    from textgen.results.study import StudyResult
    from textgen.results.suite import SuiteResult

    if not folder.is_finished:
        remaining = f" and keeps {len(folder.runs)} runs" if folder.runs else ""
        raise TextgenError(
            f"{str(folder.path)!r} was interrupted{remaining}, so it has no result; "
            f"the same {folder.kind} command with --out {folder.path} continues"
        )
    records: dict[Kind, type[RunManifest | Comparison | Ladder | SuiteResult | StudyResult]]
    records = {
        "run": RunManifest,
        "bench": Comparison,
        "ladder": Ladder,
        "suite": SuiteResult,
        "tune": StudyResult,
    }
    return read_record(records[folder.kind], folder.file)


def read_item(folder: ResultFolder, root: Path = RUNS) -> Item:
    """Return what a folder of results is about; raises `TextgenError` if its JSON cannot be read.

    It is read without the records, whose import and checks would take seconds for hundreds of folders. An
    interrupted bench is known by its runs.
    """
    item = Item(
        name=name_of(folder.path, root),
        folder=str(folder.path),
        kind=folder.kind,
        is_finished=folder.is_finished,
        time=folder.changed,
        num_bytes=folder.num_bytes,
        runs=tuple(name_of(run, root) for run in folder.runs),
    )
    if not folder.is_finished:
        return _of_runs(item, folder.runs) if folder.kind == "bench" else item
    values = read_values(folder.file)
    try:
        return _READERS[folder.kind](item, values)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TextgenError(f"{str(folder.file)!r} cannot be read: {one_line(error)}") from None


def best_run(folder: ResultFolder) -> Path:
    """Return the run in a bench, ladder or study with the lowest score, among those that its result ranks.

    Raises `TextgenError` if there is none.
    """
    best = best_of(folder.runs, read_item(folder).entries if folder.kind in ("bench", "ladder") else None)
    if best is None:
        raise TextgenError(f"{str(folder.path)!r} keeps no run with a score")
    return best


def best_runs(folder: ResultFolder, number: int) -> list[Path]:
    """Return the best run of each entry in a bench, ladder or study, the best `number` of them first.

    Raises `TextgenError` if none has a score.
    """
    items = (read_item(ResultFolder(run, "run")) for run in folder.runs)
    entries = read_item(folder).entries if folder.kind in ("bench", "ladder") else None
    ranked = [item for item in items if item.score is not None and (not entries or item.best in entries)]
    best: dict[str | None, Item] = {}
    for item in sorted(ranked, key=lambda item: item.score or 0.0):
        best.setdefault(item.best, item)
    if not best:
        raise TextgenError(f"{str(folder.path)!r} keeps no run with a score")
    return [Path(item.folder) for item in list(best.values())[:number]]


def best_of(runs: Iterable[Path], entries: Collection[str] | None = None) -> Path | None:
    """Return the run with the lowest score, perhaps only of some entries; None if none has a score."""
    items = [read_item(ResultFolder(run, "run")) for run in runs]
    best = _lowest(item for item in items if entries is None or item.best in entries)
    return Path(best.folder) if best else None


def _lowest(items: Iterable[Item]) -> Item | None:
    ranked = (item for item in items if item.score is not None)
    return min(ranked, key=lambda item: item.score or 0.0, default=None)


def _of_runs(item: Item, runs: Iterable[Path]) -> Item:
    """Return what the runs of one comparison have in common, and the best of them."""
    items = [read_item(ResultFolder(run, "run")) for run in runs]
    entries = tuple(dict.fromkeys(name for each in items for name in each.entries))
    best = _lowest(items) or items[0]
    about = {name: getattr(best, name) for name in ("corpus", "budget", "best", "score", "interval")}
    return replace(item, entries=entries, **about)


def _run(item: Item, values: Any) -> Item:
    result, settings = values["result"], values["settings"]
    score = (result["test"] or result["validation"] or {}) if result["problem"] is None else {}
    name = values["entry"]["name"]
    return _with(item, [name], settings, {**score, "name": name})


def _bench(item: Item, values: Any) -> Item:
    names = [row["name"] for row in values["entries"]]
    best: Any = min(values["scores"], key=lambda score: score["bits_per_char"], default={})
    return _with(item, names, values, best)


def _ladder(item: Item, values: Any) -> Item:
    settings = {"corpus": values["corpus"], "budget": ",".join(values["budgets"])}
    scores = [rung["score"] for rung in values["rungs"] if rung["budget"] == values["budgets"][-1]]
    best: Any = min(filter(None, scores), key=lambda score: score["bits_per_char"], default={})
    return _with(item, [rung["entry"] for rung in values["rungs"]], settings, best)


def _suite(item: Item, values: Any) -> Item:
    names = [case["entry"] for question in values["questions"] for case in question["cases"]]
    return _with(item, names, values, {})


def _study(item: Item, values: Any) -> Item:
    settings, names = values["settings"], [values["name"]]
    if "run" in settings:  # it is a sampler that is tuned, which has no score
        return _with(item, names, settings["run"]["settings"], {})
    best = (values["comparison"] or {}).get("best") or {}
    return _with(item, names, settings, {"name": best.get("name"), "bits_per_char": best.get("value")})


def _with(item: Item, names: Iterable[str], settings: Any, best: Any) -> Item:
    """Return an item with what its result says; raises `TypeError` for values of other types."""
    name, score = best.get("name"), best.get("bits_per_char")
    low, high = best.get("interval") or (None, None)
    ends = (low, high) if low is not None and high is not None else None
    entries, corpus, budget = tuple(dict.fromkeys(names)), settings["corpus"]["name"], settings["budget"]
    texts, numbers = [*entries, corpus, budget, name or ""], [score or 0, *(ends or ())]
    if not all(isinstance(text, str) for text in texts) or not all(
        type(each) in (int, float) for each in numbers
    ):
        raise TypeError("a name is not a text, or a score not a number")
    return replace(item, entries=entries, corpus=corpus, budget=budget, best=name, score=score, interval=ends)


_READERS: dict[Kind, Callable[[Item, Any], Item]]
_READERS = {"run": _run, "bench": _bench, "ladder": _ladder, "suite": _suite, "tune": _study}
