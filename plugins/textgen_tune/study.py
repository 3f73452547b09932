"""A study on disk: one SQLite file, in Optuna's own format, which survives a kill at any time."""

from __future__ import annotations

import errno
import signal
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgen.contracts import TextgenError
from textgen.runtime.process_setup import interrupts_to
from textgen.runtime.storage.json_records import to_values
from textgen_tune.objective import Objective
from textgen_tune.result import Dimension, Value
from textgen_tune.study_kind import DATABASE

NAME = "tune"
"""Name of the study in the file."""
NUM_RANDOM = 10
"""Trials that are drawn at random before the estimator starts."""
MAX_DRAWS = 30
"""Times that the estimator is asked for a combination that was not tried."""
MIN_TRIALS = 3
"""Trials with different values that importances need; fewer say nothing."""
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials that count. A trial that fails is pruned, with its reason, so that the sampler learns
from it; `FAIL` is for those that were interrupted or drawn twice."""


class Study:
    """The trials in a folder, and the choice of the next one; a context that closes its file."""

    def __init__(self, folder: Path, objective: Objective) -> None:
        """Open the study, or create it with the default as its first trial.

        Trials that were interrupted are queued again. Raises `TextgenError` if the folder holds a study that
        was made with other settings.
        """
        self.folder, self.objective = folder, objective
        settings = objective.settings()
        self._seed = settings.seed
        wanted = {**to_values(settings), "search": to_values(objective.dimensions)}
        with _writing():
            self.optuna, self._storage = _opened(folder / DATABASE)
            made = self.optuna.user_attrs.get("settings", wanted)
            self.optuna.set_user_attr("settings", made)
            for key, value in wanted.items():
                if made.get(key) != value:
                    self.close()
                    remedy = f"add --precision {made[key]}, or " if key == "precision" else ""
                    raise TextgenError(
                        f"{str(folder)!r} holds a study that differs in its {key}; "
                        f"{remedy}choose another folder (--out)"
                    )
            if not self.trials():
                self.optuna.enqueue_trial({each.option: each.start for each in objective.dimensions})
            self.requeue()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def ask(self) -> tuple[Trial, dict[str, Value]] | None:
        """Start a trial, and return it with its values; None if no new combination is found."""
        searched = self.objective.dimensions
        distributions = {each.option: _distribution(each) for each in searched}
        with _writing():
            tried = [self.params(trial) for trial in self.counted()]
            for _ in range(MAX_DRAWS):
                # Seeded again for each, so that a study that was stopped continues as if it had not been.
                number = np.random.SeedSequence([self._seed, len(self.trials())])
                self.optuna.sampler = _sampler(int(number.generate_state(1)[0]))
                trial = self.optuna.ask(distributions)
                if (params := self.params(trial)) not in tried:
                    return trial, params
                self.optuna.tell(trial, state=TrialState.FAIL)
        return None

    def params(self, trial: Trial | FrozenTrial) -> dict[str, Value]:
        """Return the values of a trial as they are tried and printed, rounded."""
        return {each.option: each.rounded(trial.params[each.option]) for each in self.objective.dimensions}

    def report(self, trial: Trial, percent: int, value: float) -> bool:
        """Report a validation score after a percentage of the budget; return whether to prune the trial."""
        with _writing():
            trial.report(value, percent)
            return trial.should_prune()

    def tell(self, trial: Trial, value: float | None, **about: object) -> None:
        """Save the outcome: a value, or None for a trial that was pruned or, with a `reason`, failed."""
        with _writing():
            for name, content in about.items():
                if content is not None:
                    trial.set_user_attr(name, to_values(content))
            self.optuna.tell(trial, value, TrialState.PRUNED if value is None else TrialState.COMPLETE)

    def requeue(self) -> None:
        """Queue the trials again that were interrupted."""
        with _writing():
            for trial in self.trials():
                if trial.state == TrialState.RUNNING:
                    self.optuna.enqueue_trial(trial.params)
                    self.optuna.tell(trial.number, state=TrialState.FAIL)

    def trials(self) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False)

    def counted(self) -> list[FrozenTrial]:
        """Return the trials that are over."""
        return [trial for trial in self.trials() if trial.state in COUNTED]

    def num_begun(self) -> int:
        """Return the number of trials that are over or under way."""
        return sum(trial.state in (*COUNTED, TrialState.RUNNING) for trial in self.trials())

    def best(self) -> FrozenTrial | None:
        """Return the best complete trial, the first of equals."""
        complete = [trial for trial in self.trials() if trial.state == TrialState.COMPLETE]
        return min(complete, key=lambda trial: trial.values[0], default=None)

    def importances(self) -> dict[str, float]:
        """Return the share of each option in the variance of the values (fANOVA, Hutter et al. 2014).

        Fewer than `MIN_TRIALS` complete trials with different values have none.
        """
        values = {trial.values[0] for trial in self.trials() if trial.state == TrialState.COMPLETE}
        if len(values) < MIN_TRIALS:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        shares = optuna.importance.get_param_importances(self.optuna, evaluator=evaluator)
        return {name: float(share) for name, share in shares.items()}


def _sampler(seed: int) -> TPESampler:
    """Return TPE (Bergstra et al. 2011; multivariate as in Falkner et al. 2018).

    Trials that run in other processes count as bad meanwhile (the constant liar).
    """
    with warnings.catch_warnings():  # both have been "experimental" for years
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(n_startup_trials=NUM_RANDOM, multivariate=True, constant_liar=True, seed=seed)


def _distribution(dimension: Dimension) -> BaseDistribution:
    """Return the distribution that Optuna draws from; draws are rounded afterwards."""
    low: Any = dimension.low
    high: Any = dimension.high
    if dimension.values is not None:
        return CategoricalDistribution(dimension.values)
    kind = IntDistribution if isinstance(low, int) else FloatDistribution
    return kind(low, high, log=dimension.log)


def made_before(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of the study that a folder holds, if it can be read."""
    if (folder / DATABASE).exists():
        with suppress(TextgenError, LookupError):
            study, storage = _opened(folder / DATABASE)
            made = study.user_attrs.get("settings", {})
            storage.engine.dispose()
            yield made["device"], made["precision"]


