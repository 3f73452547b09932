"""Processes that train together, each on one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from helpers.training import CPU
from textgen.training.rank_info import RankInfo
from textgen.training.ranks import joined, new_store
from textgen.workers.pool import Killed, run_in_processes


@dataclass(frozen=True)
class _Part:
    """What one rank does."""

    rank_info: RankInfo
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def together(function: Callable[..., Any], *arguments: Any, number: int = 2) -> list[Any]:
    """Call a function in several ranks, and return what each returned."""
    store = new_store(number)
    parts = [
        _Part(RankInfo(rank, number, rank, number, store.port), function, arguments) for rank in range(number)
    ]
    results = run_in_processes(_call, parts, number, [partial(torch.set_num_threads, 1)])
    found = {part.rank_info.rank: result for part, result in results}
    assert not [result for result in found.values() if isinstance(result, Killed)], found
    return [found[rank] for rank in range(number)]


def _call(part: _Part) -> Any:
    with joined(part.rank_info, CPU):
        return part.function(*part.arguments)
