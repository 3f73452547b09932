"""The first half of the job of an entry that is compared: to train it, without the text that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textgen.experiment.experiment import Experiment
from textgen.jobs.kept import train_and_keep
from textgen.runtime.this_process import withhold_texts
from textgen.training.progress import Report


@dataclass(frozen=True)
class TrainingJob:
    """An entry with one seed: trained and kept beside `folder`, where another process then scores it."""

    folder: Path
    plugin_files: Sequence[Path]
    experiment: Experiment
    """Its corpus has no test part."""

    def compute(self, report: Report) -> Any:
        """Train it, in a process that can read no corpus; returns None, so that another one goes on."""
        withhold_texts()
        train_and_keep(self.experiment, self.folder, report)


def training_before(experiment: Experiment, folder: Path, plugin_files: Sequence[Path]) -> TrainingJob | None:
    """Return the job that trains an entry before its score is computed in another process.

    None if the text that is scored is the validation part, which training needs.
    """
    if not len(experiment.corpus.split.test):
        return None
    return TrainingJob(folder, plugin_files, replace(experiment, corpus=experiment.corpus.without_test()))
