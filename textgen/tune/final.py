"""Whether it was worth it: the best choice against the default, on the test part with fresh seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from textgen.bench import BenchOptions, bench
from textgen.entry import parse_entry
from textgen.train import Progress
from textgen.tune.objective import Objective, Training
from textgen.tune.sampling import Sampling

FOLDER = "comparison"

Report = Callable[[str, Progress | None], None]


def compare(
    objective: Objective, best: str, num_seeds: int, folder: Path, report: Report
) -> dict[str, Any] | None:
    """Compare the best choice with the default; None if that is what it is."""
    if best == objective.name:
        return None
    report("comparing with the default", None)
    if isinstance(objective, Training):
        return compare_entries(objective, best, num_seeds, folder, report)
    assert isinstance(objective, Sampling)
    return compare_samplers(objective, best, num_seeds)


def compare_entries(
    objective: Training, best: str, num_seeds: int, folder: Path, report: Report
) -> dict[str, Any]:
    """Train best and default under the same budget; return the gain with its 95 % interval.

    Seeds other than the study's and a text that no trial has seen: the best of many trials is partly the
    luckiest. The runs stay in the folder, as those of any comparison, and are used again.
    """
    seeds = range(objective.seed + 1, objective.seed + 1 + num_seeds)
    default = objective.entry.name
    options = BenchOptions(
        budget=objective.budget, compute=objective.compute, seed=seeds[0], num_seeds=num_seeds
    )
    entries = [objective.entry, parse_entry(best)]
    result = bench(entries, objective.corpus, options, folder / FOLDER, report)
    part = result["scored_on"]
    scores: dict[str, list[float]] = {default: [], best: []}
    errors = []
    for row in result["entries"]:
        if row["error"] or not row.get(part):
            errors.append(f"{row['name']}: {row['error'] or 'it has no score'}")
        else:
            scores[row["name"]].append(row[part]["bits_per_char"])
    compared: dict[str, Any] = {
        "scored_on": part,
        "seeds": list(seeds),
        "default": {"entry": default, "bits_per_char": fmean(scores[default]) if scores[default] else None},
        "best": {"entry": best, "bits_per_char": fmean(scores[best]) if scores[best] else None},
        "errors": errors,
    }
    if not result["differences"]:
        return {**compared, "gain": None, "interval": None}
    (difference,) = result["differences"]
    gain, (low, high) = difference["bits_per_char"], difference["interval"]
    if difference["a"] == default:
        gain, low, high = -gain, -high, -low
    return {**compared, "gain": gain, "interval": [low, high]}


def compare_samplers(objective: Sampling, best: str, num_seeds: int) -> dict[str, Any]:
    """Return the distances of best and default from the test text, means over fresh seeds."""
    part = "test" if objective.corpus.split.test else "validation"
    seeds = range(objective.seed + 1, objective.seed + 1 + num_seeds)
    means = {
        spec: fmean(objective.distance(spec, part, seed) for seed in seeds)
        for spec in (objective.sampler, best)
    }
    return {
        "scored_on": part,
        "seeds": list(seeds),
        "default": {"sampler": objective.sampler, "distance": means[objective.sampler]},
        "best": {"sampler": best, "distance": means[best]},
        "gain": means[objective.sampler] - means[best],
        "interval": None,
        "errors": [],
    }
