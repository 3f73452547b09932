"""What is made as small as possible: the bits per character of an entry on the validation part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from textgen.api import TextgenError
from textgen.comparison.bench import BenchOptions
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry, parse_entry
from textgen.experiment.experiment import Experiment
from textgen.nn.model_class import ModelClass
from textgen.registry.options import declared_options
from textgen.registry.registry import load
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import Budget
from textgen.training.options import TrainOptions
from textgen.training.progress import Progress
from textgen.tune.final_comparison import Report, compare_entries
from textgen.tune.search_space import Candidate, Dimension, Value, spell

Follow = Callable[[Progress], None]


class Objective(Protocol):
    """Something with options to choose. It travels to other processes, so it can be pickled."""

    @property
    def name(self) -> str:
        """What is tuned, as the user wrote it."""

    @property
    def measures(self) -> str:
        """What a value means; less is better."""

    @property
    def dimensions(self) -> Sequence[Dimension]:
        """What is searched."""

    @property
    def num_steps(self) -> int:
        """How often `follow` gets a value on the way."""

    def settings(self) -> dict[str, Any]:
        """Return all that decides a value beside the options, as JSON values."""

    def measure(self, params: Mapping[str, Value], follow: Follow) -> float:
        """Return the value of one choice; what `follow` raises ends the measurement."""

    def compare(self, best: str, num_seeds: int, folder: Path, report: Report) -> dict[str, Any]:
        """Compare the best choice with the default, on text and with seeds that no trial had."""


@dataclass(frozen=True)
class Training:
    """The validation score of an entry that is trained with the study's seed under the budget."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]

    @property
    def name(self) -> str:
        """The entry."""
        return self.entry.name

    @property
    def measures(self) -> str:
        """Bits per character, as in a comparison, but of the validation part."""
        return "validation bits per character"

    @property
    def num_steps(self) -> int:
        """Validation comes so often."""
        return self.entry.train_options().num_validations

    def settings(self) -> dict[str, Any]:
        """Return what `Experiment` says decides a run, and the parts and options of the entry."""
        experiment = Experiment(self.entry, self.corpus, self.budget, self.device_config, self.seed)
        return {"entry": {"parts": self.entry.parts, "options": self.entry.options}, **experiment.settings()}

    def measure(self, params: Mapping[str, Value], follow: Follow) -> float:
        """Train and score; raises `TextgenError` if the tokenizer loses text."""
        # No trial may see the test part. Without one, an experiment scores validation as it would test.
        corpus = replace(self.corpus, split=replace(self.corpus.split, test=""))
        entry = parse_entry(spell(self.entry.name, self.dimensions, params))
        run = Experiment(entry, corpus, self.budget, self.device_config, self.seed).run(follow)
        score = run.manifest["result"]["validation"]
        if score is None:
            name = entry.parts["tokenizer"]
            raise TextgenError(f"tokenizer {name!r} loses text, so there is no score to tune by")
        return float(score["bits_per_char"])

    def compare(self, best: str, num_seeds: int, folder: Path, report: Report) -> dict[str, Any]:
        """Train both on the whole corpus with the seeds that follow the study's."""
        options = BenchOptions(
            budget=self.budget, device_config=self.device_config, seed=self.seed + 1, num_seeds=num_seeds
        )
        return compare_entries(
            self.entry, parse_entry(best), self.corpus, options, folder=folder, report=report
        )


def entry_candidates(entry: Entry) -> list[Candidate]:
    """Return the options of an entry's parts and of its training, each under its shortest clear name."""
    components = {part: load(part, name) for part, name in entry.parts.items()}
    declared = {part: declared_options(component) for part, component in components.items()}
    if ModelClass(components["model"]).is_trainable(**entry.options.get("model", {})):
        declared["train"] = declared_options(TrainOptions)
    training = vars(entry.train_options())
    owners = [option for options in declared.values() for option in options]
    return [
        Candidate(
            name=name if owners.count(name) == 1 else f"{part}.{name}",
            owner=f"{part} {entry.parts[part]!r}" if part in entry.parts else "training",
            option=option,
            default=training[name] if part == "train" else option.default,
            is_fixed=name in entry.options.get(part, {}),
        )
        for part, options in declared.items()
        for name, option in options.items()
    ]
