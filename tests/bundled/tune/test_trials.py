"""Processes share a study without losing or repeating a trial, even if one is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from helpers.studies import Toy, bowl, curve, run
from textgen.jobs.backends import LocalBackend
from textgen.training.progress import Report, Step
from textgen.workers.process import METHOD
from textgen_tune.run_study import run_study
from textgen_tune.study import COUNTED, MAX_ATTEMPTS, Study, parameters
from textgen_tune.objective import Goal


def slow(params: Mapping[str, Any], report: Report, said: Connection, seconds: float) -> float:  # noqa: ARG001
    said.send(sorted(params.items()))
    time.sleep(seconds)
    return float(params["rate"])


def search_slowly(said: Connection, folder: Path, num_trials: int, seconds: float) -> None:
    run(folder, Toy(partial(slow, said=said, seconds=seconds)), num_trials)


def search_until_killed(said: Connection, folder: Path, num_reports: int) -> None:  # noqa: ARG001
    """Search by curves, and end this process when they have reported this many times."""
    left = iter(range(num_reports))

    def dying(params: Mapping[str, Any], report: Report) -> float:
        def follow(step: Step) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            report(step)

        return curve(params, follow)

    run(folder, Toy(dying), 16, num_random=4)


class Started:
    """Another process, forked from one that has imported what it needs, with what it says."""

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        context: Any = get_context(METHOD)
        self.said, its_end = context.Pipe(duplex=False)
        self.process = context.Process(target=function, args=(its_end, *arguments))
        self.process.start()
        its_end.close()

    def end(self) -> list[Any]:
        """Wait until it ends, and return what else it said."""
        rest = []
        with suppress(EOFError):
            while True:
                rest.append(self.said.recv())
        self.process.join()
        return rest


def kill_in_mid_trial(folder: Path, num_trials: int) -> None:
    started = Started(search_slowly, folder, num_trials, 600)
    started.said.recv()
    started.process.kill()
    started.end()
    assert started.process.exitcode == -signal.SIGKILL


def test_a_killed_study_resumes_without_repeating_a_finished_trial(tmp_path: Path) -> None:
    finished = run(tmp_path, Toy(), 3)
    kill_in_mid_trial(tmp_path, 6)
    with Study(tmp_path, Toy()) as study:
        assert [trial.state for trial in study.trials()][3:] == [TrialState.RUNNING]
        assert study.num_done() == 3
        killed = parameters(study.trials()[3])
    objective = Toy()
    trials = run(tmp_path, objective, 6)
    assert objective.calls[0] == killed
    assert len(objective.calls) == 3
    done = [tuple(trial.params.values()) for trial in trials if trial.state in COUNTED]
    assert len(done) == len(set(done)) == 6
    assert [trial.values for trial in trials[:3]] == [trial.values for trial in finished]
    assert trials[3].state == TrialState.FAIL


@pytest.mark.long
def test_a_trial_that_kills_its_process_is_not_retried_forever(tmp_path: Path) -> None:
    for _ in range(MAX_ATTEMPTS):
        kill_in_mid_trial(tmp_path, 1)
    objective = Toy()
    trials = run(tmp_path, objective, 2)
    (call,) = objective.calls
    assert call != {"rate": 0.5, "size": 4}
    (given_up, _) = [trial for trial in trials if trial.state in COUNTED]
    assert given_up.user_attrs["reason"] == "it ended its process 5 times"


def crashes_when_large(params: Mapping[str, Any], report: Report) -> float:
    if params["size"] > 6:
        os.kill(os.getpid(), signal.SIGSEGV)
    return bowl(params, report)


def test_a_trial_that_crashes_its_process_does_not_end_the_study(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(crashes_when_large)) as study:
        result = run_study(study, Goal(4, None))
    states = [trial.state for trial in result.trials if trial.state != "killed"]
    assert len(states) == 4
    assert "complete" in states
    assert result.best is not None
    assert result.best.params["size"] <= 6


def crashes(*_: object) -> float:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0.0


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_a_study_of_nothing_but_crashes_ends(tmp_path: Path, num_jobs: int) -> None:
    with Study(tmp_path, Toy(crashes)) as study:
        result = run_study(study, Goal(1, None), backend=LocalBackend(num_jobs))
    assert result.best is None
    failed = [trial.reason for trial in result.trials if trial.state == "failed"]
    assert failed == ["it ended its process 5 times"]


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    both = [Started(search_slowly, tmp_path, 8, 0.3) for _ in range(2)]
    tried = [str(params) for each in both for params in each.end()]
    assert [each.process.exitcode for each in both] == [0, 0]
    assert len(tried) == len(set(tried)) == 8
    with Study(tmp_path, Toy()) as study:
        assert [trial.state for trial in study.trials()] == [TrialState.COMPLETE] * 8


@pytest.mark.long
def test_a_process_waits_for_the_last_trial_of_another_that_is_killed(tmp_path: Path) -> None:
    doomed = Started(search_slowly, tmp_path, 1, 600)
    doomed.said.recv()
    with Study(tmp_path, Toy()) as study:
        assert study.claim(1) == "wait"
    helper = Started(search_slowly, tmp_path, 1, 0)
    doomed.process.kill()
    assert helper.end() == [[("rate", 0.5), ("size", 4)]]
    with Study(tmp_path, Toy()) as study:
        assert study.claim(1) == "done"


@pytest.mark.long
def test_kills_change_neither_what_is_tried_nor_what_comes_out(tmp_path: Path) -> None:
    """Neither the seeds nor the sampler nor the pruner sees an attempt that was killed."""

    def outcomes(trials: list[Any]) -> list[Any]:
        done = [trial for trial in trials if trial.state in COUNTED]
        return [(trial.state, trial.params, trial.values, trial.intermediate_values) for trial in done]

    whole = run(tmp_path / "whole", Toy(curve), 16, num_random=4)
    assert {trial.state for trial in whole} == set(COUNTED)
    folder = tmp_path / "killed"
    for num_reports in (0, 0, 25, 19, 42):
        doomed = Started(search_until_killed, folder, num_reports)
        doomed.end()
        assert doomed.process.exitcode == -signal.SIGKILL
    trials = run(folder, Toy(curve), 16, num_random=4)
    assert sum(trial.state == TrialState.FAIL for trial in trials) == 5
    assert outcomes(trials) == outcomes(whole)
    assert [path.name for path in folder.iterdir()] == ["study.db"]
