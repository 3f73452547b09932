"""Verification of a saved ladder: its scores, steps and crossings from the bits of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen.experiment.score_run import unit_sizes
from textgen.results.comparison import Comparison
from textgen.results.judge import rescored
from textgen.results.judge_ladder import judge_ladder, ladder
from textgen.results.ladder import Ladder, RungRun
from textgen.results.verification import VerificationCheck, compared, named
from textgen.results.verify_bench import REFERENCES, verify_sizes

NAMES = ("entry", "budget", "before", "after", "ahead", "behind")
"""The fields that tell rungs, steps and crossings apart."""


def verify_ladder(result: Ladder) -> Iterator[VerificationCheck]:
    """Yield a check of each kind of number that follows from others in the result."""
    runs: dict[str, dict[str, Sequence[RungRun]]] = {budget: {} for budget in result.budgets}
    for rung in result.rungs:
        runs[rung.budget][rung.entry] = rung.runs
    judged = judge_ladder(runs, result.seed_prior)
    means = ("num_chars", "num_updates", "seconds", "best_share")
    covers = [f"rungs.*.{name}" for mean in means for name in (mean, f"runs.*.{mean}")]
    covers += ["rungs.*.score", "rungs.*.runs.*.units", "seed_prior"]
    for kind, saved, recomputed, kinds in (
        ("rungs", result.rungs, judged.rungs, covers),
        ("steps", result.steps, judged.steps, ["steps"]),
        ("crossings", result.crossings, judged.crossings, ["crossings"]),
    ):
        yield compared(kind, named(saved, NAMES), named(recomputed, NAMES), covers=kinds)
    sizes = unit_sizes(result.corpus.split.scored(result.scored_on).stretch_chars)
    units = {
        f"{rung.entry}, {rung.budget}, seed {run.seed}": run.units.num_chars
        for rung in result.rungs
        for run in rung.runs
        if run.units
    }
    yield compared("characters of runs", units, dict.fromkeys(units, sizes))
    references = {each.name: each for each in result.references if each.units}
    again = {name: rescored(each, each.units) for name, each in references.items() if each.units}
    yield compared("references", references, again, covers=REFERENCES)
    yield verify_sizes(result.corpus)


def verify_rungs(result: Ladder, comparisons: Sequence[Comparison]) -> VerificationCheck:
    """Return the check of a ladder against the comparisons that it was made of."""
    made = ladder(comparisons, result.command)
    covers = ["rungs", "sources", "corpus"]
    saved, own = (
        {"sources": each.sources, "corpus": each.corpus} | named(each.rungs, NAMES) for each in (result, made)
    )
    return compared("rungs of the comparisons", saved, own, covers=covers)
