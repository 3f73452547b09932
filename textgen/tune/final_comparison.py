"""Whether it was worth it: the best entry against the default, on the test part with fresh seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from textgen.comparison.bench import BenchOptions, bench
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.training.progress import Progress

FOLDER = "comparison"

Report = Callable[[str, Progress | None], None]


def compare_entries(
    default: Entry, best: Entry, corpus: Corpus, options: BenchOptions, *, folder: Path, report: Report
) -> dict[str, Any]:
    """Train both under the same budget; return the gain in bits per character with its 95 % interval.

    The seeds should not be the study's, and the text is one that no trial has seen: the best of many trials
    is partly the luckiest. The runs stay in the folder, as those of any comparison, and are used again.
    """
    result = bench([default, best], corpus, options, folder / FOLDER, report)
    part = result["scored_on"]
    scores: dict[str, list[float]] = {default.name: [], best.name: []}
    errors = []
    for row in result["entries"]:
        if row["error"] or not row.get(part):
            errors.append(f"{row['name']}: {row['error'] or 'it has no score'}")
        else:
            scores[row["name"]].append(row[part]["bits_per_char"])
    means = {name: fmean(bits) if bits else None for name, bits in scores.items()}
    gain, interval = None, None
    for difference in result["differences"]:  # one, if both have a score
        is_better = difference["a"] == best.name
        ends = difference["interval"]
        gain = difference["bits_per_char"] if is_better else -difference["bits_per_char"]
        interval = ends if is_better else [-ends[1], -ends[0]]
    return {
        "scored_on": part,
        "seeds": [options.seed + index for index in range(options.num_seeds)],
        "default": {"name": default.name, "value": means[default.name]},
        "best": {"name": best.name, "value": means[best.name]},
        "gain": gain,
        "interval": interval,
        "errors": errors,
    }