def _opened(path: Path) -> tuple[optuna.Study, RDBStorage]:
    """Return the study in a file, which is made if need be; raises `TextgenError` if it cannot be read.

    A trial whose curve is above the median of the others' at that step is pruned, which needs nothing but
    curves of equal length. The first three tenths of a budget say little: the learning rate has just risen.
    """
    # The path, which may contain `?` and `{`, is kept out of the address.
    connect = partial(sqlite3.connect, path, check_same_thread=False)
    pruner = MedianPruner(n_startup_trials=5, n_warmup_steps=30, n_min_trials=3)
    try:
        storage = RDBStorage(f"sqlite:///{DATABASE}", engine_kwargs={"creator": connect})
        study = optuna.create_study(study_name=NAME, storage=storage, pruner=pruner, load_if_exists=True)
    except (SQLAlchemyError, RuntimeError, ValueError, LookupError) as error:
        if isinstance(getattr(error, "orig", None), sqlite3.OperationalError):
            raise  # such as a full disk
        reason = str(error).partition("\n")[0]
        raise TextgenError(
            f"cannot read the study {str(path)!r}: {reason}; choose another folder (--out)"
        ) from None
    return study, storage


@contextmanager
def _writing() -> Iterator[None]:
    """Let Optuna write its file: a Ctrl-C takes effect afterwards, and successes are not logged.

    An exception in the middle of the database's own cleaning up may be lost there, and the interrupt with it.
    Raises `OSError` if the file cannot be written, as on a full disk.
    """
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    pending: list[int] = []
    try:
        with interrupts_to(lambda number, _: pending.append(number)) as before, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Fixed parameter", UserWarning)  # a default between two steps
            yield
    except (SQLAlchemyError, StorageInternalError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        reason = getattr(cause, "orig", None) or cause or error
        raise OSError(errno.EIO, str(reason).partition("\n")[0]) from error
    finally:
        optuna.logging.set_verbosity(verbosity)
    if pending and callable(before):
        before(signal.SIGINT, None)
