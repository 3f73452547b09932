"""A study on disk: one SQLite file, which survives a kill at any time and can be shared by processes.

Optuna's storage keeps the trials; SQLite applies a transaction completely or not at all. What Optuna lacks
is done here under a lock of the operating system, which a process loses when it dies, however it dies:
counting the trials before a new one starts, and returning those whose process is gone. SQLite was chosen
over Optuna's journal, which a line half written by a killed process makes unreadable. Locks were chosen over
its heartbeats and its retry: those beat only in `optimize`, not for a trial that is asked for and computed
elsewhere, notice a death only after a while, and count an attempt that got further as one that did not.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.contracts import TextgenError
from textgen.experiment.run_lock import partial_folder
from textgen.jobs.kept import made_with
from textgen.runtime.storage.files import NotSavedError, make_folder
from textgen.runtime.storage.json_records import to_values
from textgen.runtime.storage.result_folders import RUN_FILE, is_held
from textgen_tuning.interrupts import interrupts_deferred
from textgen_tuning.objectives import Objective
from textgen_tuning.result import Value
from textgen_tuning.search_space import NUM_RANDOM, RoundedTPE, median_pruner, num_combinations
from textgen_tuning.study_kind import DATABASE, TRAINED, TRIALS

NAME = "tune"
"""Name of the study in the file."""
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials that count. A trial that fails is pruned, with its reason, so that the sampler learns
from it. `FAIL` is for those whose process was killed, which are as if they had not been."""
MAX_ATTEMPTS = 5
"""A trial that crashed this many processes in a row, none of which got further, counts as failed."""
FILE_WAIT_SECONDS = 60.0
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
        self.folder = folder
        self._workers = Workers(folder)
        try:
            with self._workers.lock:
                self._open(folder / DATABASE, with_default)
                self._discard_finished()
        except BaseException:
            self._workers.end()
            raise

    def _open(self, path: Path, with_default: bool) -> None:
        search = [each.described() for each in self.objective.dimensions]
        wanted = {**to_values(self.objective.settings()), "search": to_values(search)}
        if not path.exists():
            self._create(path, wanted, with_default)
        self.optuna, self._storage = _loaded(path)
        """The study as importances and plots read it, and its file."""
        there = self.optuna.user_attrs.get("settings", {})
        for key, value in wanted.items():
            if there.get(key) != value:
                _disconnect(self._storage)
                remedy = f"add --precision {there.get(key)}, or " if key == "precision" else ""
                raise TextgenError(
                    f"{str(path.parent)!r} holds a study with another {key}; "
                    f"{remedy}choose another folder (--out)"
                )

    def _create(self, path: Path, wanted: Mapping[str, Any], with_default: bool) -> None:
        """Make the file, under another name until it is complete, since a process may be killed meanwhile."""
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        try:
            with _writing():
                storage = _storage(new)
                study = optuna.create_study(study_name=NAME, storage=storage)
                if with_default:
                    study.enqueue_trial({each.name: each.start for each in self.objective.dimensions})
                study.set_user_attr("settings", wanted)
            _disconnect(storage)
            new.rename(path)
        except OSError as error:
            for left in path.parent.glob(f"{new.name}*"):
                left.unlink()
            raise NotSavedError(path.parent, error, None) from error

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *error: object) -> None:
        _disconnect(self._storage)
        self._workers.end()

    def claim(self, num_trials: int | None) -> Trial | Literal["done", "wait"]:
        """Start a trial, unless there are `num_trials` already or no combination is left.

        Returns `wait` while other processes run the last trials, since those may still fail.
        """
        with interrupts_deferred(), self._workers.lock, _writing():
            self._give_back()
            trials = self.trials()
            num_done = sum(trial.state in COUNTED for trial in trials)
            num_running = sum(trial.state == TrialState.RUNNING for trial in trials)
            most = num_combinations(self.objective.dimensions)
            most = most if num_trials is None else min(num_trials, most)
            if num_done + num_running >= most:
                return "wait" if num_done < most else "done"
            tried = [parameters(trial) for trial in trials if trial.state != TrialState.FAIL]
            # Seeded again for each trial, so that a study that was stopped continues as if it had not been.
            number = num_done + num_running
            seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
            self.optuna.sampler = RoundedTPE(self.objective.dimensions, tried, seed, self._num_random)
            trial = self.optuna.ask({each.name: each.distribution() for each in self.objective.dimensions})
            trial.set_user_attr("worker", self._workers.name)
            return trial

    def lose(self, trial: Trial) -> None:
        """Return a trial whose process has ended, so that it is tried again; or end it, if too many have."""
        with interrupts_deferred(), self._workers.lock, _writing():
            self._return(self.trials()[trial.number])

    def finish(self, trial: Trial, value: float | None, **about: object) -> None:
        """Save the outcome: a value, or None for a trial that was pruned or, with a `reason`, failed."""
        with interrupts_deferred(), _writing():
            for name, content in about.items():
                if content is not None:
                    trial.set_user_attr(name, to_values(content))
            self.optuna.tell(trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)
            self._discard_finished()

    def report(self, trial: Trial, curve: Mapping[int, float]) -> bool:
        """Report validation scores by percentages; return whether the trial is to be pruned."""
        with interrupts_deferred(), _writing():
            for percent, value in curve.items():
                trial.report(value, percent)
            return bool(curve) and trial.should_prune()

    def unfinished(self, params: Mapping[str, Value]) -> Path:
        """Return the path beside which a trial keeps its checkpoints."""
        key = json.dumps(params, sort_keys=True)
        return self.folder / TRIALS / hashlib.sha256(key.encode()).hexdigest()[:16]

    def _discard_finished(self) -> None:
        """Remove the checkpoints of trials that are over."""
        partials = set((self.folder / TRIALS).glob("*"))
        for trial in self.trials():
            if trial.state in (TrialState.RUNNING, TrialState.WAITING):
                partials.discard(partial_folder(self.unfinished(parameters(trial))))
        for folder in partials:
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # there are others, or none
            (self.folder / TRIALS).rmdir()

    def trials(self) -> list[FrozenTrial]:
        """Return all trials in their current state."""
        return self.optuna.get_trials(deepcopy=False)

    def num_done(self) -> int:
        """Return the number of trials that count."""
        return sum(trial.state in COUNTED for trial in self.trials())

    def best(self) -> FrozenTrial | None:
        """Return the best complete trial, the first of equals."""
        complete = [trial for trial in self.trials() if trial.state == TrialState.COMPLETE]
        return min(complete, key=lambda trial: trial.values[0], default=None)

    def interrupt(self) -> None:
        """Queue the trial of this process, and those whose process is gone, for the next time."""
        self._workers.life.release()  # so that it counts as dead
        with self._workers.lock, _writing():
            self._give_back()

    def _give_back(self) -> None:
        for trial in self.trials():
            is_alive = self._workers.is_alive(trial.user_attrs.get("worker"))
            if trial.state == TrialState.RUNNING and not is_alive:
                self._return(trial)

    def _return(self, trial: FrozenTrial) -> None:
        """Queue a trial whose process is gone, unless it waits already or has taken too many down."""
        params, earlier = parameters(trial), carried(trial)
        curve = earlier | trial.intermediate_values
        attempt = 1 if len(curve) > len(earlier) else trial.user_attrs.get("attempt", 1) + 1
        if attempt > MAX_ATTEMPTS:
            reason = f"it ended its process {MAX_ATTEMPTS} times"
            self._storage.set_trial_user_attr(trial._trial_id, "reason", reason)
            self.optuna.tell(trial.number, state=TrialState.PRUNED)
            return
        # It may wait already, if the process that queued it was killed before the last line.
        waiting = [parameters(each) for each in self.trials() if each.state == TrialState.WAITING]
        if len(params) == len(self.objective.dimensions) and params not in waiting:
            self.optuna.enqueue_trial(params, user_attrs={"attempt": attempt, "curve": curve})
        self.optuna.tell(trial.number, state=TrialState.FAIL)


