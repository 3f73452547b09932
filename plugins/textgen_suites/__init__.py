"""Suites: comparisons declared as data, run by `textgen suite`; the constants are the bundled files."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from textgen import defaults
from textgen.requests import ClusterOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textgen.library.components import NewPlugins
    from textgen.library.corpus import TextSource
    from textgen.training.progress import Report
    from textgen_suites.result import SuiteResult

__all__ = ["suite"]

IMPROVEMENTS = str(files(__package__) / "improvements.toml")
KINDS = str(files(__package__) / "kinds.toml")
LANGUAGES = str(files(__package__) / "languages.toml")
ORIGINAL = str(files(__package__) / "original.toml")
READING = str(files(__package__) / "reading.toml")


def suite(
    name: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    budget: str | None = None,
    seeds: int | range | None = None,
    question: Sequence[str] = (),
    cluster: ClusterOptions = ClusterOptions(),
    plugins: NewPlugins = (),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> SuiteResult:
    """Train the cases of a suite with several seeds; return the effect of each change.

    `name` is an installed suite or a TOML file; it sets the cleaners, and also `budget` and `seeds` (a number
    or a range) unless they are given. `question` restricts the suite to some of its questions. A loaded
    `corpus` is read again with the suite's cleaners. Finished runs in `out` are reused, and answers to other
    questions there are kept. `cluster`, `plugins` and `report` are as in `textgen.bench`. Raises
    `TextgenError` if the suite cannot start or every case failed, and `NotSavedError` (with the result) if
    the disk is full.
    """
    from textgen.library.components import add_plugins
    from textgen.library.options import changed, seed_range
    from textgen.workers.process import import_early

    import_early("textgen.comparison.entry_job")
    from textgen_suites.request import SuiteRequest
    from textgen_suites.run_suite import read_again, suite_as

    add_plugins(plugins)
    text = read_again(corpus)
    request = SuiteRequest(
        name=name,
        text=text,
        budget=budget,
        question=question,
        cluster=cluster,
        **({} if seeds is None else seed_range(seeds)),
    )
    return suite_as(request, out, report, changed(request))
