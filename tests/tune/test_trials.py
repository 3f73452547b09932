"""Processes share a study without losing or repeating a trial, even if one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from helpers.studies import Toy, bowl, curve, run
from textgen.training.progress import Report
from textgen.tune.attempts import MAX_ATTEMPTS
from textgen.tune.run import run_study
from textgen.tune.study import DONE, Study, parameters
from textgen.tune.trials import Goal

SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from helpers.studies import Toy
from textgen.tune.trials import Goal, Study, search

def slow(params, report):
    print(sorted(params.items()), flush=True)
    time.sleep({seconds})
    return params["rate"]

with Study(Path({folder!r}), Toy(slow)) as study:
    search(study, Goal({num_trials}, None))
"""


DYING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from helpers.studies import Toy, curve
from textgen.tune.trials import Goal, Study, search

left = {num_reports}

def dying(params, report):
    def follow(step):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        report(step)
    return curve(params, follow)

with Study(Path({folder!r}), Toy(dying), num_random=4) as study:
    search(study, Goal(16, None))
"""


def start(folder: Path, num_trials: int, seconds: float) -> subprocess.Popen[str]:
    code = SCRIPT.format(
        here=str(Path(__file__).parent.parent), folder=str(folder), num_trials=num_trials, seconds=seconds
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, encoding="utf-8")


def kill_in_mid_trial(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_study_resumes_without_repeating_a_finished_trial(tmp_path: Path) -> None:
    finished = run(tmp_path, Toy(), 3)
    kill_in_mid_trial(start(tmp_path, 6, seconds=600))
    with Study(tmp_path, Toy()) as study:
        assert [trial.state for trial in study.trials()][3:] == [TrialState.RUNNING]
        assert study.num_done() == 3
        killed = parameters(study.trials()[3])
    objective = Toy()
    trials = run(tmp_path, objective, 6)
    assert objective.calls[0] == killed
    assert len(objective.calls) == 3
    done = [tuple(trial.params.values()) for trial in trials if trial.state in DONE]
    assert len(done) == len(set(done)) == 6
    assert [trial.values for trial in trials[:3]] == [trial.values for trial in finished]
    assert trials[3].state == TrialState.FAIL


def test_a_trial_that_kills_its_process_is_not_retried_forever(tmp_path: Path) -> None:
    for _ in range(MAX_ATTEMPTS):
        kill_in_mid_trial(start(tmp_path, 1, seconds=600))
    objective = Toy()
    trials = run(tmp_path, objective, 2)
    (call,) = objective.calls
    assert call != {"rate": 0.5, "size": 4}
    (given_up, _) = [trial for trial in trials if trial.state in DONE]
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
        result = run_study(study, Goal(1, None), num_jobs=num_jobs)
    assert result.best is None
    failed = [trial.reason for trial in result.trials if trial.state == "failed"]
    assert failed == ["it ended its process 5 times"]


def test_two_processes_share_a_study(tmp_path: Path) -> None:
    processes = [start(tmp_path, 8, seconds=0.3) for _ in range(2)]
    outputs = [process.communicate()[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(outputs[0]) + len(outputs[1]) == 8
    assert len({*outputs[0], *outputs[1]}) == 8
    with Study(tmp_path, Toy()) as study:
        assert [trial.state for trial in study.trials()] == [TrialState.COMPLETE] * 8


def test_a_process_waits_for_the_last_trial_of_another_that_is_killed(tmp_path: Path) -> None:
    doomed = start(tmp_path, 1, seconds=600)
    assert doomed.stdout is not None
    assert doomed.stdout.readline()
    with Study(tmp_path, Toy()) as study:
        assert study.claim(1) == "wait"
    helper = start(tmp_path, 1, seconds=0)
    doomed.kill()
    doomed.communicate()
    assert helper.communicate()[0].splitlines() == ["[('rate', 0.5), ('size', 4)]"]
    with Study(tmp_path, Toy()) as study:
        assert study.claim(1) == "done"


def test_kills_change_neither_what_is_tried_nor_what_comes_out(tmp_path: Path) -> None:
    """Neither the seeds nor the sampler nor the pruner sees an attempt that was killed."""

    def outcomes(trials: list[Any]) -> list[Any]:
        done = [trial for trial in trials if trial.state in DONE]
        return [(trial.state, trial.params, trial.values, trial.intermediate_values) for trial in done]

    whole = run(tmp_path / "whole", Toy(curve), 16, num_random=4)
    assert {trial.state for trial in whole} == set(DONE)
    folder = tmp_path / "killed"
    here = str(Path(__file__).parent.parent)
    for num_reports in (0, 0, 25, 19, 42):
        code = DYING.format(here=here, folder=str(folder), num_reports=num_reports)
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    trials = run(folder, Toy(curve), 16, num_random=4)
    assert sum(trial.state == TrialState.FAIL for trial in trials) == 5
    assert outcomes(trials) == outcomes(whole)
    assert [path.name for path in folder.iterdir()] == ["study.db"]
