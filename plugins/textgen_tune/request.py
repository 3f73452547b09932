"""The request of `textgen tune`, from the command line to the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from textgen import defaults
from textgen.requests import MAX_SEEDS, ClusterOptions, InParallel, Option, PlainText, Seed, TextOptions

NUM_TRIALS = 30
"""Trials of a study that is given neither their number nor a time."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What a study searches, and for how long."""

    heading: ClassVar[str] = "Search"
    trials: Annotated[
        int | None,
        Option(
            "Number of trials in the whole study.",
            min=1,
            max=100_000,
            default=f"{NUM_TRIALS}, or unlimited with --timeout",
        ),
    ] = None
    timeout: Annotated[
        str | None, Option("Start no new trials after this time: 90s, 15m, 2h.", default="none")
    ] = None
    search: Annotated[
        str | None,
        Option(
            "Options to search, such as learning_rate=1e-4..1e-2,optimizer=muon|adamw,hidden_size.",
            default="all that the components recommend",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """The options of an entry that are searched."""

    entry: Annotated[
        str,
        Option(
            "Entry, such as char-lstm; options set in it stay fixed.", is_argument=True, completes="entry"
        ),
    ]
    text: PlainText = TextOptions()
    budget: Annotated[str, Option("Training per trial: 60s, 5min, 1h, 5epochs, 20Mchars.")] = defaults.BUDGET
    search: SearchOptions = SearchOptions()
    seed: Seed = 0
    seeds: Annotated[
        int, Option("Number of seeds in the final comparison with the default.", min=1, max=MAX_SEEDS)
    ] = 3
    cluster: InParallel = ClusterOptions()
