"""Tuning a sampler: whose text is most like the author's own, by the metrics of generated text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean

import numpy as np

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.evaluation.intervals import MeasuredValue, difference
from textgen.evaluation.text_metrics import MeasuredText, TextAnalyzer, TextMetrics, load_lexicon
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import SavedRun, load_run, read_manifest
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.backends import Backend
from textgen.registry.options import declared_options, parse_assignments
from textgen.registry.registry import load
from textgen.results.judge import CLOSEST
from textgen.results.study import Contestant, FinalComparison, MadeRun, SamplerSettings, Value
from textgen.runtime.device import DeviceConfig
from textgen.training.progress import Report, Step
from textgen.tuning.search_space import Candidate, Dimension, spell


@dataclass(frozen=True)
class SamplerObjective:
    """Distance of the text of a run from that of the author, both after passages of the validation part.

    The value is the mean distance of metrics that are shares. Judging a sampler by how near its text comes to
    people's in such metrics, not by how good they look, follows Holtzman et al. 2020 (arXiv:1904.09751).
    """

    name: str
    """The sampler."""
    run: Path
    corpus: Corpus
    device_config: DeviceConfig
    seed: int
    dimensions: Sequence[Dimension]
    num_steps: int = 1
    value_name = "mean distance from the held-out text"

    def settings(self) -> SamplerSettings:
        """Return what the run was made with, the sampler and the seed."""
        manifest = read_manifest(self.run)
        made = MadeRun(manifest.entry, manifest.settings)
        return SamplerSettings(sampler=self.name, run=made, seed=self.seed)

    def evaluate(
        self,
        params: Mapping[str, Value],
        report: Report,
        unfinished: Path,  # noqa: ARG002 - it is quick
    ) -> float:
        """Write after held-out passages and compare."""
        report(Step("writing samples"))
        writer = self._writer("validation")
        written = self._written(writer, spell(self.name, self.dimensions, params), self.seed)
        return mean_distance(written.metrics, writer.measure_held_out().metrics)

    def compare(
        self,
        best: str,
        num_seeds: int,
        folder: Path,  # noqa: ARG002 - nothing is kept
        backend: Backend,  # noqa: ARG002 - nothing is trained
        report: Report,
    ) -> FinalComparison:
        """Return the distances from the test text, means over the seeds that follow the study's.

        The run is the same, so their interval accounts for the passages alone.
        """
        report(Step("comparing with the default"))
        part = self.corpus.split.scored_on
        seeds = tuple(range(self.seed + 1, self.seed + 1 + num_seeds))
        writer = self._writer(part)
        held_out = writer.measure_held_out()
        values, samples = [], []
        for spec in (self.name, best):
            written = [self._written(writer, spec, seed) for seed in seeds]
            values.append(fmean(mean_distance(each.metrics, held_out.metrics) for each in written))
            samples.append(distance_sample(written, held_out, seeds))
        return FinalComparison(
            scored_on=part,
            seeds=seeds,
            default=Contestant(self.name, values[0]),
            best=Contestant(best, values[1]),
            gain=values[0] - values[1],
            interval=None if None in samples else difference(*filter(None, samples)).interval,
        )

    def _writer(self, part: str) -> SampleWriter:
        return SampleWriter(self.corpus.split.scored(part).stretches(), self._analyzer)

    def _written(self, writer: SampleWriter, spec: str, seed: int) -> MeasuredText:
        return writer.measure(self._loaded, build_sampler(spec), seed, self.device_config).measured

    @cached_property
    def _analyzer(self) -> TextAnalyzer:
        language = self.corpus.language
        return TextAnalyzer(self.corpus.split.train.text, load_lexicon(language), language)

    @cached_property
    def _loaded(self) -> SavedRun:
        return load_run(self.run, self.device_config.device)


def mean_distance(written: TextMetrics, held_out: TextMetrics) -> float:
    """Return the mean distance of rates; one that a text lacks is as far as can be."""
    pairs = [(getattr(written, rate), getattr(held_out, rate)) for rate in CLOSEST]
    return fmean(1.0 if a is None or b is None else abs(a - b) for a, b in pairs)


def distance_sample(
    written: Sequence[MeasuredText], held_out: MeasuredText, seeds: tuple[int, ...]
) -> MeasuredValue | None:
    """Return the mean distance by each sampling seed, or None if a rate has no interval."""
    distances = []
    for rate in CLOSEST:
        if any(rate not in text.pseudovalues for text in (*written, held_out)):
            return None
        one, reference = (
            MeasuredValue(
                np.array([getattr(text.metrics, rate) for text in texts]),
                np.array([text.pseudovalues[rate] for text in texts]),
                "the passages",
                seeds[: len(texts)],
            )
            for texts in (written, [held_out])
        )
        distances.append(one.distance_from(reference))
    return replace(
        distances[0],
        values=np.mean([each.values for each in distances], 0),
        pseudovalues=np.mean([each.pseudovalues for each in distances], 0),
    )


def check_text(run: Path, corpus: Corpus) -> None:
    """Raise `TextgenError` if a run was trained on another text: it might know what is held out."""
    trained_on = read_manifest(run).settings.corpus
    if (trained_on.sha256, trained_on.split) != (corpus.info.sha256, corpus.info.split):
        raise TextgenError(
            f"run {str(run)!r} was trained on {trained_on.name!r} with another text or split; give the same "
            "--corpus, --clean, --split and --max-chars"
        )


def sampler_candidates(sampler: str) -> list[Candidate]:
    """Return the options of a sampler; those that `sampler` sets are fixed."""
    name, _, text = sampler.partition(":")
    fixed = parse_assignments(f"sampler {name!r}", text)
    if build_sampler(sampler).entropy is not None:
        fixed["temperature"] = "that of the entropy"
    return [
        Candidate(option.name, f"sampler {name!r}", option, option.default, is_fixed=option.name in fixed)
        for option in declared_options(load("sampler", name)).values()
    ]
