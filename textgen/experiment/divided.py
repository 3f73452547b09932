"""Training that several processes share: started here, on this machine, or by `torchrun`."""

from __future__ import annotations

import pickle
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textgen.api import TextgenError, TextgenWarning
from textgen.experiment.experiment import Experiment
from textgen.registry.attribution import describe_error
from textgen.registry.registry import files_of
from textgen.registry.single_file import load_plugin_files
from textgen.runtime import ranks
from textgen.runtime.messages import one_line
from textgen.runtime.preparation import Setup
from textgen.runtime.processes import Killed, run_jobs
from textgen.runtime.rank_info import RankInfo, rank_info_of_torchrun
from textgen.runtime.ranks import LostRankError
from textgen.runtime.worker import import_early, tell
from textgen.training.progress import Report, ignore_report, seldom

LOST_SECONDS = 10.0
"""Time after which a process that others have lost is taken for one that hangs."""


@dataclass(frozen=True)
class _Task:
    """A rank's part of a training run."""

    rank_info: RankInfo
    experiment: Experiment
    checkpoints: Path | None


@dataclass(frozen=True)
class _Failure:
    """Why a rank ended."""

    reason: str
    is_lost: bool = False
    """Whether that is only that another one did."""


def train_divided(experiment: Experiment, checkpoints: Path, report: Report) -> None:
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
    """Start the processes, and wait for them."""
    _check_that_it_can_be_sent(experiment)
    import_early(__name__)
    number = experiment.num_processes
    store, watch = ranks.new_store(number), _Watch()
    tasks = [
        _Task(
            RankInfo(rank, number, rank, number, port=store.port),
            experiment,
            None if rank else checkpoints,
        )
        for rank in range(number)
    ]
    load_plugins = partial(load_plugin_files, files_of(experiment.entry.components.values()))
    results = run_jobs(
        _train_rank,
        tasks,
        number,
        Setup(initialize=load_plugins),
        watch.check,
        on_message=lambda _, step: report(step),
        own_process=True,
    )
    try:
        for task, result in results:
            watch.take(f"process {task.rank_info.rank + 1} of {number}", result)
    finally:
        results.close()
    watch.check(0.0)


class _Watch:
    """Raises `TextgenError` when a rank has failed, for the reason of the first one if that is known."""

    def __init__(self) -> None:
        self._lost: list[tuple[float, str]] = []
        """When ranks lost another one, and what they say."""

    def take(self, who: str, result: _Failure | Killed | None) -> None:
        """Take the result of a rank."""
        if isinstance(result, Killed):
            raise TextgenError(f"{who}: {result}")
        if isinstance(result, _Failure) and not result.is_lost:
            raise TextgenError(result.reason)
        if isinstance(result, _Failure):
            self._lost.append((time.monotonic(), f"{who}: {result.reason}"))

    def check(self, patience: float = LOST_SECONDS) -> None:
        """Give up if a rank has lost another one, and that one was not heard of for `patience` seconds."""
        if self._lost and time.monotonic() - self._lost[0][0] >= patience:
            raise TextgenError(self._lost[0][1])


def _check_that_it_can_be_sent(experiment: Experiment) -> None:
    """Raise `TextgenError` if the run whose training continues has a model that pickle refuses."""
    try:
        pickle.dumps(experiment.start)
    except Exception as error:  # whatever the model of a plugin raises
        name, reason = experiment.entry.name, one_line(error)
        raise TextgenError(
            f"{name!r} cannot be sent to other processes ({reason}); use one process, or torchrun"
        ) from None


def _train_rank(task: _Task) -> _Failure | None:
    """Train as one of the processes that were started here; return why that failed, as text alone."""
    try:
        if task.rank_info.rank:
            warnings.simplefilter("ignore", TextgenWarning)  # the first one says it
        if task.experiment.device_config.device.type == "cuda":
            ranks.use_own_gpu(task.rank_info)
        with ranks.joined(task.rank_info, task.experiment.device_config):
            report = ignore_report if task.rank_info.rank else seldom(tell)
            task.experiment.train_with_others(report, task.checkpoints)
    except LostRankError as error:
        return _Failure(str(error), is_lost=True)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: none of them is the user's
        return _Failure(describe_error(error))
    return None
