"""Entries × seeds on one corpus: trained under one budget, scored, sampled and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textgen.api import TextgenError
from textgen.comparison.report.markdown import to_markdown
from textgen.comparison.results import Comparison, Difference, EntryScore, HeldOut
from textgen.data.corpus import Corpus
from textgen.defaults import SAMPLE_CHARS, SAMPLER
from textgen.evaluation.baselines import reference_scores
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.old_intervals import INTERVAL_METHOD, RatioSample, difference, estimate, text_sample
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.results import EntryResult, FailedEntry
from textgen.experiment.run import Run, load_run, read_manifest, save_run
from textgen.experiment.samples import SampleWriter
from textgen.generation.bound_sampler import BoundSampler, build_sampler
from textgen.registry.attribution import describe_error
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine, versions
from textgen.runtime.files import make_folder, slug, write_file
from textgen.runtime.json_records import to_json
from textgen.training.budget import Budget
from textgen.training.progress import Report, ignore_report

RESULT, REPORT = "bench.json", "report.md"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Settings of a comparison, besides its entries and corpus."""

    budget: Budget
    device_config: DeviceConfig
    seed: int = 0
    num_seeds: int = 1
    prompts: Sequence[str] = ()
    samplers: Sequence[str] = (SAMPLER,)
    num_chars: int = SAMPLE_CHARS
    broken: Mapping[str, str] = field(default_factory=dict)
    """Entries that cannot be tried, and why."""


def bench(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    out: Path,
    report: Report = ignore_report,
) -> Comparison:
    """Compare the entries; the result is also saved in `out`.

    A run that `out` already holds is reused if it was made with the same settings; otherwise it is an error.
    An entry that fails gets its reason instead of results; the others continue.
    """
    samplers = {spec: build_sampler(spec) for spec in options.samplers}
    for sampler in samplers.values():
        sampler.try_out()
    make_folder(out / "runs")
    experiments = plan(entries, corpus, options, out)
    for folder, experiment in experiments.items():
        check_reuse(folder, experiment)
    report("reading the corpus", None)
    analyzer = TextAnalyzer(corpus.split.train, load_lexicon())
    writer = SampleWriter(corpus.split.held_out, analyzer, options.num_chars, options.prompts)
    rows, bits = _rows(experiments, writer, samplers, options, report)
    rows += [FailedEntry(name, options.seed, reason) for name, reason in options.broken.items()]
    report("comparing", None)
    scores, differences = compare(bits, len(corpus.split.held_out))
    result = Comparison(
        corpus=corpus.info,
        budget=str(options.budget),
        device=options.device_config.device.type,
        precision=options.device_config.precision,
        versions=versions(),
        machine=machine(),
        scored_on=corpus.split.scored_on,
        prompts=tuple(writer.shown_prompts()),
        references=tuple(reference_scores(corpus.split.train, corpus.split.held_out)),
        held_out=HeldOut(writer.held_out_metrics()),
        interval_method=INTERVAL_METHOD,
        scores=scores,
        differences=differences,
        entries=tuple(rows),
    )
    write_file(out / RESULT, to_json(result))
    write_file(out / REPORT, to_markdown(result))
    return result


def _rows(
    experiments: Mapping[Path, Experiment],
    writer: SampleWriter,
    samplers: Mapping[str, BoundSampler],
    options: BenchOptions,
    report: Report,
) -> tuple[list[EntryResult | FailedEntry], dict[str, dict[int, NDArray[np.float64]]]]:
    """Return one row per run, and the segment bits of each entry's runs that have a score, by seed."""
    rows: list[EntryResult | FailedEntry] = []
    bits: dict[str, dict[int, NDArray[np.float64]]] = {}
    for folder, experiment in experiments.items():
        name, seed = experiment.entry.name, experiment.seed
        try:
            run = finished_run(folder, experiment, report)
            report(f"{name}: writing samples", None)
            written = writer.write(run, samplers, seed, options.device_config)
            rows.append(EntryResult(**vars(run.result), **vars(written)))
            if len(run.segment_bits):
                bits.setdefault(name, {})[seed] = run.segment_bits
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one entry must not take the others down
            rows.append(FailedEntry(name, seed, describe_error(error)))
    return rows, bits


def compare(
    bits: Mapping[str, Mapping[int, NDArray[np.float64]]], num_chars: int
) -> tuple[tuple[EntryScore, ...], tuple[Difference, ...]]:
    """Return the scores of entries, best first, and the differences of the others from the best.

    `bits` are those of the segments of one text of `num_chars` characters, by each seed.
    """
    samples = {name: text_sample(runs, num_chars, "the held-out text") for name, runs in bits.items()}
    ranked = sorted(samples, key=lambda name: samples[name].value)
    return (
        tuple(_score(name, samples[name]) for name in ranked),
        tuple(_difference(ranked[0], name, samples) for name in ranked[1:]),
    )


def _score(name: str, sample: RatioSample) -> EntryScore:
    found = estimate(sample)
    return EntryScore(name, found.value, found.interval)


def _difference(best: str, name: str, samples: Mapping[str, RatioSample]) -> Difference:
    found = difference(samples[name], samples[best])
    return Difference(best, name, found.value, found.interval)


def plan(
    entries: Sequence[Entry], corpus: Corpus, options: BenchOptions, out: Path
) -> dict[Path, Experiment]:
    """Return the experiments, each entry with each seed, by the folders of their runs."""
    return {
        out / "runs" / f"{slug(entry.name)}-seed{seed}": Experiment(
            entry, corpus, options.budget, options.device_config, seed
        )
        for entry in entries
        for seed in range(options.seed, options.seed + options.num_seeds)
    }


def finished_run(folder: Path, experiment: Experiment, report: Report) -> Run:
    """Return the run in `folder`; if there is none yet, make it and save it there."""
    name = experiment.entry.name
    if folder.exists():
        report(f"{name}: loading", None)
        return load_run(folder, experiment.device_config.device)
    report(f"{name}: tokenizing", None)
    run = experiment.run(lambda progress: report(name, progress))
    save_run(folder, run)
    return run


def check_reuse(folder: Path, experiment: Experiment) -> None:
    """Raise `TextgenError` if `folder` holds a run that was made with other settings."""
    if not folder.exists():
        return
    manifest = read_manifest(folder)
    wanted = experiment.settings()
    differing = [name for name, value in vars(wanted).items() if getattr(manifest.settings, name) != value]
    if manifest.entry.parts != experiment.entry.parts:
        differing.insert(0, "entry")
    if manifest.entry.options != experiment.entry.options:
        differing.append("options")
    if differing:
        what = "version of its plugins" if differing[0] == "plugins" else differing[0]
        raise TextgenError(
            f"{str(folder)!r} holds a run that was made with another {what}; choose another folder (--out)"
        )
