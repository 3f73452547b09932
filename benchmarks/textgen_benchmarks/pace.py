"""Whether another seed under a budget in time is called different: `python -m textgen_benchmarks.pace`.

    python -m textgen_benchmarks.pace [CIRCUMSTANCE BUDGET…]

Three entries are trained with seven seeds each under every budget; the circumstance names what else the
machine does, such as `alone`. Each pair of runs of one entry is compared as two entries would be: there is no
difference to find. Under a budget in time the pace of the machine differs too, which intervals contain by
`Row.pace_sd`; the pairs are also judged without it. Runs of other circumstances and budgets are kept;
without arguments all of them are judged again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

from textgen.cli.console import print_rows
from textgen.data.corpus import load_corpus
from textgen.evaluation.intervals import LEVEL, SHIPPED_PRIORS, difference
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.results.judge import SCORE, score_sample
from textgen.results.row import Row
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.process_setup import keep_freed_memory
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "pace.json"
ENTRIES = ("char-lstm", "word-lstm-glove", "bpe-lstm")
NUM_SEEDS = 7
CORPUS, SPLIT = "wiki", "96/2/2"


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


def trained(entry: str, budget: str, seed: int) -> Row:
    """Return the row of a run on a text that is short to score."""
    corpus = load_corpus([CORPUS], split=SPLIT)
    run = Experiment(parse_entry(entry), corpus, parse_budget(budget), choose_device(), seed).run()
    train, score = run.result.train, run.result.test
    assert score is not None
    return Row(
        seed=seed,
        num_chars=train.num_chars,
        num_updates=train.num_updates,
        seconds=train.seconds,
        cpu_utilization=train.cpu_utilization,
        pace_sd=train.pace_sd,
        units=score.units,
        machine=run.result.machine,
    )


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
    """Train what is asked for, judge the pairs of all runs, and save both."""
    keep_freed_memory()
    parser = json_option(__doc__, RESULT.stem)
    parser.add_argument("circumstance", nargs="?")
    parser.add_argument("budgets", nargs="*", metavar="BUDGET")
    options = parser.parse_args()
    runs = list(read_record(PaceResults, options.json).runs) if options.json.exists() else []
    for budget in options.budgets:
        asked = options.circumstance, budget
        runs = [each for each in runs if (each.circumstance, each.budget) != asked]
        for entry in ENTRIES:
            rows = tuple(trained(entry, budget, seed) for seed in range(NUM_SEEDS))
            runs.append(PacedRuns(*asked, entry, rows))
            save(options.json, pairs=[pairs_of(each) for each in runs], runs=runs)
            print_rows([vars(pairs_of(runs[-1]))])
    pairs = [pairs_of(each) for each in runs]
    save(options.json, pairs=pairs, runs=runs)
    print_rows([vars(each) for each in pairs])


if __name__ == "__main__":
    main()
