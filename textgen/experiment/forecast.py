"""About how long experiments will take, which is said before they start."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.training.budget import Budget
from textgen.training.validation import VALIDATION_SHARE

TRAINED_PER_SECOND, COUNTED_PER_SECOND, SCORED_PER_SECOND = 20_000, 200_000, 40_000
"""Characters that a usual model on two cores is trained on, counts and scores."""
SAMPLES_SECONDS = 5.0
"""To write the samples of one run, and to load it."""


def expected_seconds(entry: Entry, corpus: Corpus, budget: Budget) -> float:
    """Return about how long a run takes: training, validation, scoring and samples."""
    split = corpus.split
    seconds = len(split.train) / COUNTED_PER_SECOND
    if entry.is_trainable:
        chars = budget.amount * len(split.train) if budget.unit == "epochs" else budget.amount
        training = budget.amount if budget.unit == "seconds" else chars / TRAINED_PER_SECOND
        seconds = training * (1 + VALIDATION_SHARE)
    return seconds + (len(split.validation) + len(split.test)) / SCORED_PER_SECOND + SAMPLES_SECONDS


def seconds_left(experiments: Mapping[Path, Experiment]) -> list[float]:
    """Return about how long it takes from the beginning of each experiment to the end of a comparison.

    Those whose folder exists are finished.
    """
    if not experiments:
        return []
    corpus = next(iter(experiments.values())).corpus
    references = 2 * len(corpus.split.train) / COUNTED_PER_SECOND
    each = [
        SAMPLES_SECONDS if folder.exists() else expected_seconds(run.entry, run.corpus, run.budget)
        for folder, run in experiments.items()
    ]
    return list(accumulate([references, *reversed(each)]))[:0:-1]
