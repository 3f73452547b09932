"""Entries × seeds on one corpus: trained under one budget, scored, sampled and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textgen.api import TextgenError
from textgen.comparison.report import to_markdown
from textgen.data.corpus import Corpus
from textgen.defaults import SAMPLE_CHARS, SAMPLER
from textgen.evaluation.baselines import reference_scores
from textgen.evaluation.bootstrap import differences
from textgen.evaluation.lexicon import load_lexicon
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.run import Run, load_run, read_manifest, save_run
from textgen.experiment.samples import SampleWriter
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.attribution import describe_error
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine, versions
from textgen.runtime.files import make_folder, slug, to_json, write_file
from textgen.training.budget import Budget
from textgen.training.progress import Progress

Report = Callable[[str, Progress | None], None]
"""Called with what is being done and, in training, how far it is."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What a comparison needs beside entries and corpus."""

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
    report: Report = lambda doing, progress: None,
) -> dict[str, Any]:
    """Compare the entries; return the object that `textgen bench --json` prints, also saved in `out`.

    A run that `out` already holds is reused if it was made with the same settings, and an error if not.
    An entry that fails gets its reason in place of results; the others go on.
    """
    samplers = {spec: build_sampler(spec) for spec in options.samplers}
    for sampler in samplers.values():
        sampler.try_out()
    make_folder(out / "runs")
    experiments = plan(entries, corpus, options, out)
    for folder, experiment in experiments.items():
        check_reuse(folder, experiment)
    report("reading the corpus", None)
    scored_text = corpus.split.scored("test") or corpus.split.scored("validation")
    measures = TextAnalyzer(corpus.split.train, load_lexicon())
    writer = SampleWriter(scored_text, measures, samplers, options.num_chars, options.prompts)
    rows: list[dict[str, Any]] = []
    blocks: dict[str, list[Any]] = {}
    for folder, experiment in experiments.items():
        entry, seed = experiment.entry, experiment.seed
        try:
            run = finished_run(folder, experiment, report)
            report(f"{entry.name}: writing samples", None)
            rows.append(run.manifest["result"] | writer.write(run, seed, options.device_config))
            if len(run.blocks):
                blocks.setdefault(entry.name, []).append(run.blocks)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one entry must not take the others down
            rows.append({"name": entry.name, "seed": seed, "error": describe_error(error)})
    rows += [{"name": name, "seed": options.seed, "error": reason} for name, reason in options.broken.items()]
    report("comparing", None)
    mean_blocks = {name: np.mean(bits, axis=0) for name, bits in blocks.items()}
    result = {
        "corpus": corpus.to_json(),
        "budget": str(options.budget),
        "device": options.device_config.device.type,
        "precision": options.device_config.precision,
        "versions": versions(),
        "machine": machine(),
        "scored_on": "test" if corpus.split.test else "validation",
        "prompts": writer.prompts,
        "references": reference_scores(corpus.split.train, scored_text),
        "held_out": {"sample_metrics": writer.held_out_measures()},
        "differences": differences(mean_blocks, len(scored_text)),
        "entries": rows,
    }
    write_file(out / "bench.json", to_json(result))
    write_file(out / "report.md", to_markdown(result))
    return result


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
    there = {**manifest["settings"], "options": manifest["entry"]["options"]}
    wanted = {**experiment.settings(), "options": experiment.entry.options}
    for key, value in wanted.items():
        if there.get(key) != value:
            what = "version of its plugins" if key == "plugins" else key
            raise TextgenError(
                f"{str(folder)!r} holds a run that was made with another {what}; choose another --out"
            )
