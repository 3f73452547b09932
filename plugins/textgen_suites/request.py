"""The request of a suite, from the command line or Python to the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from textgen.requests import ClusterOptions, InParallel, OptionDetails, TextOptions


@dataclass(frozen=True, kw_only=True)
class SuiteRequest:
    """A suite to be run: it has the cleaners of its texts, and the budget and seeds unless they are given."""

    name: Annotated[str, OptionDetails(is_argument=True, completes="suite")]
    """An installed suite, such as improvements, or a TOML file."""
    text: Annotated[TextOptions, "corpus", "split", "max_chars", "encoding"] = TextOptions()
    budget: Annotated[str | None, OptionDetails(default="the suite's")] = None
    """Training of each case without a budget of its own: 60s, 20Mchars; or several: 15s,1m."""
    seeds: Annotated[int | None, OptionDetails(min=1, max=1000, default="the suite's")] = None
    """Random seeds per case."""
    cluster: InParallel = ClusterOptions()
