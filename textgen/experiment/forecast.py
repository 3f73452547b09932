"""The time that work still takes: estimated before a run begins, then corrected by the pace so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.training.budget import Budget
from textgen.training.progress import Step
from textgen.training.validation import VALIDATION_SHARE

TRAINED_PER_SECOND, COUNTED_PER_SECOND, SCORED_PER_SECOND = 80_000, 200_000, 40_000
"""Characters that a usual model on two cores is trained on, counts and scores."""
CHARS_PER_UPDATE = 8_000
"""Characters of a usual update, between those of characters and those of words."""
MAX_REFERENCE_CHARS = 16_000_000
"""Longest training text of a reference entry, in characters; of a longer one, each stretch is cut."""
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
    scored = sum(len(split.scored(name)) for name in ("validation", "test"))
    return seconds + scored / SCORED_PER_SECOND + SAMPLES_SECONDS


def seconds_of(folder: Path, experiment: Experiment) -> float:
    """Return about how long the run in `folder` takes, which is only loaded if it is there."""
    if folder.exists():
        return SAMPLES_SECONDS
    return expected_seconds(experiment.entry, experiment.corpus, experiment.budget)


def seconds_of_references(experiments: Mapping[Path, Experiment]) -> float:
    """Return about how long it takes to score the references of a comparison."""
    sizes = (min(len(each.corpus.split.train), MAX_REFERENCE_CHARS) for each in experiments.values())
    return 2 * next(sizes, 0) / COUNTED_PER_SECOND


@dataclass
class Forecast:
    """A forecast of steps that know about how long they and all that follows take; it adapts to the pace."""

    _begun: tuple[float, float] | None = field(default=None, init=False)
    """When the first entry began, and how long all was expected to take then."""
    _latest: tuple[float, Step] | None = field(default=None, init=False)
    """The latest step that had a forecast, and when it began."""
    _step: tuple[float, Step] | None = field(default=None, init=False)
    """The step at work, and when its kind of work began."""

    def take(self, step: Step, now: float) -> None:
        """Take over what a step says at a time in seconds."""
        if step.seconds_left is not None:
            self._latest = now, step
            if step.entry and self._begun is None:
                self._begun = now, step.seconds_left
        if self._step is None or (step.entry, step.state) != (self._step[1].entry, self._step[1].state):
            self._step = now, step
        self._step = self._step[0], step

    def seconds_left(self, now: float) -> float | None:
        """Return about how long everything still takes; None if nothing is known."""
        if self._latest is None:
            return None
        began, latest = self._latest
        left, after = latest.seconds_left or 0.0, latest.seconds_after
        pace = self._pace(now, left, after)
        return max((left - after) * pace - (now - began), self._rest_of_step(now), 0.0) + after * pace

    def _pace(self, now: float, left: float, after: float) -> float:
        """Return the seconds that one expected second takes, by what is done and by what lasts already."""
        if self._begun is None or self._latest is None:
            return 1.0
        began, whole = self._begun
        done, doing = whole - left, whole - after
        pace = (self._latest[0] - began) / done if done > 0 else 1.0
        return max(pace, (now - began) / doing if doing > 0 else 0.0)

    def _rest_of_step(self, now: float) -> float:
        """Return how long the step at work still takes by the share of it that is done."""
        began, step = self._step or (now, Step(""))
        seconds, fraction = now - began, step.fraction
        if step.progress is not None:
            seconds, fraction = step.progress.seconds, step.progress.fraction
        return seconds * (1 / fraction - 1) if fraction else 0.0
