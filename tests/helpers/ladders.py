"""Ladders of realistic comparisons whose scores are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from helpers.reports import compared, entry, reference
from textgen.results.comparison import Comparison
from textgen.results.judge import ladder
from textgen.results.ladder import Ladder

BUDGETS = ("15s", "1m", "4m")


def laddered(scores: Mapping[str, Sequence[float]]) -> Ladder:
    """A ladder of entries with these scores under each budget; random is not trained, a mix reads on."""
    return ladder(list(rungs(scores, 3)), "textgen bench --budget 15s,1m,4m")


def rungs(scores: Mapping[str, Sequence[float]], num_seeds: int) -> Iterator[Comparison]:
    for place, budget in enumerate(BUDGETS):
        rows = [
            entry(name, each[place], seed, train=trained(name, place), reads_on="mix" in name)
            for name, each in scores.items()
            for seed in range(num_seeds)
        ]
        yield compared(*rows, budget=budget, references=[reference("PPMd given train", 2.2)])


def trained(name: str, place: int) -> dict[str, Any]:
    number = 0 if name == "random" else 100 * 4**place
    return {
        "seconds": 15.0 * 4**place,
        "num_chars": 10_000 * number,
        "num_updates": number,
        "num_epochs": 1.0,
        "chars_per_second": 1000.0,
        "validation_seconds": 1.0,
        "best_update": number // 2,
        "best_share": 0.5 if number else None,
        "curve": [],
    }
