"""The time that work takes: expected by a table, then corrected by the pace at which this machine does it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import TRAINED, partial_folder
from textgen.runtime.environment import LOAD
from textgen.training.progress import DONE, FAILED, Stage, Step
from textgen.training.validation import VALIDATION_SHARE

START_SECONDS = 1.0
"""To start the process of an entry. All are of an idle Intel Xeon with two cores, on 1 December 2026."""
PREPARING_SECONDS, REPORT_SECONDS = 3.0, 5.0
"""To prepare the text of a comparison, and to judge and write it."""
REFERENCES_SECONDS, REFERENCES_PER_SECOND = 4.0, 90_000
"""To start on the references, and the characters of training text that they read in a second."""
MAX_REFERENCE_CHARS = 16_000_000
"""Longest training text of a reference entry, in characters; of a longer one, each stretch is cut."""
TOKENIZED_PER_SECOND, TRAINED_PER_SECOND, COUNTED_PER_SECOND = 5_000_000, 80_000, 500_000
"""Characters that an entry tokenizes, that a usual model is trained on, and that one by counting reads."""
CHARS_PER_UPDATE = 8_000
"""Characters of a usual update, between those of characters and those of words."""
SCORED_PER_SECOND = {"characters": 27_000, "words": 7_000}
"""Characters that are scored, by the kind of tokens."""
SAMPLES_SECONDS = {"characters": 7.0, "words": 24.0}
"""To write the samples of one run, by the kind of tokens."""

TRAINING = "tokenizing"
"""The state with which all of training begins: a budget in time includes what prepares it."""
KNOWN_SHARE = 0.05
"""The share of a stage that must be done before its rest is taken from the time so far."""
PROBE_COUNTS = 2.0
"""The seconds of work that this trial counts for beside those that were measured since."""
PROBE_SECONDS, PROBE_ITEMS, PROBED_PER_SECOND = 0.05, 10_000, 5_000
"""How long the machine is tried, by sums of so many numbers; how many an idle one makes in a second."""


def stages_of(title: str, experiment: Experiment, folder: Path | None = None) -> tuple[Stage, ...]:
    """Return the stages of a run that is called `title`, without those that `folder` has the results of."""
    entry, split = experiment.entry, experiment.corpus.split
    kind = _kind_of_tokens(entry)
    scored = sum(len(split.scored(name)) for name in ("validation", "test"))
    start = Stage(title, "starting", START_SECONDS)
    train = Stage(title, TRAINING, _training_seconds(experiment), _is_timed(experiment))
    score = Stage(title, "scoring", scored / SCORED_PER_SECOND[kind])
    samples = Stage(title, "writing samples", SAMPLES_SECONDS[kind])
    if folder is not None and folder.exists():
        return (start, samples)
    if folder is not None and (partial_folder(folder) / TRAINED).exists():
        return (start, score, samples)
    return (start, train, score, samples)


def stages_of_comparison(entries: Sequence[Stage], num_train_chars: int | None) -> tuple[Stage, ...]:
    """Return the stages of a comparison from those of its runs; without references if the text is None."""
    stages = [Stage("", "preparing the text", PREPARING_SECONDS), *entries]
    if num_train_chars is not None:
        seconds = REFERENCES_SECONDS + min(num_train_chars, MAX_REFERENCE_CHARS) / REFERENCES_PER_SECOND
        stages.append(Stage("", "comparing with references", seconds))
    return (*stages, Stage("", "writing the report", REPORT_SECONDS))


def _kind_of_tokens(entry: Entry) -> str:
    """Return `words` if the tokens of an entry are longer than characters: such tokenizers have a size."""
    options = entry.written_options.items()
    is_sized = any(name.startswith("tokenizer.") and value.isdecimal() for name, value in options)
    return "words" if is_sized else "characters"


def _is_timed(experiment: Experiment) -> bool:
    return experiment.entry.is_trainable and experiment.budget.unit == "seconds"


def _training_seconds(experiment: Experiment) -> float:
    """Return about how long an entry is prepared, trained and validated."""
    budget, num_chars = experiment.budget, len(experiment.corpus.split.train)
    if not experiment.entry.is_trainable:
        return num_chars / COUNTED_PER_SECOND
    if budget.unit == "seconds":
        return budget.amount * (1 + VALIDATION_SHARE)
    chars_of = {"epochs": num_chars, "chars": 1, "updates": CHARS_PER_UPDATE}
    trained = budget.amount * chars_of[budget.unit] / TRAINED_PER_SECOND
    return num_chars / TOKENIZED_PER_SECOND + trained * (1 + VALIDATION_SHARE)


def measured_pace() -> float:
    """Return the seconds that one of the table takes now, by a short trial and the load of the machine."""
    start, number = time.thread_time(), 0
    while time.thread_time() - start < PROBE_SECONDS:
        sum(range(PROBE_ITEMS))
        number += 1
    slowness = PROBED_PER_SECOND * PROBE_SECONDS / number
    try:
        running = int(LOAD.read_text("ascii").split()[3].partition("/")[0])
    except (OSError, IndexError, ValueError):  # a system that does not tell
        running = 1
    return slowness * max(1.0, running / (os.cpu_count() or 1))


class _Begun(NamedTuple):
    """A stage at work."""

    stage: Stage
    began: float
    step: Step
    """The last one that says how much of it is done."""
    told: float
    """When it did."""

    def rest(self, now: float, pace: float) -> float:
        """Return how long it still takes, by the share of it that is done, or else by what was expected."""
        rest, stage = self.rest_by_share(now), self.stage
        expected = stage.seconds * (1.0 if stage.is_timed else pace)
        return max(0.0, expected - (now - self.began)) if rest is None else rest

    def rest_by_share(self, now: float) -> float | None:
        """Return how long it still takes; None if too little of it is done to know."""
        fraction, seconds = self.step.fraction, self.told - self.began
        if (progress := self.step.progress) is not None:  # with earlier attempts, but without validation
            fraction, seconds = progress.fraction, progress.seconds * (1 + VALIDATION_SHARE)
        if fraction is None or fraction < KNOWN_SHARE:
            return None
        return max(0.0, seconds * (1 / fraction - 1) - (now - self.told))


class Forecast:
    """A forecast of planned stages, which adapts to the pace of those that are over or last longer already.

    Entries at work at the same time are taken to stay as many.
    """

    def __init__(self, pace: float = 1.0) -> None:
        """Begin with a pace, in seconds that an expected one takes."""
        self._planned: list[Stage] = []
        """Those that have not begun."""
        self._begun: dict[str, _Begun] = {}
        """Those at work, by entry."""
        self._expected, self._taken = PROBE_COUNTS, PROBE_COUNTS * pace
        """Seconds of the stages that are over, as expected and as taken, the first pace among them."""

    def take(self, step: Step, now: float) -> None:
        """Take over what a step says at a time in seconds."""
        if step.stages:
            self._planned, self._begun = list(step.stages), {}
        known = [each for each in self._planned if (each.entry, each.state) == (step.entry, step.state)]
        if step.state in (DONE, FAILED):
            self._end(step.entry, now, is_measured=step.state == DONE)
            self._planned = [each for each in self._planned if each.entry != step.entry]
        elif known:
            self._end(step.entry, now)
            self._end("", now)
            index, ended = self._planned.index(known[0]), ("", step.entry)
            earlier = [each for each in self._planned[:index] if each.entry not in ended]
            self._planned = earlier + self._planned[index + 1 :]
            self._begun[step.entry] = _Begun(known[0], now, step, now)
        elif step.entry in self._begun and (step.progress or step.fraction is not None):
            self._begun[step.entry] = self._begun[step.entry]._replace(step=step, told=now)

    def seconds_left(self, now: float) -> float | None:
        """Return about how long everything still takes; None if nothing is known."""
        if not (self._planned or self._begun):
            return None
        pace, begun = self._pace(now), list(self._begun.values())
        left = sum(each.seconds * (1.0 if each.is_timed else pace) for each in self._planned)
        left += sum(each.rest(now, pace) for each in begun)
        return left / max(1, len(begun))

    def _end(self, entry: str, now: float, *, is_measured: bool = True) -> None:
        """End the stage that an entry is in."""
        ended = self._begun.pop(entry, None)
        if ended is not None and not ended.stage.is_timed and is_measured:
            self._expected += ended.stage.seconds
            self._taken += now - ended.began

    def _pace(self, now: float) -> float:
        """Return the seconds that an expected one takes, by what is over, late, or known in part."""
        expected, taken = self._expected, self._taken
        for each in list(self._begun.values()):  # another thread may take a step
            seconds, rest = now - each.began, each.rest_by_share(now)
            is_late = seconds > each.stage.seconds * taken / expected
            if not each.stage.is_timed and (is_late or rest is not None):
                expected, taken = expected + each.stage.seconds, taken + seconds + (rest or 0.0)
        return taken / expected
