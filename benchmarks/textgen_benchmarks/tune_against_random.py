"""TPE against random search: `python -m textgen_benchmarks.tune_against_random`.

Both do the same number of trials, repeated with different seeds and without the default as first trial;
their first trials are the same random ones. The budget is in characters, so that another machine finds the
same. They are compared by the validation score, which both minimise. Finished trials are kept in
`--folder`; the same command resumes there.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import optuna
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import binomtest

from textgen.cli.console import print_rows
from textgen.data.corpus import Corpus, load_corpus
from textgen.jobs.backends import LocalBackend
from textgen.library.progress import ProgressDisplay
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.process_setup import keep_freed_memory
from textgen_benchmarks.saving import json_option, save
from textgen_tuning.objectives import objective_of
from textgen_tuning.request import SearchOptions, TuneRequest
from textgen_tuning.result import SearchedOption
from textgen_tuning.search_space import NUM_RANDOM, ONLY_RANDOM
from textgen_tuning.study import Study
from textgen_tuning.trials import Goal, search

Curves: TypeAlias = dict[str, list[list[float]]]
"""Best value after each trial, for each repetition of each search."""

SEARCHES = {"tpe": NUM_RANDOM, "random": ONLY_RANDOM}
"""Number of random trials at the start of each search."""


def best_so_far(trials: Sequence[FrozenTrial]) -> list[float]:
    """Return the best value after each trial that counts; infinity before the first one completes."""
    values = [
        trial.values[0] if trial.state == TrialState.COMPLETE else math.inf
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    return list(accumulate(values, min))


def outcome(curves: Curves) -> dict[str, Any]:
    """Return how often TPE ends below random search, with the 95 % interval of that share (Wilson)."""
    ends = [(tpe[-1], random[-1]) for tpe, random in zip(curves["tpe"], curves["random"], strict=True)]
    num_wins, num_losses = sum(a < b for a, b in ends), sum(a > b for a, b in ends)
    share, interval = None, None
    if num_wins + num_losses:
        test = binomtest(num_wins, num_wins + num_losses)
        share, ends_of_share = test.statistic, test.proportion_ci(method="wilson")
        interval = [float(ends_of_share.low), float(ends_of_share.high)]
    return {
        "num_wins": num_wins,
        "num_losses": num_losses,
        "num_ties": len(ends) - num_wins - num_losses,
        "share_of_wins": share,
        "interval": interval,
        "mean_gain": fmean(random - tpe for tpe, random in ends),
    }


def main() -> None:
    """Run both searches, print their curves and save everything."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parser = json_option(__doc__, "tune_against_random")
    parser.add_argument("entry", nargs="?", default="char-lstm")
    parser.add_argument("--corpus", action="append")
    parser.add_argument("--max-chars", type=int)
    parser.add_argument("--search", help="as for textgen tune")
    parser.add_argument("--budget", default="500kchars")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--folder", type=Path, default=Path("runs", "tune_against_random"))
    options = parser.parse_args()
    corpus = load_corpus(options.corpus or ["wiki"], max_chars=options.max_chars)
    keep_freed_memory()  # as the command line does
    device_config = choose_device(options.device, options.precision)
    curves, searched = run_studies(options, corpus, device_config)
    ends = outcome(curves)
    means = {name: fmean(curve[-1] for curve in each) for name, each in curves.items()}
    print_rows([ends | means])
    save(
        options.json,
        entry=options.entry,
        search=searched,
        corpus=corpus.info,
        budget=options.budget,
        num_trials=options.trials,
        num_repetitions=options.repetitions,
        device=device_config.device.type,
        precision=device_config.precision,
        outcome=ends,
        # Before the first complete trial there is no value; JSON writes null.
        best_so_far={
            name: [[value if math.isfinite(value) else None for value in curve] for curve in each]
            for name, each in curves.items()
        },
    )


def run_studies(
    options: argparse.Namespace, corpus: Corpus, device_config: DeviceConfig
) -> tuple[Curves, list[SearchedOption]]:
    """Return the curves of both searches, one per repetition, and the options that were searched."""
    curves: Curves = {name: [] for name in SEARCHES}
    with ProgressDisplay() as display:
        for repetition in range(options.repetitions):
            for name, num_random in SEARCHES.items():
                request = TuneRequest(
                    entry=options.entry,
                    search=SearchOptions(search=options.search),
                    budget=options.budget,
                    seed=repetition,
                )
                folder = options.folder / f"{name}-{repetition}"
                objective = objective_of(request, corpus, device_config, folder, LocalBackend(), display)
                with Study(folder, objective, num_random, with_default=False) as study:
                    search(study, Goal(options.trials, None), LocalBackend(), display)
                    curves[name].append(best_so_far(study.trials()))
                print(f"{name} {repetition}: {curves[name][-1][-1]:.4f}", file=sys.stderr)
    return curves, [each.described() for each in objective.dimensions]


if __name__ == "__main__":
    main()
