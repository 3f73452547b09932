"""An objective that takes no time, and studies of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from helpers.this_process import ThisProcess
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntrySettings
from textgen.experiment.experiment import Experiment
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Progress, Report, Step
from textgen_tune.result import Contestant, Dimension, FinalComparison
from textgen_tune.run_study import Goal, search
from textgen_tune.study import Study

RATE = Dimension(option="rate", default=0.5, low=0.01, high=1.0)
SIZE = Dimension(option="size", default=4, low=1, high=8)
CPU = DeviceConfig(torch.device("cpu"), "fp32")
Measure = Callable[[Mapping[str, Any], Report], float]


def bowl(params: Mapping[str, Any], report: Any) -> float:  # noqa: ARG001
    """Best at rate 0.2 and size 6."""
    return float((params["rate"] - 0.2) ** 2 + 0.01 * (params["size"] - 6) ** 2)


def curve(params: Mapping[str, Any], report: Report) -> float:
    """Fall to the rate in ten steps; the later ones of a high rate are not reached, since it is pruned."""
    for step in range(1, 11):
        progress = Progress(step / 10 + 0.003, 1.0, 1, 1.0, 100, 5.0, params["rate"] + 1 / step)
        report(Step("training", progress=progress))
    return float(params["rate"])


@dataclass(frozen=True)
class Toy:
    """An objective that takes no time."""

    formula: Measure = bowl
    dimensions: tuple[Dimension, ...] = (RATE, SIZE)
    seed: int = 0
    name: str = "toy"
    num_steps: int = 10
    calls: list[dict[str, Any]] = field(default_factory=list)
    device_config = CPU

    @property
    def corpus(self) -> Corpus:
        text = "One word follows another.\n\n" * 1000
        return Corpus("toys", "raw", text, split_text(text, parse_split("90/5/5")))

    def settings(self) -> EntrySettings:
        entry = parse_entry("char-ngram")
        made = Experiment(entry, self.corpus, parse_budget("1epochs"), CPU, self.seed).settings()
        return EntrySettings(**vars(made), parts=entry.parts, options=entry.options)

    def evaluate(self, params: Mapping[str, Any], follow: Report) -> float:
        self.calls.append(dict(params))
        return self.formula(params, follow)

    def compare(self, best: str, num_seeds: int, *_: Any) -> FinalComparison:
        sides = {"default": Contestant("toy", 1.5), "best": Contestant(best, 1.0)}
        seeds = tuple(range(1, 1 + num_seeds))
        return FinalComparison(scored_on="test", seeds=seeds, **sides, gain=0.5, interval=(0.25, 0.75))


def run(folder: Path, objective: Toy, num_trials: int) -> list[Any]:
    """Search in this process, and return the trials that count."""
    folder.mkdir(parents=True, exist_ok=True)
    with Study(folder, objective) as study:
        search(study, Goal(num_trials), ThisProcess())
        return study.counted()
