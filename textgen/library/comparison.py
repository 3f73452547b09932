"""Comparisons: `bench`, and its result as tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textgen import defaults
from textgen.comparison import bench as comparison
from textgen.comparison import run_ladder as ladders
from textgen.comparison.references import open_yardstick
from textgen.comparison.sealed import SPLIT, check_sealed
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entries, split_yardsticks
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.generation.generator import spells_words
from textgen.jobs.backends import open_backend
from textgen.jobs.kept import made_with
from textgen.library.corpus import TextSource, check_text, loaded, name_of, read
from textgen.library.corpus_views import character_entropy
from textgen.library.ladders import Ladder
from textgen.library.options import (
    ClusterOptions,
    SampleOptions,
    check_cluster,
    check_numbers,
    prepare,
    seed_range,
    several,
)
from textgen.library.plots import new_axes, plot_curves, plot_scores
from textgen.library.progress import shown
from textgen.library.tables import data_frame
from textgen.reports.answer import answer
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import run_values
from textgen.reports.notebook import to_notebook
from textgen.results import comparison as results
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.locks import locked
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.budget import is_timed, parse_budgets, parse_duration
from textgen.training.progress import Report, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


RUNS = "runs/*/run.json"
"""The runs in the folder of a comparison."""


class Comparison(results.Comparison):
    """Entries × seeds on one corpus under one budget; Jupyter shows the report."""

    @classmethod
    def of(cls, result: results.Comparison) -> Comparison:
        """Return a result with the tables and plots of this class."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(result)})

    def to_pandas(self) -> DataFrame:
        """Return a row for each entry and seed: its scores, speed, size and the metrics of its samples.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame(
            [
                {
                    "entry": run.name,
                    "seed": run.seed,
                    "problem": run.error if isinstance(run, FailedEntry) else run.problem,
                    **values,
                    **(
                        vars(run.sample_metrics)
                        if isinstance(run, EntryResult) and run.sample_metrics
                        else {}
                    ),
                }
                for run, values in run_values(self, "frame")
            ]
        )

    def plot(self, kind: Literal["scores", "curves"] = "scores", *, axes: Axes | None = None) -> Axes:
        """Draw the scores with their intervals, or the learning curves; return the axes.

        Raises `TextgenError` if matplotlib is not installed.
        """
        if kind not in ("scores", "curves"):
            raise UsageError(f"kind must be scores or curves, not {kind!r}")
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.corpus.name}, {self.budget} of training")
        if kind == "scores":
            plot_scores(axes, self.scores, self.references)
            return axes
        runs = [entry for entry in self.entries if isinstance(entry, EntryResult) and entry.is_comparable]
        several = len({run.seed for run in runs}) > 1
        curves = [(f"{run.name}, seed {run.seed}" if several else run.name, run.train.curve) for run in runs]
        plot_curves(axes, curves, by_time=is_timed(self.budget))
        return axes

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(entry.name for entry in self.entries))
        return f"Comparison({names} on {self.corpus.name}, {self.budget} each: {answer(self)})"

    def _repr_html_(self) -> str:
        return to_notebook(bench_report(self))


def bench(
    entries: str | Sequence[str],
    corpus: TextSource = defaults.CORPUS,
    *,
    budget: str = defaults.BUDGET,
    seeds: int | range = 1,
    samples: SampleOptions = SampleOptions(),
    cluster: ClusterOptions = ClusterOptions(),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> Comparison | Any:
    """Train entries side by side on one text; return their scores, samples, speed and size.

    A sealed text (`TextOptions`) is the one that is scored; nothing opens it before all entries are trained.
    With several budgets, as in `15s,1m,4m`, the result is a `Ladder`. Entries are added to a comparison that
    `out` already holds, whose runs are reused; so are budgets to a ladder. An entry that fails has its reason
    in the result. `out` is locked: a second comparison there waits and adds to this one.
    Raises `TextgenError` if it cannot start, and `NotSavedError` with the result if the disk is full.
    """
    prepare("bench")
    chosen_seeds = seed_range(seeds)
    check_numbers(chosen_seeds.start, length=samples.length)
    check_cluster(cluster, "a bench, whose entries train one by one", ["processes", "jobs"])
    asked, silence = parse_budgets(budget), parse_duration(cluster.entry_timeout, "--entry-timeout")
    wanted, samplers = _wanted(entries, out), _samplers(samples)
    choose_device(cluster.device, cluster.precision)
    name = partial(result_name, split_yardsticks(wanted)[0], name_of(corpus), budget, chosen_seeds.start)
    with (
        shown(report) as tell,
        result_folder(out, name) as folder,
    ):
        tell(Step("reading the text", folder=folder))
        text, sealed = _opened(corpus, cluster)
        with (
            locked(folder),
            open_backend(cluster.on, 1, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        ):
            budgets = ladders.budgets_with(folder, asked)
            parsed, broken, yardsticks = _parsed([*ladders.compared_in(folder, budgets), *wanted])
            kept = [pair for pattern in (RUNS, f"*/{RUNS}") for pair in made_with(folder, pattern)]
            options = comparison.BenchOptions(
                budget=budgets[-1],
                device_config=choose_device(cluster.device, cluster.precision, kept),
                seed=chosen_seeds.start,
                num_seeds=len(chosen_seeds),
                prompts=several(samples.prompt),
                samplers=_with_entropy(samplers, text),
                num_chars=samples.length,
                spells=spells_words(samples.spelling),
                entry_timeout=silence,
                broken=broken,
                backend=backend,
                sealed=sealed,
                yardsticks=yardsticks,
            )
            if len(budgets) == 1:
                comparisons = comparison.bench_each(parsed, text, options, {folder: budgets[0]}, tell)
                return Comparison.of(comparisons.single(folder))
            ladder = ladders.run_ladder(parsed, text, options, folder, budgets=budgets, report=tell)
            return Ladder.of(ladder)


def _wanted(entries: str | Sequence[str], out: str | Path | None) -> list[str]:
    """Return entries and yardsticks; raises `TextgenError` for a mistake in one, before anything is read."""
    wanted = several(entries)
    to_train, yardsticks = split_yardsticks(wanted)
    if not to_train and out is None:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    parse_entries(to_train)
    for each in yardsticks:
        open_yardstick(each)
    return list(wanted)


def _opened(corpus: TextSource, cluster: ClusterOptions) -> tuple[Corpus, str | None]:
    """Return the text and the path of the sealed one; with that, the other is for training and validation."""
    if isinstance(corpus, Corpus):
        return corpus, None
    options = check_text(corpus)
    if options.sealed is None:
        return loaded(options), None
    if cluster.on is not None:
        raise UsageError("sealed cannot be combined with on, whose machines keep no trained entries")
    split = SPLIT if options.split == defaults.SPLIT else options.split
    text = read(replace(options, split=split))
    check_sealed(options.sealed, text)
    return text, options.sealed


def _parsed(texts: Sequence[str]) -> tuple[list[Entry], dict[str, str], list[str]]:
    """Return the entries to compare, those that cannot be tried, with the reasons, and the yardsticks."""
    names, yardsticks = split_yardsticks(texts)
    parsed, broken = parse_entries(names)
    if not parsed:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    return parsed, broken, yardsticks


def _with_entropy(samplers: Sequence[str], text: Corpus) -> list[str]:
    """Return the samplers, the default one with the entropy that suits the text."""
    entropy = defaults.ENTROPY_SHARE * character_entropy(text.split.train.text)
    equal = defaults.EQUAL_SAMPLER.replace("auto", f"{max(entropy, 0.1):.1f}")
    return [equal if each == defaults.EQUAL_SAMPLER else each for each in samplers]


def _samplers(samples: SampleOptions) -> tuple[str, ...]:
    samplers = tuple(dict.fromkeys(several(samples.sampler)))
    if not samplers:
        raise UsageError(f"no sampler; give one, such as {defaults.SAMPLER}")
    return samplers
