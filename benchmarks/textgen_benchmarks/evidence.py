"""Tables of benchmarks/README.md other than those of suites, from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from textgen.comparison.comparison_result import Comparison
from textgen.page.markdown import table_lines
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.headline import scores_table
from textgen_benchmarks.seeds import Pairs, SeedResults


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


def comparison_table(path: Path) -> Iterator[str]:
    """Yield the scores of a comparison."""
    return scores_table(read_record(Comparison, path))


EVIDENCE: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "bench-wiki-seeds": comparison_table,
    "tinyshakespeare": comparison_table,
    "seeds": pairs_table,
}
"""The table of each result, by the name of its file."""
