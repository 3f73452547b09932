"""The request of a suite, from the command line or Python to the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from textgen.requests import ClusterOptions, InParallel, Option, Seed, TextOptions


@dataclass(frozen=True, kw_only=True)
class SuiteRequest:
    """A suite to be run: it has the cleaners of its texts, and the budget and seeds unless they are given."""

    name: Annotated[
        str,
        Option(
            "An installed suite, such as improvements, or a TOML file.", is_argument=True, completes="suite"
        ),
    ]
    text: Annotated[TextOptions, "corpus", "split", "max_chars", "encoding"] = TextOptions()
    budget: Annotated[
        str | None, Option("Training budget of cases that set none: 60s, 20Mchars.", default="the suite's")
    ] = None
    seed: Seed = 0
    seeds: Annotated[
        int | None,
        Option("Number of random seeds per case, from --seed on.", min=1, max=1000, default="the suite's"),
    ] = None
    question: Annotated[
        Sequence[str], Option("Run only the question of this name; repeatable.", metavar="NAME")
    ] = ()
    cluster: InParallel = ClusterOptions()
