"""Training that several processes share: started here, on this machine, or by `torchrun`."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch

from textgen.contracts import TextgenError, TextgenWarning
from textgen.experiment.experiment import Experiment
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import plugin_files
from textgen.runtime.messages import one_line
from textgen.training import ranks
from textgen.training.progress import Report, ignore_report
from textgen.training.rank_info import RankInfo, rank_info_of_torchrun
from textgen.training.ranks import LostRankError
from textgen.workers.process import import_early

LOST_SECONDS = 10.0
"""Time after which a process that others have lost is taken for one that hangs."""


@dataclass(frozen=True)
class RankResult:
    """The end of the training of a rank; why it failed is the failure of its job."""

    lost: str | None = None
    """Why it gave up, if that is only because another one did."""


@dataclass(frozen=True)
class RankJob:
    """A rank's part of a training run."""

    rank_info: RankInfo
    experiment: Experiment
    checkpoints: Path | None
    plugin_files: Sequence[Path]
    folder: None = None
    num_assistants: int = 0

    def compute(self, report: Report) -> RankResult:
        """Train as one of the processes that were started here."""
        if self.rank_info.rank:
            warnings.simplefilter("ignore", TextgenWarning)  # the first one says it
        if self.experiment.device_config.device.type == "cuda":
            ranks.use_own_gpu(self.rank_info)
        try:
            with ranks.joined(self.rank_info, self.experiment.device_config):
                tell = ignore_report if self.rank_info.rank else report
                self.experiment.train_with_others(tell, self.checkpoints)
        except LostRankError as error:
            return RankResult(lost=str(error))
        return RankResult()


def train_distributed(experiment: Experiment, checkpoints: Path, report: Report) -> None:
    """Train by several processes, of which this is the first if `torchrun` started it; others are started.

    The weights are then in `checkpoints`, where `Experiment.run` finds them. Raises `TextgenError` if one of
    them fails or is killed; that ends the others.
    """
    rank_info = rank_info_of_torchrun()
    try:
        if rank_info is None:
            _train_here(experiment, checkpoints, report)
        else:
            with ranks.joined(rank_info, experiment.device_config):
                experiment.train_with_others(report, checkpoints)
    except TextgenError as error:
        if any(checkpoints.glob("*/checkpoint-*")):
            folder = checkpoints.with_name(checkpoints.name.removesuffix(".partial"))
            error.args = (f"{error}; the same command with --out {folder} goes on from the last checkpoint",)
        raise


def train_with_first(experiment: Experiment, rank_info: RankInfo) -> None:
    """Train as one of the processes that `torchrun` started, other than the first."""
    with ranks.joined(rank_info, experiment.device_config):
        experiment.train_with_others()


def _train_here(experiment: Experiment, checkpoints: Path, report: Report) -> None:
    """Start the processes, and wait for them.

    Raises `TextgenError` when a rank has failed, for the reason of the first one if that is known.
    """
    _check_that_it_can_be_sent(experiment)
    import_early(__name__)
    number, files = experiment.num_processes, plugin_files(experiment.entry.components.values())
    store = ranks.new_store(number)
    lost: list[tuple[float, str]] = []  # when ranks lost another one, and what they say

    def check(patience: float = LOST_SECONDS) -> None:
        # Give up if one of them was not heard of for that time.
        if lost and time.monotonic() - lost[0][0] >= patience:
            raise TextgenError(lost[0][1])

    jobs = [
        RankJob(
            RankInfo(rank, number, rank, number, port=store.port),
            experiment,
            None if rank else checkpoints,
            files,
        )
        for rank in range(number)
    ]
    made = run_jobs(
        jobs,
        RankResult,
        LocalBackend(number, torch.get_num_threads()),
        on_step=lambda _, step: report(step),
        on_wait=check,
        plugins_first=files,
    )
    with closing(made):
        for job, outcome in made:
            who = f"process {job.rank_info.rank + 1} of {number}"
            if outcome.result is None:
                raise TextgenError(f"{who}: {outcome.failure}" if outcome.was_killed else outcome.failure)
            if outcome.result.lost:
                lost.append((time.monotonic(), f"{who}: {outcome.result.lost}"))
    check(0.0)


def _check_that_it_can_be_sent(experiment: Experiment) -> None:
    """Raise `TextgenError` if the run whose training continues has a model that pickle refuses."""
    try:
        pickle.dumps(experiment.start)
    except Exception as error:  # whatever the model of a plugin raises
        name, reason = experiment.entry.name, one_line(error)
        raise TextgenError(
            f"{name!r} cannot be sent to other processes ({reason}); use one process, or torchrun"
        ) from None