@contextmanager
def _writing() -> Iterator[None]:
    """Let Optuna log no successes; raises `OSError` if the file cannot be written, as on a full disk."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = getattr(cause, "orig", None) or cause or error
        raise OSError(errno.EIO, str(reason).partition("\n")[0]) from error
    finally:
        optuna.logging.set_verbosity(verbosity)


def made_before(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of what the folder of a study holds, if it can be read."""
    yield from made_with(folder, f"{TRAINED}/{RUN_FILE}")
    if (folder / DATABASE).exists():
        with suppress(TextgenError, LookupError, TypeError):
            study, storage = _loaded(folder / DATABASE)
            made = study.user_attrs.get("settings", {})  # those of a sampler lack both
            _disconnect(storage)
            yield made["device"], made["precision"]


def _loaded(path: Path) -> tuple[optuna.Study, RDBStorage]:
    """Return the study in a file, and its storage; raises `TextgenError` if it cannot be read."""
    try:
        storage = _storage(path)
        return optuna.load_study(study_name=NAME, storage=storage, pruner=median_pruner()), storage
    except (SQLAlchemyError, RuntimeError, ValueError, LookupError) as error:
        reason = str(error).partition("\n")[0]
        raise TextgenError(
            f"cannot read the study {str(path)!r}: {reason}; choose another folder (--out)"
        ) from None


