"""Entries × seeds on one corpus: trained under one budget, scored, sampled and compared."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textgen import DISTRIBUTION
from textgen.api import TextgenError
from textgen.budget import Budget
from textgen.compare import differences, reference_scores
from textgen.corpus import Corpus
from textgen.device import Compute
from textgen.entry import Entry
from textgen.experiment import Experiment
from textgen.failure import explain
from textgen.files import make_folder, to_json, write_file
from textgen.generate import try_sampler
from textgen.metrics import TextMeasures, load_lexicon
from textgen.options import build
from textgen.output import slug
from textgen.report import to_markdown
from textgen.runs import Run, load_run, read_manifest, save_run
from textgen.samples import SampleWriter
from textgen.train import Progress

Report = Callable[[str, Progress | None], None]
"""Called with what is being done and, in training, how far it is."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What a comparison needs beside entries and corpus."""

    budget: Budget
    compute: Compute
    seed: int = 0
    num_seeds: int = 1
    prompts: Sequence[str] = ()
    samplers: Sequence[str] = ("temperature:temperature=0.8",)
    num_chars: int = 400
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
    samplers = {spec: build("sampler", spec) for spec in options.samplers}
    for sampler in samplers.values():
        try_sampler(sampler)
    make_folder(out / "runs")
    experiments = plan(entries, corpus, options, out)
    for folder, experiment in experiments.items():
        check_reuse(folder, experiment)
    report("reading the corpus", None)
    scored_text = corpus.split.scored("test") or corpus.split.scored("validation")
    measures = TextMeasures(corpus.split.train, load_lexicon())
    writer = SampleWriter(scored_text, measures, samplers, options.num_chars, options.prompts)
    rows: list[dict[str, Any]] = []
    blocks: dict[str, list[Any]] = {}
    for folder, experiment in experiments.items():
        entry, seed = experiment.entry, experiment.seed
        try:
            run = finished_run(folder, experiment, report)
            report(f"{entry.name}: writing samples", None)
            rows.append(run.manifest["result"] | writer.write(run, seed, options.compute))
            if len(run.blocks):
                blocks.setdefault(entry.name, []).append(run.blocks)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one entry must not take the others down
            rows.append({"name": entry.name, "seed": seed, "error": explain(error)})
    rows += [{"name": name, "seed": options.seed, "error": reason} for name, reason in options.broken.items()]
    report("comparing", None)
    mean_blocks = {name: np.mean(bits, axis=0) for name, bits in blocks.items()}
    result = {
        "corpus": corpus.describe(),
        "budget": str(options.budget),
        "device": options.compute.device.type,
        "precision": options.compute.precision,
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
            entry, corpus, options.budget, options.compute, seed
        )
        for entry in entries
        for seed in range(options.seed, options.seed + options.num_seeds)
    }


def finished_run(folder: Path, experiment: Experiment, report: Report) -> Run:
    """Return the run in `folder`; if there is none yet, make it and save it there."""
    name = experiment.entry.name
    if folder.exists():
        report(f"{name}: loading", None)
        return load_run(folder, experiment.compute.device)
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


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    packages = ("torch", "numpy", "gensim", "nltk")
    return {
        "textgen": version(DISTRIBUTION),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def processor() -> str:
    """Return the processor's name; Linux tells it in a file only."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Return what the speeds were measured on."""
    return {
        "processor": processor(),
        "num_cores": os.cpu_count(),
        "num_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.system(),
    }
