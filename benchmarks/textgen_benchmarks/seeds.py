"""Effect of the training seed on results: `python -m textgen_benchmarks.seeds SOURCE…`.

Entries are trained with five seeds on several texts. Each pair of runs of one entry is then compared as two
entries would be: there is no difference to find, so few pairs should be called different. The spread between
seeds becomes the prior that textgen ships (`textgen.evaluation.intervals`). A text is judged by the prior
of the other texts. Finished runs are kept in `--folder`; the same command resumes there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from textgen.cli.console import print_rows
from textgen.comparison.bench import BenchOptions, bench
from textgen.contracts import TextgenError
from textgen.data.corpus import CorpusInfo, load_corpus
from textgen.defaults import EQUAL_SAMPLER
from textgen.evaluation.intervals import (
    FIRST_CHARS,
    LEVEL,
    MeasuredValue,
    SeedPrior,
    difference,
    measured_ratio,
)
from textgen.evaluation.metrics import CLOSEST
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult
from textgen.requests import BenchRequest, SampleOptions
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.process_setup import keep_freed_memory
from textgen.runtime.storage.files import slug
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen.training.budget import Budget, parse_budget
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "seeds.json"
ENTRIES = ("word-lstm", "word-lstm-glove", "char-lstm", "bpe-lstm")
NUM_SEEDS = 5
SCORE = "bits_per_char"
"""The metric whose seeds vary less the longer an entry is trained."""
DEGREES_OF_FREEDOM = 3.0
"""Those of a prior: with fewer, an interval would be as wide as the scale of a metric. The runs here allow
for more, but then too many pairs of one entry on another text would be called different."""
MIN_VALUES = 4
"""Runs with a metric that a group needs, to tell something about its spread."""


@dataclass(frozen=True)
class SeedRun:
    """One run: its score by stretches, and the metrics of what it writes with the share of each sample."""

    seed: int
    units: ScoredUnits
    metrics: dict[str, float]
    pseudovalues: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one entry that differ in the seed only."""

    entry: str
    corpus: CorpusInfo
    budget: Budget
    runs: tuple[SeedRun, ...]


@dataclass(frozen=True)
class Pairs:
    """Pairs of runs of one entry on one text, and the number of those that are called different."""

    entry: str
    corpus: str
    scores: tuple[float, ...]
    num_pairs: int
    num_different: int
    """By the prior of the other texts."""
    num_different_shipped: int
    """By the prior of all texts, which textgen ships."""


@dataclass(frozen=True, kw_only=True)
class SeedResults:
    """Everything that was measured, and what follows."""

    schema_version: int = SCHEMA_VERSION
    priors: dict[str, SeedPrior]
    """By metric, from all groups."""
    pairs: tuple[Pairs, ...]
    groups: tuple[SeedGroup, ...]
    versions: dict[str, str]
    machine: Machine


def sample_of(metric: str, group: SeedGroup) -> MeasuredValue | None:
    """Return a score or metric by the seeds of a group, or None if few of its runs have it."""
    text = group.corpus.sha256
    if metric == SCORE:
        units = [run.units for run in group.runs]
        bits, sizes = (
            np.array([getattr(each, key) for each in units], float) for key in ("bits", "num_chars")
        )
        return measured_ratio(bits, sizes, text, [run.seed for run in group.runs], None)
    runs = [run for run in group.runs if metric in run.pseudovalues]
    if len(runs) < MIN_VALUES:
        return None
    values, shares = [run.metrics[metric] for run in runs], [run.pseudovalues[metric] for run in runs]
    return MeasuredValue(np.array(values), np.array(shares), text, tuple(run.seed for run in runs))


def priors(groups: Sequence[SeedGroup]) -> dict[str, SeedPrior]:
    """Return the prior of each metric that the groups tell.

    Its variance is the mean over groups, without the noise that the stretches of the text (or the samples)
    of one run add anyway, which intervals count apart; where it cannot be told from zero, it is the standard
    error of that mean. That of scores falls with training: it is the mean of what the variances would be
    after `FIRST_CHARS` characters.
    """
    by_metric = {}
    for metric in (SCORE, *CLOSEST):
        samples = [(sample_of(metric, group), trained_chars(group)) for group in groups]
        known = [(variance_between_seeds(each), chars / FIRST_CHARS) for each, chars in samples if each]
        variances, more = np.array(known).T
        decay = fitted_decay(variances, more) if metric == SCORE else 0.0
        at_first = variances * more ** (2 * decay)
        error = float(np.std(at_first, ddof=1)) / math.sqrt(len(at_first))
        by_metric[metric] = SeedPrior(
            sd=math.sqrt(max(float(at_first.mean()), error)),
            degrees_of_freedom=DEGREES_OF_FREEDOM,
            source=f"benchmarks/results/{RESULT.name}",
            decay=decay,
        )
    return by_metric


def trained_chars(group: SeedGroup) -> float:
    """Return the number of characters that each run of a group has read in training."""
    budget = group.budget
    if budget.unit != "chars":
        raise TextgenError(f"budget {budget}: give one in characters, such as 300kchars")
    return budget.amount