def _storage(path: Path) -> RDBStorage:
    """Return the storage in a file; its path, which may contain `?` and `{`, is kept out of the address."""
    connect = partial(sqlite3.connect, path, timeout=FILE_WAIT_SECONDS, check_same_thread=False)
    return RDBStorage(f"sqlite:///{DATABASE}", engine_kwargs={"creator": connect})


def _disconnect(storage: RDBStorage) -> None:
    storage.remove_session()
    storage.engine.dispose()


def parameters(trial: FrozenTrial) -> dict[str, Value]:
    """Return the values of a trial, even of one that is still queued."""
    waiting: Mapping[str, Value] = trial.system_attrs.get("fixed_params", {})
    return {**waiting, **trial.params}


def carried(trial: Trial | FrozenTrial) -> dict[int, float]:
    """Return what earlier attempts at a trial have reported: the score by percentage of the budget."""
    return {int(percent): value for percent, value in sorted(trial.user_attrs.get("curve", {}).items())}


class Workers:
    """This process among those that search in the study of a folder; it is one of them until `end`."""

    def __init__(self, folder: Path) -> None:
        """Join the others; what killed ones left is removed."""
        self._folder, self.name = folder / "workers", uuid.uuid4().hex
        self.lock = FileLock(self._folder / "study.lock")
        """Held while one of them changes the study."""
        self.life = FileLock(self._path(self.name))
        while not self.life.is_locked:
            make_folder(self._folder)
            with suppress(FileNotFoundError):  # the last process has just removed the folder
                self.life.acquire()
        with self.lock:
            self._others()

    def is_alive(self, name: str | None) -> bool:
        """Return whether a process lives; one without a name died before it could write it."""
        if name is None:
            return False
        return self.life.is_locked if name == self.name else is_held(self._path(name))

    def end(self) -> None:
        """Leave the others; the last one leaves no file."""
        with self.lock:
            self._path(self.name).unlink(missing_ok=True)
            self.life.release()
            if not self._others():
                Path(self.lock.lock_file).unlink(missing_ok=True)
        with suppress(OSError):  # there are others
            self._folder.rmdir()

    def _others(self) -> list[Path]:
        """Return the locks of other processes; those of killed ones are removed."""
        mine = {self.lock.lock_file, self.life.lock_file}
        return [path for path in self._folder.glob("*.lock") if str(path) not in mine and is_held(path)]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"
