"""Comparisons: `bench`, and its result as tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textgen import defaults
from textgen.comparison import bench as comparison
from textgen.comparison import comparison_result as results
from textgen.comparison.report.answer import answer
from textgen.comparison.report.columns import run_values
from textgen.contracts import TextgenError
from textgen.experiment.entry import Entry, parse_entries
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.generation.generator import Spelling, spells_words
from textgen.jobs.backends import open_backend
from textgen.jobs.kept import made_with
from textgen.library.arguments import check_numbers
from textgen.library.corpus import Text, loaded
from textgen.library.plots import new_axes, plot_curves, plot_scores
from textgen.library.progress import shown_progress
from textgen.library.tables import comparison_html, data_frame
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.locks import locked
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.budget import is_timed, parse_budget, parse_duration
from textgen.training.distributed.rank_info import refuse_torchrun
from textgen.training.progress import Report, Step, ignore_report
from textgen.workers.worker import import_early

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
        return comparison_html(self)


def bench(
    entries: str | Sequence[str],
    *,
    corpus: Text = defaults.CORPUS,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
    budget: str = defaults.BUDGET,
    seed: int = 0,
    seeds: int = 1,
    device: str = "auto",
    precision: str = "auto",
    prompt: str | Sequence[str] = (),
    sampler: str | Sequence[str] = defaults.SAMPLER,
    length: int = defaults.SAMPLE_CHARS,
    spelling: Spelling = "words",
    entry_timeout: str = defaults.ENTRY_TIMEOUT,
    on: str | None = None,
    cpus_per_run: float = 1.0,
    gpus_per_run: float = 0.0,
    out: str | Path | None = None,
    progress: bool = False,
    report: Report = ignore_report,
) -> Comparison:
    """Train entries side by side on one text; return their scores, samples, speed and size.

    Entries are added to a comparison that `out` already holds, whose runs are reused. An entry that fails has
    its reason in the result. `progress` shows a line of progress. `out` is locked: a second comparison there
    waits and adds to this one. `on` is NAME or NAME:ADDRESS of a backend. Raises `TextgenError` if it fails.
    """
    refuse_torchrun()
    import_early("textgen.comparison.entry_job")
    check_numbers(seed, seeds=seeds, length=length)
    parsed_budget = parse_budget(budget)
    silence = parse_duration(entry_timeout, "--entry-timeout")
    wanted, samplers = _wanted(entries, out), _samplers(sampler)
    choose_device(device, precision)
    with shown_progress(progress, report) as tell:
        tell(Step("reading the text"))
        text = loaded(corpus, clean, split, max_chars, encoding)
        with (
            result_folder(out, lambda: result_name(wanted, text.name, budget, seed)) as folder,
            locked(folder),
            open_backend(on, cpus_per_job=cpus_per_run, gpus_per_job=gpus_per_run) as backend,
        ):
            parsed, broken = _parsed(folder, wanted)
            options = comparison.BenchOptions(
                budget=parsed_budget,
                device_config=choose_device(device, precision, made_with(folder, RUNS)),
                seed=seed,
                num_seeds=seeds,
                prompts=_several(prompt),
                samplers=samplers,
                num_chars=length,
                spells=spells_words(spelling),
                entry_timeout=silence,
                broken=broken,
                backend=backend,
            )
            return Comparison.of(comparison.bench(parsed, text, options, folder, tell))


def _wanted(entries: str | Sequence[str], out: str | Path | None) -> list[str]:
    """Return the entries; raises `TextgenError` for one that is a mistake, before anything is read."""
    wanted = _several(entries)
    if not wanted and out is None:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    parse_entries(wanted)
    return wanted


def _parsed(folder: Path, wanted: Sequence[str]) -> tuple[list[Entry], dict[str, str]]:
    """Return the entries to compare, and those that cannot be tried, with the reasons."""
    parsed, broken = parse_entries([*comparison.compared_before(folder), *wanted])
    if not parsed:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    return parsed, broken


def _samplers(sampler: str | Sequence[str]) -> tuple[str, ...]:
    samplers = tuple(dict.fromkeys(_several(sampler)))
    if not samplers:
        raise UsageError(f"no sampler; give one, such as {defaults.SAMPLER}")
    return samplers


def _several(items: str | Sequence[str]) -> list[str]:
    """Return one item or several as a list."""
    return [items] if isinstance(items, str) else list(items)
