"""Tuning a sampler: whose text is most like the author's own, by the measures of generated text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from textgen.api import TextgenError
from textgen.data.corpus import Corpus
from textgen.defaults import SAMPLE_CHARS
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.text_metrics import Measures, TextAnalyzer
from textgen.experiment.run import Run, load_run, read_manifest
from textgen.experiment.samples import SampleWriter
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.options import declared_options, parse_assignments
from textgen.registry.registry import load
from textgen.runtime.device import DeviceConfig
from textgen.tune.final_comparison import Report
from textgen.tune.objective import Follow
from textgen.tune.search_space import Candidate, Dimension, Value, spell

RATES = ("real_word_rate", "distinct_1", "distinct_2", "repetition_4", "self_bleu", "novel_4gram_rate")
"""The measures that are shares, so that their distances can be averaged."""


@dataclass(frozen=True)
class Sampling:
    """How far the text of a run is from that of the author, both after passages of the validation part.

    The value is the mean distance of `RATES`. To judge a sampler by how near its text comes to people's in
    such measures, and not by how good they look, is from Holtzman et al. 2020 (arXiv:1904.09751).
    """

    sampler: str
    run: Path
    corpus: Corpus
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]
    num_steps: int = 1

    @property
    def name(self) -> str:
        """The sampler."""
        return self.sampler

    @property
    def measures(self) -> str:
        """What a value means."""
        return "mean distance from the held-out text"

    def settings(self) -> dict[str, Any]:
        """Return the run by what it was made with, the sampler and the seed."""
        manifest = read_manifest(self.run)
        made = {"entry": manifest["entry"], "settings": manifest["settings"]}
        return {"sampler": self.sampler, "run": made, "seed": self.seed}

    def measure(self, params: Mapping[str, Value], follow: Follow) -> float:  # noqa: ARG002 - there is no curve
        """Write after held-out passages and compare."""
        return self.distance(spell(self.sampler, self.dimensions, params), "validation", self.seed)

    def compare(
        self,
        best: str,
        num_seeds: int,
        folder: Path,  # noqa: ARG002 - nothing is kept
        report: Report,
    ) -> dict[str, Any]:
        """Return the distances from the test text, means over the seeds that follow the study's."""
        report("comparing with the default", None)
        part = "test" if self.corpus.split.test else "validation"
        seeds = range(self.seed + 1, self.seed + 1 + num_seeds)
        default, other = (
            fmean(self.distance(spec, part, seed) for seed in seeds) for spec in (self.sampler, best)
        )
        return {
            "scored_on": part,
            "seeds": list(seeds),
            "default": {"name": self.sampler, "value": default},
            "best": {"name": best, "value": other},
            "gain": default - other,
            "interval": None,
            "errors": [],
        }

    def distance(self, spec: str, part: str, seed: int) -> float:
        """Return the distance of what a sampler writes after passages of `validation` or `test`."""
        held_out = self.corpus.split.scored(part)
        writer = SampleWriter(held_out, self._measures, {spec: build_sampler(spec)}, SAMPLE_CHARS)
        written = writer.write(self._loaded, seed, self.device_config)["sample_metrics"]
        return mean_distance(written, writer.held_out_measures())

    @cached_property
    def _measures(self) -> TextAnalyzer:
        return TextAnalyzer(self.corpus.split.train, load_lexicon())

    @cached_property
    def _loaded(self) -> Run:
        return load_run(self.run, self.device_config.device)


def mean_distance(written: Measures, held_out: Measures) -> float:
    """Return the mean distance of rates; one that a text has none of is as far as can be."""
    pairs = [(written[rate], held_out[rate]) for rate in RATES]
    return fmean(1.0 if a is None or b is None else abs(a - b) for a, b in pairs)


def check_text(run: Path, corpus: Corpus) -> None:
    """Raise `TextgenError` if a run was trained on another text: it might know what is held out."""
    there = read_manifest(run)["settings"]["corpus"]
    if any(there[key] != corpus.to_json()[key] for key in ("sha256", "split")):
        raise TextgenError(
            f"run {str(run)!r} was trained on {there['name']!r} with another text or split; give the same "
            "--corpus, --clean, --split and --max-chars"
        )


def sampler_candidates(sampler: str) -> list[Candidate]:
    """Return the options of a sampler; those that `sampler` sets are fixed."""
    name, _, text = sampler.partition(":")
    fixed = parse_assignments(text)
    build_sampler(sampler)
    return [
        Candidate(option.name, f"sampler {name!r}", option, option.default, is_fixed=option.name in fixed)
        for option in declared_options(load("sampler", name)).values()
    ]
