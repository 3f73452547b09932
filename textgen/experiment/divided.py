"""Training that several processes share: started here, on this machine, or by `torchrun`."""

from __future__ import annotations

import pickle
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
from textgen.runtime.processes import Killed, Setup, run_jobs
from textgen.runtime.ranks import LostRankError, Place
from textgen.runtime.worker import import_early, tell
from textgen.training.progress import Report, ignore_report, seldom


@dataclass(frozen=True)
class _Task:
    """A rank's part of a training run."""

    place: Place
    experiment: Experiment
    checkpoints: Path | None


@dataclass(frozen=True)
class _Failure:
    """Why a rank ended."""

    reason: str
    is_lost: bool = False
    """Whether it is another one's fault."""


def train_divided(experiment: Experiment, checkpoints: Path, report: Report) -> None:
    """Train by several processes, of which this is the first if `torchrun` started it; others are started.

    The weights are then in `checkpoints`, where `Experiment.run` finds them. Raises `TextgenError` if one of
    them fails or is killed; that ends the others.
    """
    place = ranks.place_by_environment()
    try:
        if place is None:
            _train_here(experiment, checkpoints, report)
        else:
            with ranks.joined(place, experiment.device_config):
                experiment.train_with_others(report, checkpoints)
    except TextgenError as error:
        if any(checkpoints.glob("*/checkpoint-*")):
            folder = checkpoints.with_name(checkpoints.name.removesuffix(".partial"))
            error.args = (f"{error}; the same command with --out {folder} goes on from the last checkpoint",)
        raise


def train_with_first(experiment: Experiment, place: Place) -> None:
    """Train as one of the processes that `torchrun` started, other than the first."""
    with ranks.joined(place, experiment.device_config):
        experiment.train_with_others()


def _train_here(experiment: Experiment, checkpoints: Path, report: Report) -> None:
    """Start the processes, and wait for them."""
    _check_that_it_can_be_sent(experiment)
    import_early(__name__)
    number = experiment.num_processes
    store = ranks.new_store(number)
    tasks = [
        _Task(
            Place(rank, number, rank, number, port=store.port),
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
        on_message=lambda _, step: report(step),
        own_process=True,
    )
    lost: list[str] = []
    try:
        for task, result in results:
            who = f"process {task.place.rank + 1} of {number}"
            if isinstance(result, Killed):
                raise TextgenError(f"{who}: {result}")
            if isinstance(result, _Failure) and not result.is_lost:
                raise TextgenError(result.reason)
            if isinstance(result, _Failure):
                lost.append(f"{who}: {result.reason}")  # the one that was lost is heard soon
    finally:
        results.close()
    if lost:
        raise TextgenError(lost[0])


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
        if task.place.rank:
            warnings.simplefilter("ignore", TextgenWarning)  # the first one says it
        if task.experiment.device_config.device.type == "cuda":
            ranks.use_own_gpu(task.place)
        with ranks.joined(task.place, task.experiment.device_config):
            report = ignore_report if task.place.rank else seldom(tell)
            task.experiment.train_with_others(report, task.checkpoints)
    except LostRankError as error:
        return _Failure(str(error), is_lost=True)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: none of them is the user's
        return _Failure(describe_error(error))
    return None
