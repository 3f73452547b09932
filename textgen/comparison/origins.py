"""The runs that entries start from by the name of a text and a budget, such as `start=wiki@2m`: made once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textgen.comparison.entry_job import EntryJob, OnlyScore
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import RunResult
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.origin import origin_entry, origin_folder, start_of, text_and_budget
from textgen.jobs.backends import LocalBackend
from textgen.jobs.plugin_code import read_entry
from textgen.jobs.runner import PlanProgress, run_jobs
from textgen.registry.registry import plugin_files
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen.training.progress import Report


def make_origins(
    entries: Iterable[Entry], device_config: DeviceConfig, report: Report, max_silence: float | None = None
) -> None:
    """Train what entries start from, with seed 0, unless the cache has it; an interrupted one is continued.

    Raises `TextgenError` if one fails.
    """
    jobs = dict[Path, EntryJob[None, RunResult]]()
    for entry in entries:
        wanted = text_and_budget(start_of(entry))
        if wanted is None or (folder := origin_folder(entry)).exists():
            continue
        source, amount = wanted
        budget, corpus, origin = parse_budget(amount), load_corpus([source]), read_entry(origin_entry(entry))
        jobs[folder] = EntryJob(
            Experiment(origin, corpus, budget, device_config, seed=0),
            plugin_files(origin.components.values()),
            OnlyScore(),
            folder,
            keeps_run=True,
            title=f"{origin.name} on {source}",
            expected_seconds=expected_seconds(origin, corpus, budget),
        )
    progress = PlanProgress(list(jobs.values()), report)
    for job, outcome in run_jobs(
        progress.starting(), RunResult, LocalBackend(), on_step=progress.heard, max_silence=max_silence
    ):
        progress.ended(job, outcome)
        if outcome.failure:
            raise TextgenError(f"{job.title}, which an entry starts from, failed: {outcome.failure}")
