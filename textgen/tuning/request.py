"""From a user's request to the objective of a study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from textgen.data.corpus import Corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import names_run
from textgen.jobs.backends import Backend, LocalBackend, check_equal_machines
from textgen.jobs.kept import check_reuse, kept_run, made_with, run_and_save
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import make_folder
from textgen.runtime.storage.result_folders import RUN_FILE
from textgen.training.budget import Budget
from textgen.training.progress import Report
from textgen.tuning.objective import EntryObjective, entry_candidates
from textgen.tuning.sampler_objective import SamplerObjective, check_text, sampler_candidates
from textgen.tuning.search_space import dimensions
from textgen.tuning.study import study_made_with
from textgen.tuning.study_kind import DATABASE, TRAINED


def made_before(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of what the folder of a study holds."""
    yield from made_with(folder, f"{TRAINED}/{RUN_FILE}")
    yield from study_made_with(folder / DATABASE)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to tune an entry or a sampler."""

    entry: str
    """An entry or, for a sampler, also the folder of a run."""
    search: str | None
    tune_sampler: str | None
    """A sampler to tune instead of the entry."""
    budget: Budget
    device_config: DeviceConfig
    seed: int
    folder: Path
    backend: Backend = field(default_factory=LocalBackend)

    def objective(self, corpus: Corpus, report: Report) -> EntryObjective | SamplerObjective:
        """Return the objective of the study; for a sampler, an entry is trained first.

        Raises `TextgenError` for an invalid entry, sampler or search.
        """
        if self.tune_sampler is None:
            check_equal_machines(self.backend, is_timed=self.budget.unit == "seconds")
            entry = parse_entry(self.entry)
            searched = dimensions(entry_candidates(entry), self.search, entry.name)
            return EntryObjective(entry, corpus, self.budget, self.device_config, self.seed, searched)
        if not isinstance(self.backend, LocalBackend):
            raise UsageError("--on has no effect with --tune-sampler; leave it out")
        searched = dimensions(sampler_candidates(self.tune_sampler), self.search, self.tune_sampler)
        run = Path(self.entry)
        if not names_run(self.entry):
            run = self.folder / TRAINED
            experiment = Experiment(
                parse_entry(self.entry), corpus, self.budget, self.device_config, self.seed
            )
            check_reuse(run, experiment)
            make_folder(self.folder)
            if kept_run(run, experiment, report) is None:
                run_and_save(experiment, run, report)
        check_text(run, corpus)
        return SamplerObjective(self.tune_sampler, run, corpus, self.device_config, self.seed, searched)
