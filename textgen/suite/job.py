"""Measuring one case with one seed: what comes out is a JSON object that a suite keeps."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen import __version__
from textgen.api import TokenIds
from textgen.data.corpus import Corpus
from textgen.data.words import words
from textgen.defaults import SAMPLE_CHARS
from textgen.evaluation.bootstrap import block_size
from textgen.evaluation.text_metrics import Measures, TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run import Run
from textgen.experiment.samples import NUM_MEASURED, PROMPT_CHARS, held_out_prompts
from textgen.generation.bound_sampler import BoundSampler, build_sampler
from textgen.generation.generator import Generator
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine
from textgen.suite.schema import Case
from textgen.training.budget import parse_budget
from textgen.training.progress import Progress

FORMAT = 1
"""To be raised when the same settings give another measurement."""


@dataclass(frozen=True)
class Unit:
    """One case with one seed, on its own text."""

    case: Case
    entry: Entry
    corpus: Corpus
    budget: str
    device_config: DeviceConfig
    seed: int
    num_jobs: int = 1
    """How many are measured at once, which matters where the budget is time."""

    def settings(self) -> dict[str, Any]:
        """Return all that decides what comes out; where the budget is time, the machine too."""
        about = machine()
        timed = parse_budget(self.budget).unit == "seconds"
        return {
            "format": FORMAT,
            "textgen": __version__,
            "plugins": self.entry.identities(),
            "parts": self.entry.parts,
            "options": self.entry.options,
            "corpus": self.corpus.to_json(),
            "samplers": list(self.case.samplers),
            "budget": self.budget,
            "seed": self.seed,
            "device": self.device_config.device.type,
            "precision": self.device_config.precision,
            "machine": {key: about[key] for key in ("processor", "num_threads", "gpu")} if timed else None,
            "num_jobs": self.num_jobs if timed else None,
        }

    def key(self) -> str:
        """Return the name under which the measurement is kept: a hash of the settings."""
        settings = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]


def measure(
    unit: Unit, measures: TextAnalyzer, report: Callable[[Progress], None] = lambda progress: None
) -> dict[str, Any]:
    """Train, score and sample; return settings and results as JSON values."""
    began = time.perf_counter()
    budget = parse_budget(unit.budget)
    run = Experiment(unit.entry, unit.corpus, budget, unit.device_config, unit.seed).run(report)
    held_out = _scored(unit)
    size = block_size(len(held_out))
    result = run.manifest["result"]
    samples = {spec: _written(run, spec, held_out, measures, unit) for spec in unit.case.samplers}
    return {
        "settings": unit.settings(),
        "machine": machine(),
        "result": {key: value for key, value in result.items() if key != "score_checks"},
        "score_checks": result["score_checks"],
        "bits": [round(float(bits), 4) for bits in run.blocks],
        "chars": [min(size, len(held_out) - start) for start in range(0, len(held_out), size)],
        "samples": samples,
        "seconds": time.perf_counter() - began,
    }


def held_out_measures(unit: Unit, measures: TextAnalyzer) -> Measures:
    """Return the measures of how the authors themselves went on after the prompts."""
    passages = held_out_prompts(_scored(unit), NUM_MEASURED, PROMPT_CHARS)
    return measures.measure([text[:SAMPLE_CHARS] for _, text in passages])


def _scored(unit: Unit) -> str:
    return unit.corpus.split.scored("test") or unit.corpus.split.scored("validation")


def _written(run: Run, spec: str, held_out: str, measures: TextAnalyzer, unit: Unit) -> dict[str, Any]:
    """Return the measures of what a run writes after held-out passages, and one of the texts."""
    prompts = [prompt for prompt, _ in held_out_prompts(held_out, NUM_MEASURED, PROMPT_CHARS)]
    seeds = [unit.seed * NUM_MEASURED + row for row in range(NUM_MEASURED)]
    recorder = EntropyRecorder(build_sampler(spec), torch.from_numpy(run.table.num_chars))
    generator = Generator(run.model, run.tokenizer, unit.device_config)
    texts = generator.generate(prompts, SAMPLE_CHARS, BoundSampler(recorder), seeds)
    found = [words(text) for text in texts]
    return {
        "measures": measures.measure(texts),
        "entropy_per_char": recorder.bits_per_char,
        "real_words": [sum(map(measures.is_real, text)) for text in found],
        "words": [len(text) for text in found],
        "text": texts[0],
    }


class EntropyRecorder:
    """A sampler that keeps account of how surprising its choices are to itself, in bits per character.

    That is an estimate of the entropy of what it writes. The probabilities are those of the logits divided
    by the sampler's `temperature`, if it has one.
    """

    def __init__(self, sampler: BoundSampler, num_chars: Tensor) -> None:
        self._sampler, self._num_chars = sampler, num_chars
        self._temperature = sampler.temperature or 1.0
        self._nats, self._chars = 0.0, 0

    def start(
        self, prompts: Sequence[TokenIds], num_chars: NDArray[np.int64]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of the sampler, whether it remembers or not."""
        choose = self._sampler.start(prompts, num_chars)

        def record(logits: Tensor, uniforms: Tensor) -> Tensor:
            ids: Tensor = choose(logits, uniforms)
            log_probabilities = (logits.float() / self._temperature).log_softmax(-1)
            self._nats -= float(log_probabilities.gather(1, ids[:, None]).double().sum())
            self._chars += int(self._num_chars[ids.cpu()].sum())
            return ids

        return record

    @property
    def bits_per_char(self) -> float:
        """Bits per character of all that was chosen."""
        return self._nats / torch.log(torch.tensor(2.0)).item() / max(1, self._chars)
