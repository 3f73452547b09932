"""Kinds of results: each says how its folders are found, listed, shown, reported and removed.

A kind is a plugin of the kind `result`. Those of textgen are declared beside what makes them, such as
`textgen/comparison/bench_kind.py`; another one is one file with a class derived from `Kind`. Finding and
listing hundreds of folders must be quick: what is heavy is imported in the methods that need it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from textgen.contracts import ResultKind, TextgenWarning
from textgen.registry.registry import Plugin, load, plugins
from textgen.runtime.messages import one_line
from textgen.runtime.storage.result_folders import LOCK, PAGE

RUN = "run"
"""The kind whose folders are part of those of others, and what texts are written and scored by."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What lists say of a result."""

    entries: tuple[str, ...] = ()
    """The entries compared; of a study, the one that is tuned."""
    corpus: str | None = None
    budget: str | None = None
    best: str | None = None
    """The entry with the lowest score."""
    score: float | None = None
    """Bits per character of the best entry on held-out text; None if there are several texts."""
    interval: tuple[float, float] | None = None


def about_best(
    entries: Iterable[str], corpus: Mapping[str, Any], budget: str, best: Mapping[str, Any]
) -> About:
    """Return what lists say of a result of a text, with the JSON values of the score of its best entry."""
    low, high = best.get("interval") or (None, None)
    return About(
        entries=tuple(dict.fromkeys(entries)),
        corpus=corpus["name"],
        budget=budget,
        best=best.get("name"),
        score=best.get("bits_per_char"),
        interval=None if low is None or high is None else (low, high),
    )


class Kind(ResultKind):
    """The base class of kinds: it has defaults for all but what `textgen.contracts.ResultKind` asks for."""

    name = ""
    """That of the plugin, which it is given when it is loaded."""
    file = ""
    """The file with the result, by which a folder is recognised."""
    field = ""
    """A field that no other kind has, by which a file of any name is recognised."""
    has_runs = False
    """True if a run can be taken from it."""
    ranks_runs = False
    """True if its result ranks its runs, so that an unfinished one is known by them."""
    has_page = True
    """True if there is a page of it."""
    has_models = False
    """True if the page can have models, to write with."""

    def files(self) -> tuple[str, ...]:
        """Return all files that a folder may hold, as patterns: what else is in it is not ours."""
        return (self.file, LOCK, *([PAGE] if self.has_page else []))

    def runs(self, folder: Path) -> Iterable[Path]:
        """Return the folders of the runs in a folder, or where they would be."""
        return ()

    def is_unfinished(self, folder: Path) -> bool:
        """Return whether a folder without the file is one whose command was interrupted."""
        return False

    def printed(self, result: Any) -> Any:
        """Return the record that `--json` prints."""
        return result

    def page(self, result: Any, folder: Path, *, with_models: bool) -> Any:
        """Return the report that the page is drawn from, perhaps with models.

        Raises `TextgenError` if a file is missing.
        """
        return self.report(result, folder)


def kinds() -> Mapping[str, Kind]:
    """Return the kinds of results by their names; a warning says of a plugin that cannot be used why."""
    return _built(plugins("result"))


@cache
def _built(enabled: tuple[Plugin, ...]) -> Mapping[str, Kind]:
    built: dict[str, Kind] = {}
    for name in dict.fromkeys(plugin.name for plugin in enabled):
        try:
            built[name] = load("result", name)()
            built[name].name = name
        except Exception as error:  # whatever a plugin raises must not hide the others
            reason = f"results of the kind {name!r} are left out: {one_line(error, with_type=False)}"
            warnings.warn(reason, TextgenWarning, stacklevel=3)
    return built


def kind_of(result: Any) -> Kind:
    """Return the kind of a result, by the type of its record."""
    return next(kind for kind in kinds().values() if isinstance(result, kind.record()))
