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
from textgen.runtime.device import DeviceConfig
from textgen.training.progress import Progress, Report, Step
from textgen_tune.result import Contestant, FinalComparison
from textgen_tune.search_space import Dimension
from textgen_tune.study import Study
from textgen_tune.objective import Goal, search

RATE = Dimension("rate", tuple(n / 100 for n in range(1, 101)), 0.5, is_range=True)
SIZE = Dimension("size", tuple(range(1, 9)), 4, is_range=True)
Measure = Callable[[Mapping[str, Any], Report], float]


def bowl(params: Mapping[str, Any], report: Any) -> float:  # noqa: ARG001
    """Best at rate 0.2 and size 6."""
    return float((params["rate"] - 0.2) ** 2 + 0.01 * (params["size"] - 6) ** 2)


def curve(params: Mapping[str, Any], report: Report) -> float:
    """Fall to the rate in ten steps; the later ones of a high rate are not reached, since it is pruned."""
    for step in range(1, 11):
        report(
            Step("training", progress=Progress(step / 10, 1.0, 1, 1.0, 100, 5.0, params["rate"] + 1 / step))
        )
    return float(params["rate"])


@dataclass(frozen=True)
class ToySettings:
    """What determines a toy."""

    seed: int
    entry: str = "toy"


@dataclass(frozen=True)
class Toy:
    """An objective that takes no time."""

    formula: Measure = bowl
    dimensions: tuple[Dimension, ...] = (RATE, SIZE)
    seed: int = 0
    name: str = "toy"
    value_name: str = "value"
    num_steps: int = 10
    calls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def corpus(self) -> Corpus:
        text = "One word follows another.\n\n" * 1000
        return Corpus("toys", "raw", text, split_text(text, parse_split("90/5/5")))

    @property
    def device_config(self) -> DeviceConfig:
        return DeviceConfig(torch.device("cpu"), "fp32")

    def settings(self) -> ToySettings:
        return ToySettings(self.seed)

    def evaluate(self, params: Mapping[str, Any], follow: Report, *_: Any) -> float:
        self.calls.append(dict(params))
        return self.formula(params, follow)

    def compare(self, best: str, *others: Any) -> FinalComparison:
        assert len(others) == 4
        sides = {"default": Contestant("toy", 1.5), "best": Contestant(best, 1.0)}
        return FinalComparison(scored_on="test", seeds=(1,), **sides, gain=0.5, interval=(0.25, 0.75))


def run(folder: Path, objective: Toy, num_trials: int, **options: Any) -> list[Any]:
    with Study(folder, objective, **options) as study:
        search(study, Goal(num_trials, None), ThisProcess())
        return study.trials()