def variance_between_seeds(sample: MeasuredValue) -> float:
    """Return the variance of the values of a sample without that of the noise within them."""
    return float(np.var(sample.values, ddof=1) - sample.noise_within_seeds())


def fitted_decay(variances: NDArray[np.float64], more: NDArray[np.float64]) -> float:
    """Return the power of `more`, the amounts of training, by which standard deviations fall.

    Quasi-likelihood for variances that vary in proportion to their mean, as those of few runs do (McCullagh
    and Nelder 1989, chapter 9): rescaled by the power, they are uncorrelated with the logarithm of `more`.
    Zero if they do not fall, or if all amounts are the same; at most 1.
    """
    logs = np.log(more) - np.log(more).mean()

    def correlation(decay: float) -> float:
        rescaled = variances * more ** (2 * decay)
        return float((rescaled / rescaled.mean()) @ logs)

    if correlation(0.0) >= 0:
        return 0.0
    return float(brentq(correlation, 0.0, 1.0)) if correlation(1.0) > 0 else 1.0


def pairs_of(group: SeedGroup, others: SeedPrior, shipped: SeedPrior) -> Pairs:
    """Return how many pairs of the runs of a group are called different, by each prior."""
    sample = sample_of(SCORE, group)
    assert sample is not None
    scores = tuple(round(float(value), 4) for value in sample.values)
    numbers = [_num_different(sample, prior.after(trained_chars(group))) for prior in (others, shipped)]
    num_pairs = len(scores) * (len(scores) - 1) // 2
    return Pairs(group.entry, group.corpus.name, scores, num_pairs, *numbers)


def _num_different(sample: MeasuredValue, prior: SeedPrior) -> int:
    """Return how many pairs of the runs of a sample are called different, with one seed each."""
    single = [
        MeasuredValue(sample.values[[row]], sample.pseudovalues[[row]], sample.units, (seed,), prior)
        for row, seed in enumerate(sample.seeds)
    ]
    return sum(difference(one, other).p_value < LEVEL for one, other in combinations(single, 2))


def conclusions(groups: Sequence[SeedGroup]) -> tuple[dict[str, SeedPrior], tuple[Pairs, ...]]:
    """Return the priors of all groups, and the pairs of each by the prior of the other texts."""
    known = {
        text: priors([group for group in groups if group.corpus.name != text])[SCORE]
        for text in {group.corpus.name for group in groups}
    }
    shipped = priors(groups)
    pairs = (pairs_of(group, known[group.corpus.name], shipped[SCORE]) for group in groups)
    return shipped, tuple(pairs)


def measured(declared: str, folder: Path) -> Iterator[SeedGroup]:
    """Yield the runs of entries on a text, declared as `SOURCE=BUDGET:ENTRY,…`; finished ones are reused."""
    source, _, rest = declared.partition("=")
    written, _, listed = rest.partition(":")
    budget = parse_budget(written)
    entries = listed.split(",") if listed else ENTRIES
    corpus = load_corpus([source])
    options = BenchOptions(
        budget=budget,
        device_config=choose_device("auto", "auto"),
        request=BenchRequest(seeds=NUM_SEEDS, samples=SampleOptions(sampler=EQUAL_SAMPLER)),
        has_references=False,
    )
    for entry in entries:
        out = folder / slug(f"{corpus.name}-{budget}-{entry}")
        result = bench([parse_entry(entry)], corpus, options, out)
        print(f"{corpus.name} {entry}: {[score.bits_per_char for score in result.scores]}", flush=True)
        runs = tuple(_run(row) for row in result.entries if isinstance(row, EntryResult))
        yield SeedGroup(entry, corpus.info, budget, runs)


def _run(row: EntryResult) -> SeedRun:
    score = row.score("test")
    assert score is not None
    assert score.units is not None
    values = {} if row.sample_metrics is None else row.sample_metrics
    shares = {name: row.metric_pseudovalues[name] for name in CLOSEST if name in row.metric_pseudovalues}
    return SeedRun(row.seed, score.units, {name: values[name] or 0.0 for name in shares}, shares)


def main() -> None:
    """Train what is missing, and save priors and pairs together with what they follow from."""
    keep_freed_memory()
    parser = json_option(__doc__, RESULT.stem)
    parser.add_argument(
        "sources", nargs="*", help="texts with budgets and perhaps entries: lee=300kchars:char-lstm,char-gru"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--again", action="store_true", help="judge the recorded runs again, training none")
    options = parser.parse_args()
    if options.again:
        groups = list(read_record(SeedResults, RESULT).groups)
    else:
        groups = [group for source in options.sources for group in measured(source, options.folder)]
    measured_priors, judged = conclusions(groups)
    save(options.json, priors=measured_priors, pairs=judged, groups=groups)
    print_rows([vars(each) for each in judged])
    print_rows([{"metric": name, **vars(prior)} for name, prior in measured_priors.items()])


if __name__ == "__main__":
    main()
