"""Studies: what they try, what comes out, and how a stopped one resumes."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from helpers.studies import RATE, SIZE, Toy, bowl, run
from helpers.this_process import ThisProcess
from textgen.contracts import TextgenError
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.runtime.storage.json_records import to_json
from textgen.training.progress import Progress, Report, Step
from textgen_tune.run_study import run_study
from textgen_tune.search_space import ONLY_RANDOM, Dimension
from textgen_tune.study import COUNTED, Study
from textgen_tune.objective import Goal, search

pytestmark = pytest.mark.slow


def progress(fraction: float, bits: float | None) -> Step:
    return Step("training", progress=Progress(fraction, 1.0, 1, 1.0, 100, 5.0, bits))


# --- what is tried


def test_the_default_comes_first_and_nothing_twice(tmp_path: Path) -> None:
    objective = Toy()
    trials = run(tmp_path, objective, 30)
    assert [trial.params for trial in trials] == objective.calls
    assert objective.calls[0] == {"rate": 0.5, "size": 4}
    assert len({tuple(call.values()) for call in objective.calls}) == 30
    assert all(call["rate"] in RATE.grid and call["size"] in SIZE.grid for call in objective.calls)
    assert min(trial.values[0] for trial in trials) < 0.2 * trials[0].values[0]


def test_optuna_logs_no_successes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)  # its default, which a notebook has
    logging.getLogger("optuna").addHandler(caplog.handler)
    run(tmp_path, Toy(), 2)
    logging.getLogger("optuna").removeHandler(caplog.handler)
    assert caplog.records == []
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


@pytest.mark.long
def test_the_estimator_learns_what_chance_does_not(tmp_path: Path) -> None:
    """The second half of the trials lies nearer to the optimum than random ones do."""

    def late(folder: str, **options: Any) -> float:
        trials = run(tmp_path / folder, Toy(), 40, **options)[20:]
        return sum(trial.values[0] for trial in trials) / len(trials)

    assert late("tpe") < 0.5 * late("random", num_random=ONLY_RANDOM)


def test_a_small_space_is_searched_completely(tmp_path: Path) -> None:
    kind = Dimension("size", (1, 2, 3), 1, is_range=False)
    objective = Toy(lambda params, report: float(params["size"]), (kind,))
    run(tmp_path, objective, 50)
    assert sorted(call["size"] for call in objective.calls) == [1, 2, 3]


def test_a_goal_in_the_past_starts_no_trial(tmp_path: Path) -> None:
    objective = Toy()
    with Study(tmp_path, objective) as study:
        search(study, Goal(None, time.time() - 1), ThisProcess())
    assert objective.calls == []


# --- what comes out


def fails_when_large(params: Mapping[str, Any], report: Report) -> float:
    if params["size"] > 4:
        raise TextgenError("training diverged")
    if params["size"] == 1:
        raise SystemExit(3)
    return bowl(params, report)


def rate_alone(params: Mapping[str, Any], _: Report) -> float:
    return float(params["rate"])


def test_a_trial_that_fails_says_why_and_the_study_continues(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(fails_when_large)) as study:
        result = run_study(study, Goal(15, None))
    states = {trial.state for trial in result.trials}
    assert states == {"complete", "failed"}
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert {trial.reason for trial in failed if trial.params["size"] > 4} == {"training diverged"}
    assert len(result.trials) == 15
    shown = to_markdown(document(result))
    assert "training diverged" in shown
    assert "On test it is better by 0.5000 value (0.2500 to 0.7500), with one seed; it is " in shown
    assert result.best is not None
    assert result.best.params["size"] <= 4


def test_a_hopeless_curve_is_pruned(tmp_path: Path) -> None:
    def curve(params: Mapping[str, Any], report: Report) -> float:
        for step in range(1, 11):
            report(progress(step / 10 - 0.05, None))
            report(progress(step / 10 + 0.003, params["rate"] + 1 / step))
        return float(params["rate"])

    trials = run(tmp_path, Toy(curve), 25)
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert pruned
    assert set(complete[0].intermediate_values) == set(range(10, 101, 10))
    assert min(min(trial.intermediate_values) for trial in pruned) == 10
    assert all(len(trial.intermediate_values) < 10 for trial in pruned)
    assert all(len(trial.intermediate_values) >= 3 for trial in pruned)
    best = min(trial.params["rate"] for trial in complete)
    assert all(trial.params["rate"] > best for trial in pruned)


@pytest.mark.long
def test_importances_name_what_matters(tmp_path: Path) -> None:
    objective = Toy(rate_alone)
    with Study(tmp_path, objective) as study:
        early = run_study(study, Goal(2, None))
        result = run_study(study, Goal(20, None))
    assert early.importances == {}
    assert "Share of each option" in (tmp_path / "report.html").read_text("utf-8")
    assert result.importances["rate"] > 0.9
    assert sum(result.importances.values()) == pytest.approx(1)
    assert json.loads(to_json(result))["importances"] == result.importances


# --- resuming


@pytest.mark.parametrize("name", ["u?mode=memory&cache=shared", "a#b %41{c} ü"])
def test_a_study_is_in_its_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    for num_trials in (1, 2):
        assert len(run(tmp_path / name, Toy(), num_trials)) == num_trials
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [name, f"{name}/study.db"]


def test_a_stopped_study_resumes_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, first, second = Toy(), Toy(), Toy()
    run(tmp_path / "whole", whole, 24)
    run(tmp_path / "parts", first, 13)
    trials = run(tmp_path / "parts", second, 24)
    assert first.calls + second.calls == whole.calls
    assert len(trials) == 24
    run(tmp_path / "parts", second, 20)
    assert len(second.calls) == 11


@pytest.mark.parametrize(
    ("other", "key"), [(Toy(seed=1), "seed"), (Toy(dimensions=(RATE,)), "search")], ids=["seed", "search"]
)
def test_a_study_with_other_settings_is_refused(other: Toy, key: str, tmp_path: Path) -> None:
    run(tmp_path, Toy(), 1)
    with pytest.raises(TextgenError, match=f"holds a study with another {key}; choose another folder"):
        Study(tmp_path, other)


def test_a_file_that_is_not_a_study_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database " * 100)
    with pytest.raises(TextgenError, match=r"cannot read the study .*; choose another folder") as caught:
        Study(tmp_path, Toy())
    assert "\n" not in str(caught.value)


def test_an_interrupted_trial_waits_for_the_next_time(tmp_path: Path) -> None:
    def interrupt(step: Step) -> None:
        if step.entry == "trial 3 of 5":
            raise KeyboardInterrupt

    with Study(tmp_path, Toy()) as study, pytest.raises(KeyboardInterrupt):
        run_study(study, Goal(5, None), report=interrupt)
    result = json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert [trial["state"] for trial in result["trials"]] == ["complete", "complete", "killed", "waiting"]
    again = Toy()
    trials = run(tmp_path, again, 5)
    assert again.calls[0] == result["trials"][2]["params"]
    assert sum(trial.state in COUNTED for trial in trials) == 5
