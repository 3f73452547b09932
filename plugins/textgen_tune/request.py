"""The request of `textgen tune`, from the command line to the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from textgen import defaults
from textgen.requests import ClusterOptions, InParallel, NumSeeds, OptionDetails, PlainText, Seed, TextOptions

NUM_TRIALS = 30
"""Trials of a study that is given neither their number nor a time."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What a study searches, and for how long."""

    heading: ClassVar[str] = "Search"
    trials: Annotated[
        int | None, OptionDetails(min=1, max=100_000, default=f"{NUM_TRIALS}, or unlimited with --timeout")
    ] = None
    """Trials of the whole study."""
    timeout: Annotated[str | None, OptionDetails(default="none")] = None
    """Start no new trial after this long: 90s, 15m, 2h."""
    search: Annotated[str | None, OptionDetails(default="all that components recommend")] = None
    """What to search, such as learning_rate=1e-4..1e-2,optimizer=muon|adamw,hidden_size."""


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """The options of an entry that are searched."""

    entry: Annotated[str, OptionDetails(is_argument=True, completes="entry")]
    """Such as char-lstm; options with a value are not searched."""
    text: PlainText = TextOptions()
    budget: str = defaults.BUDGET
    """Training per trial: 60s, 5min, 1h, 5epochs, 20Mchars."""
    search: SearchOptions = SearchOptions()
    seed: Seed = 0
    """Random seed."""
    seeds: NumSeeds = 3
    """Random seeds of the final comparison with the default."""
    cluster: InParallel = ClusterOptions()
