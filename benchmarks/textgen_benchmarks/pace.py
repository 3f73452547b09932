"""Whether another seed under a budget in time is called different: `python -m textgen_benchmarks.pace`.

    python -m textgen_benchmarks.pace alone=RESULT… beside=RESULT… [--again]

Each result is that of `textgen bench ENTRY… --seeds 7 --budget 10s`, made on a machine without (`alone`) or
with other work. Each pair of runs of one entry is compared as two entries would be: there is no difference to
find. Under a budget in time the pace of the machine differs too, which intervals contain by `Row.pace_sd`;
the pairs are also judged without it. `--again` judges the recorded rows again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev

from textgen.cli.console import print_rows
from textgen.evaluation.intervals import LEVEL, SHIPPED_PRIORS, difference
from textgen.results.comparison import Comparison
from textgen.results.judge import SCORE, score_sample
from textgen.results.row import Row, row_of
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "pace.json"


@dataclass(frozen=True)
class PacedRuns:
    """Runs of one entry under one budget that differ in the seed only, in one circumstance."""

    circumstance: str
    budget: str
    entry: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class PacePairs:
    """Pairs of runs of one entry, and the number of those that are called different."""

    circumstance: str
    budget: str
    entry: str
    mean_chars: float
    sd_of_log_chars: float
    cpu_utilization: tuple[float, float]
    """The lowest and the highest."""
    sd_of_scores: float
    mean_pace_sd: float
    num_pairs: int
    num_different: int
    num_different_without: int
    """Without what the pace adds."""


@dataclass(frozen=True, kw_only=True)
class PaceResults:
    """Everything that was measured, and what follows."""

    schema_version: int = SCHEMA_VERSION
    pairs: tuple[PacePairs, ...]
    runs: tuple[PacedRuns, ...]
    versions: dict[str, str]
    machine: Machine


def runs_of(circumstance: str, path: Path) -> Iterator[PacedRuns]:
    """Yield the runs of each entry of a result, without what they wrote."""
    result = read_record(Comparison, path)
    for name in dict.fromkeys(run.name for run in result.runs):
        rows = [row_of(run, result.scored_on) for run in result.runs if run.name == name]
        kept = tuple(replace(row, written={}, pseudovalues={}) for row in rows)
        yield PacedRuns(circumstance, result.budget, name, kept)


def pairs_of(runs: PacedRuns) -> PacePairs:
    """Return how many pairs of the runs are called different, each judged as an entry with one seed."""
    logs = [math.log(row.num_chars or 1) for row in runs.rows]
    shares = [row.cpu_utilization or 0.0 for row in runs.rows]
    return PacePairs(
        circumstance=runs.circumstance,
        budget=runs.budget,
        entry=runs.entry,
        mean_chars=round(fmean(row.num_chars or 0 for row in runs.rows)),
        sd_of_log_chars=stdev(logs),
        cpu_utilization=(min(shares), max(shares)),
        sd_of_scores=stdev(map(_score, runs.rows)),
        mean_pace_sd=fmean(row.pace_sd for row in runs.rows),
        num_pairs=math.comb(len(runs.rows), 2),
        num_different=_num_different(runs.rows),
        num_different_without=_num_different([replace(row, pace_sd=0.0) for row in runs.rows]),
    )


def _score(row: Row) -> float:
    assert row.units is not None
    return sum(row.units.bits) / sum(row.units.num_chars)


def _num_different(rows: Sequence[Row]) -> int:
    samples = [score_sample([row], SHIPPED_PRIORS[SCORE]) for row in rows]
    known = [sample for sample in samples if sample is not None]
    return sum(difference(one, other).p_value < LEVEL for one, other in combinations(known, 2))


def main() -> None:
    """Judge the pairs of the results that are named, or those recorded, and save them with their rows."""
    parser = json_option(__doc__, RESULT.stem)
    parser.add_argument("results", nargs="*", metavar="CIRCUMSTANCE=RESULT")
    parser.add_argument("--again", action="store_true", help="judge the recorded rows again")
    options = parser.parse_args()
    if options.again:
        runs = list(read_record(PaceResults, options.json).runs)
    else:
        named = [each.partition("=") for each in options.results]
        runs = [each for circumstance, _, path in named for each in runs_of(circumstance, Path(path))]
    pairs = [pairs_of(each) for each in runs]
    save(options.json, pairs=pairs, runs=runs)
    print_rows([vars(each) for each in pairs])


if __name__ == "__main__":
    main()
