"""A study on disk: one SQLite file, which survives a kill at any time and can be shared by processes.

Optuna's storage keeps the trials; SQLite applies a transaction completely or not at all. What Optuna lacks
is done here under a lock of the operating system, which a process loses when it dies, however it dies:
counting the trials before a new one starts, and returning those whose process is gone. SQLite was chosen
over Optuna's journal, which a line half written by a killed process makes unreadable, and locks over its
heartbeats, which notice a death only after a while.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.api import TextgenError
from textgen.runtime.files import make_folder
from textgen.runtime.interrupts import interrupts_deferred
from textgen.runtime.json_records import to_values
from textgen.tune.objective import Objective
from textgen.tune.results import Value
from textgen.tune.tpe import NUM_RANDOM, RoundedTPE, num_combinations

FILE, WORKERS = "study.db", "workers"
"""The trials, and a folder with a locked file for each running process."""
NAME = "tune"
"""Of the study in the file."""
DONE = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials that count. A trial that fails is pruned, with its reason, so that the sampler learns
from it. `FAIL` is for those whose process was killed."""
MAX_ATTEMPTS = 3
"""A trial that has taken this many processes down is not tried again."""
WAIT_SECONDS = 60.0
"""Seconds that another process may hold the file."""


class Study:
    """The trials in a folder and the choice of the next one; a context that holds this process's lock."""

    def __init__(
        self, folder: Path, objective: Objective, num_random: int = NUM_RANDOM, *, with_default: bool = True
    ) -> None:
        """Open the study, or create it with the default as its first trial.

        Raises `TextgenError` if the folder holds a study that was made with other settings.
        """
        self.objective = objective
        self._num_random, self._seed = num_random, objective.settings().seed
        self.folder, self._worker = folder, uuid.uuid4().hex
        make_folder(folder / WORKERS)
        self._lock = FileLock(folder / WORKERS / "study.lock")
        self._life = FileLock(self._life_path(self._worker))
        self._life.acquire()
        try:
            with self._lock:
                self._open(folder / FILE, with_default)
        except BaseException:
            self._life.release()
            raise

    def _open(self, path: Path, with_default: bool) -> None:
        wanted = json.loads(json.dumps(settings(self.objective)))
        if not path.exists():
            # Under another name until it is complete: a process may be killed while making it, too.
            new = path.with_name(f"{path.name}.new")
            new.unlink(missing_ok=True)
            self._connect(new)
            if with_default:
                self._study.enqueue_trial({each.name: each.start for each in self.objective.dimensions})
            self._study.set_user_attr("settings", wanted)
            self._disconnect()
            new.rename(path)
        self._connect(path)
        there = self._study.user_attrs.get("settings", {})
        for key, value in wanted.items():
            if there.get(key) != value:
                self._disconnect()
                remedy = f"add --precision {there.get(key)}, or " if key == "precision" else ""
                raise TextgenError(
                    f"{str(path.parent)!r} holds a study with another {key}; "
                    f"{remedy}choose another folder (--out)"
                )

    def _connect(self, path: Path) -> None:
        try:
            self._storage = _storage(path)
            self._study = optuna.create_study(
                storage=self._storage, study_name=NAME, load_if_exists=True, pruner=median_pruner()
            )
        except (SQLAlchemyError, RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise TextgenError(
                f"cannot read the study {str(path)!r}: {reason}; choose another folder (--out)"
            ) from None

    def _disconnect(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.release()
        self._life_path(self._worker).unlink(missing_ok=True)
        self._disconnect()

    def claim(self, num_trials: int | None) -> Trial | Literal["done", "wait"]:
        """Start a trial, unless there are `num_trials` already or no combination is left.

        Returns `wait` while other processes run the last trials, since those may still fail.
        """
        with interrupts_deferred(), self._lock:
            self._give_back()
            trials = self.trials()
            num_done = sum(trial.state in DONE for trial in trials)
            num_running = sum(trial.state == TrialState.RUNNING for trial in trials)
            most = num_combinations(self.objective.dimensions)
            most = most if num_trials is None else min(num_trials, most)
            if num_done + num_running >= most:
                return "wait" if num_done < most else "done"
            tried = [parameters(trial) for trial in trials]
            # Seeded again for each trial, so that a study that was stopped continues as if it had not been.
            seed = int(np.random.SeedSequence([self._seed, len(trials)]).generate_state(1)[0])
            self._study.sampler = RoundedTPE(self.objective.dimensions, tried, seed, self._num_random)
            trial = self._study.ask({each.name: each.distribution() for each in self.objective.dimensions})
            trial.set_user_attr("worker", self._worker)
            return trial

    def finish(self, trial: Trial, value: float | None, seconds: float, reason: str | None) -> None:
        """Save the outcome: a value, or None for a trial that was pruned or, with a reason, failed."""
        with interrupts_deferred():
            trial.set_user_attr("seconds", seconds)
            if reason is not None:
                trial.set_user_attr("reason", reason)
            self._study.tell(trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)

    def trials(self) -> list[FrozenTrial]:
        """Return all trials in their current state."""
        return self._study.get_trials(deepcopy=False)

    def num_done(self) -> int:
        """Return the number of trials that count."""
        return sum(trial.state in DONE for trial in self.trials())

    def best(self) -> FrozenTrial | None:
        """Return the best complete trial, the first of equals."""
        complete = [trial for trial in self.trials() if trial.state == TrialState.COMPLETE]
        return min(complete, key=lambda trial: trial.values[0], default=None)

    def interrupt(self) -> None:
        """Queue the trial of this process, and those whose process is gone, for the next time."""
        self._life.release()
        with self._lock:
            self._give_back()

    @property
    def optuna(self) -> optuna.Study:
        """The study as importances and plots read it."""
        return self._study

    def _give_back(self) -> None:
        trials = self.trials()
        waiting = [parameters(trial) for trial in trials if trial.state == TrialState.WAITING]
        for trial in trials:
            if trial.state != TrialState.RUNNING or self._is_alive(trial.user_attrs.get("worker")):
                continue
            params, attempt = parameters(trial), trial.user_attrs.get("attempt", 1)
            is_whole = len(params) == len(self.objective.dimensions)
            # It may wait already, if the process that queued it was killed before the next line but one.
            if is_whole and attempt < MAX_ATTEMPTS and params not in waiting:
                self._study.enqueue_trial(params, user_attrs={"attempt": attempt + 1})
            self._study.tell(trial.number, state=TrialState.FAIL)

    def _life_path(self, worker: str) -> Path:
        return self.folder / WORKERS / f"{worker}.lock"

    def _is_alive(self, worker: str | None) -> bool:
        """Return whether a process still holds its lock; one without a name died before it could write it."""
        if worker is None:
            return False
        if worker == self._worker:
            return self._life.is_locked
        try:
            with FileLock(self._life_path(worker), timeout=0):
                return False
        except Timeout:
            return True


def made_with(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of the study that a folder holds, if it can be read."""
    path = folder / FILE
    if not path.is_file():
        return
    with suppress(SQLAlchemyError, RuntimeError, ValueError, LookupError, TypeError):
        storage = _storage(path)
        try:
            made = optuna.load_study(study_name=NAME, storage=storage).user_attrs["settings"]
            yield made["device"], made["precision"]
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _storage(path: Path) -> RDBStorage:
    return RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": WAIT_SECONDS}})


def settings(objective: Objective) -> dict[str, Any]:
    """Return the settings that a study must keep, as JSON values."""
    search = [each.described() for each in objective.dimensions]
    values: dict[str, Any] = to_values(objective.settings())
    return {**values, "search": to_values(search)}


def parameters(trial: FrozenTrial) -> dict[str, Value]:
    """Return the values of a trial, even of one that is still queued."""
    waiting: Mapping[str, Value] = trial.system_attrs.get("fixed_params", {})
    return {**waiting, **trial.params}


def median_pruner() -> optuna.pruners.BasePruner:
    """Return the rule that ends a trial whose curve is above the median of the others' at that step.

    It needs nothing but curves of equal length, which all trials have under one budget: successive halving
    would need many more trials than a laptop makes in an hour, Wilcoxon's test pairs of problems. The first
    three tenths of the budget say little, since the learning rate has just risen.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=30, n_min_trials=3)
