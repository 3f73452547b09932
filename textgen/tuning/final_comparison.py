"""The final comparison: the best entry against the default, on the test part with fresh seeds."""

from __future__ import annotations

from statistics import fmean

from textgen.experiment.entry_result import EntryResult
from textgen.results.comparison import Comparison
from textgen.results.study import Contestant, FinalComparison
from textgen.results.verification import VerificationCheck, compared


def conclusion(result: Comparison, default: str, best: str, seeds: tuple[int, ...]) -> FinalComparison:
    """Return what a comparison of two entries says about the best of a study."""
    gain, interval = None, None
    for difference in result.differences:  # one, if both have a score
        sign = 1 if difference.a == best else -1
        gain = sign * difference.bits_per_char
        if difference.interval is not None:
            ends = sorted(sign * end for end in difference.interval)
            interval = ends[0], ends[1]
    return FinalComparison(
        scored_on=result.scored_on,
        seeds=seeds,
        default=Contestant(default, _mean(result, default)),
        best=Contestant(best, _mean(result, best)),
        gain=gain,
        interval=interval,
        errors=tuple(
            f"{row.name}: {'it has no score' if isinstance(row, EntryResult) else row.error}"
            for row in result.entries
            if not isinstance(row, EntryResult) or row.score(result.scored_on) is None
        ),
    )


def verify_final(saved: FinalComparison, result: Comparison) -> VerificationCheck:
    """Return the check of a saved final comparison, whose result is `result`."""
    seeds = tuple(dict.fromkeys(row.seed for row in result.entries))
    recomputed = conclusion(result, saved.default.name, saved.best.name, seeds)
    kind = "values of the final comparison"
    return compared(
        kind, vars(saved), vars(recomputed), covers=[f"comparison.{name}" for name in vars(saved)]
    )


def _mean(result: Comparison, name: str) -> float | None:
    runs = [run for run in result.runs if run.name == name]
    scores = [score.bits_per_char for run in runs if (score := run.score(result.scored_on)) is not None]
    return fmean(scores) if scores else None
