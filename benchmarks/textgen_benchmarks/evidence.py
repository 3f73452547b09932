"""Tables of benchmarks/README.md that show whether intervals and verdicts hold, from what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from textgen.runtime.json_records import from_values, read_record
from textgen.runtime.markdown import table_lines
from textgen_benchmarks.coverage import Design
from textgen_benchmarks.seed_intervals import Cell
from textgen_benchmarks.seeds import Pairs, SeedResults

DESIGNS = {
    ("spread at random", "neighbours"): "24 slices (now)",
    ("spread at random", "t"): "24 slices, plain Student's t",
    ("documents", "neighbours"): "whole documents",
    ("contiguous", "neighbours"): "one passage, 24 segments (`contiguous`, now)",
    ("contiguous", "bootstrap"): "one passage, blocks of 500 characters (before)",
}
"""Designs of a test part that are shown, with their kind of interval."""

METHODS = {
    "own": "as observed (before)",
    "shipped": "moderated by the shipped prior (`bench`, `tune`)",
    "shipped, with the true sd": "the same, if the prior knew the true standard deviation",
    "fitted": "moderated by a prior fitted to the suite",
}
"""Ways to treat the variance between seeds that are shown."""


def coverage_table(path: Path) -> Iterator[str]:
    """Yield how often the intervals of each design hold the score of the whole text."""
    rows = [["text", "test part", "design", "scores", "differences", "± of a difference"]]
    designs = [from_values(Design, each) for each in json.loads(path.read_text("utf-8"))["designs"]]
    for (design, interval), name in DESIGNS.items():
        for each in designs:
            if (each.design, each.interval) == (design, interval):
                cells = (_range(*found) for found in (each.scores, each.differences))
                size = f"{each.test_chars:,}"
                rows.append([each.text, size, name, *cells, f"{each.difference_half_width:.3f}"])
    yield from table_lines([rows[0], *sorted(rows[1:], key=lambda row: (row[0], len(row[1])))], [0, 2])


def pairs_table(path: Path) -> Iterator[str]:
    """Yield how many pairs of runs of one entry, with different seeds, are called different."""
    result = read_record(SeedResults, path)
    header = ["called different", "by the prior of other texts"]
    rows = [["entry", "text", "budget", "scores with five seeds", "sd", *header]]
    for pairs, group in zip(result.pairs, result.groups, strict=True):
        scores = " ".join(f"{score:.4f}" for score in pairs.scores)
        mean = sum(pairs.scores) / len(pairs.scores)
        spread = (sum((score - mean) ** 2 for score in pairs.scores) / (len(pairs.scores) - 1)) ** 0.5
        called = [f"{found} of {pairs.num_pairs}" for found in _called(pairs)]
        rows.append([pairs.entry, pairs.corpus, group.budget, scores, f"{spread:.4f}", *called])
    total = sum(each.num_pairs for each in result.pairs)
    sums = [f"{sum(found)} of {total}" for found in zip(*map(_called, result.pairs), strict=True)]
    rows.append(["all", "", "", "", "", *sums])
    yield from table_lines(rows, [0, 1, 3])


def _called(pairs: Pairs) -> tuple[int, int]:
    return pairs.num_different_shipped, pairs.num_different


def seed_intervals_table(path: Path) -> Iterator[str]:
    """Yield the coverage of intervals over seeds, of all and of the narrowest tenth, by simulation."""
    rows = [["seeds", "variance between seeds", "all", "narrowest tenth", "median ±"]]
    cells = [from_values(Cell, each) for each in json.loads(path.read_text("utf-8"))["cells"]]
    for num_seeds in sorted({cell.num_seeds for cell in cells}):
        for method, name in METHODS.items():
            own = [cell for cell in cells if (cell.num_seeds, cell.method) == (num_seeds, method)]
            if own:
                shown = ([cell.coverage for cell in own], [cell.narrowest_tenth for cell in own])
                half = [cell.half_width[1] for cell in own]
                ranges = (_range(min(found), max(found)) for found in shown)
                rows.append([str(num_seeds), name, *ranges, f"{min(half):.3f}-{max(half):.3f}"])
    yield from table_lines(rows, [1])


def _range(low: float, high: float) -> str:
    return f"{100 * low:.0f}-{100 * high:.0f} %"


EVIDENCE: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "coverage": coverage_table,
    "seeds": pairs_table,
    "seed_intervals": seed_intervals_table,
}
"""The table of each result, by the name of its file."""
