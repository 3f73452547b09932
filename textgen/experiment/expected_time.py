"""Estimates of how long runs take, before they begin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.training.budget import Budget
from textgen.training.validation import VALIDATION_SHARE

TRAINED_PER_SECOND, COUNTED_PER_SECOND, SCORED_PER_SECOND = 20_000, 200_000, 40_000
"""Characters that a usual model on two cores is trained on, counts and scores."""
CHARS_PER_UPDATE = 8_000
"""Characters of a usual update, between those of characters and those of words."""
SAMPLES_SECONDS = 5.0
"""To write the samples of one run, and to load it."""


def expected_seconds(entry: Entry, corpus: Corpus, budget: Budget) -> float:
    """Return about how long a run takes: training, validation, scoring and samples."""
    split = corpus.split
    seconds = len(split.train) / COUNTED_PER_SECOND
    if entry.is_trainable:
        chars_of = {"epochs": len(split.train), "chars": 1, "updates": CHARS_PER_UPDATE}
        chars = budget.amount * chars_of.get(budget.unit, 1)
        training = budget.amount if budget.unit == "seconds" else chars / TRAINED_PER_SECOND
        seconds = training * (1 + VALIDATION_SHARE)
    return seconds + (len(split.validation) + len(split.test)) / SCORED_PER_SECOND + SAMPLES_SECONDS


def seconds_of(folder: Path, experiment: Experiment) -> float:
    """Return about how long the run in `folder` takes, which is only loaded if it is there."""
    if folder.exists():
        return SAMPLES_SECONDS
    return expected_seconds(experiment.entry, experiment.corpus, experiment.budget)


def seconds_of_references(experiments: Mapping[Path, Experiment]) -> float:
    """Return about how long it takes to score the references of a comparison."""
    first = next(iter(experiments.values()), None)
    return 2 * len(first.corpus.split.train) / COUNTED_PER_SECOND if first else 0.0
