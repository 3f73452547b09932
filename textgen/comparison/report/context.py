"""What a comparison was made of, in one line: text, budget, machine, pace, seeds, date."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.formats import plain, short
from textgen.runtime.environment import machines_used


def context(result: Comparison) -> str:
    """Return what a reader must know before the answer."""
    return plain(" · ".join(_parts(result)))


def _parts(result: Comparison) -> Iterator[str]:
    corpus = result.corpus
    held_out = corpus.split.scored(result.scored_on)
    yield (
        f"{corpus.name}: {short(corpus.num_chars)} characters, of which {short(held_out.num_chars)} are held "
        f"out and scored ({result.scored_on})"
    )
    yield f"{result.budget} of training each"
    yield machines_used(run.machine for run in result.runs) or result.machine.description
    trained = [run.train for run in result.runs if run.train.num_updates]
    if trained:
        paces = sorted(train.chars_per_second for train in trained)
        ends = list(dict.fromkeys(map(short, (paces[0], paces[-1]))))
        yield f"trained at {' to '.join(ends)} characters/s".replace(" k", "\u00a0k")
    shares = [train.cpu_utilization for train in trained if train.cpu_utilization is not None]
    if shares:
        yield f"CPU utilization at least {100 * min(shares):.0f} %"
    seeds = len({run.seed for run in result.entries})
    yield f"{seeds} seed{'s' * (seeds > 1)}"
    if result.made:
        yield result.made
