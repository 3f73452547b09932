"""Studies: what they try, what comes out, how a stopped one resumes, and their report."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from helpers.studies import RATE, SIZE, Toy, bowl, curve, run
from helpers.this_process import ThisProcess
from textgen.contracts import TextgenError
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen.runtime.storage.json_records import to_json
from textgen.training.progress import Report, Step
from textgen_tune.report import study_verdict
from textgen_tune.result import Dimension
from textgen_tune.run_study import Goal, run_study
from textgen_tune.study import Study

# --- what is tried


def test_the_default_comes_first_and_nothing_twice(tmp_path: Path) -> None:
    objective = Toy()
    trials = run(tmp_path, objective, 20)
    assert objective.calls[0] == {"rate": 0.5, "size": 4}
    assert len({tuple(call.values()) for call in objective.calls}) == len(trials) == 20
    assert all(call["rate"] == float(f"{call['rate']:.2g}") for call in objective.calls)
    assert min(trial.values[0] for trial in trials) < 0.5 * trials[0].values[0]


def test_optuna_logs_no_successes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)  # its default, which a notebook has
    logging.getLogger("optuna").addHandler(caplog.handler)
    run(tmp_path, Toy(), 2)
    logging.getLogger("optuna").removeHandler(caplog.handler)
    assert caplog.records == []
    assert optuna.logging.get_verbosity() == optuna.logging.INFO


def test_a_small_space_is_searched_completely(tmp_path: Path) -> None:
    size = Dimension(option="size", values=(1, 2, 3), default=1)
    objective = Toy(lambda params, report: float(params["size"]), (size,))
    run(tmp_path, objective, 50)
    assert sorted(call["size"] for call in objective.calls) == [1, 2, 3]


# --- what comes out


def fate(params: Mapping[str, Any]) -> str:
    """What becomes of a trial, so that a few of them meet everything; the default is complete."""
    return ("fails", "crashes", "is complete")[round(100 * params["rate"]) % 3]


def fails_or_crashes(params: Mapping[str, Any], report: Report) -> float:
    if fate(params) == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if fate(params) == "fails":
        raise TextgenError("training <b>diverged</b>")
    return bowl(params, report) + 10 * (params["rate"] == RATE.default)


def test_a_trial_that_fails_or_crashes_says_why_and_the_study_continues(tmp_path: Path) -> None:
    kind = Dimension(option="kind", values=("plain", "fancy"), default="plain")
    with Study(tmp_path, Toy(fails_or_crashes, (RATE, SIZE, kind))) as study:
        result = run_study(study, Goal(9))
    reasons: dict[str, list[str]] = {"fails": [], "crashes": []}
    for trial in result.trials:
        if trial.state == "failed":
            reasons[fate(trial.params)].append(str(trial.reason))
    assert set(reasons["fails"]) == {"training <b>diverged</b>"}
    assert reasons["crashes"]
    assert all("process" in reason for reason in reasons["crashes"])
    assert len(result.trials) == 9
    assert result.best is not None
    assert fate(result.best.params) == "is complete"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page == to_html(document(result))
    assert "training &lt;b&gt;diverged" in page
    assert f'<pre tabindex="0">{result.best.name}</pre>' in page
    assert page.partition('<section id="trials"')[2].partition("</section>")[0].count("<tr>") == 1 + 9
    verdict = study_verdict(result)
    number = sum(trial.state == "complete" for trial in result.trials)
    assert verdict.startswith("On test, the tuned entry is better by 0.5000 bits per character (0.2500")
    assert verdict.endswith(f"; it is the best of {number} trials.")
    assert "was not compared with the default" in study_verdict(replace(result, comparison=None))


def crashes(*_: object) -> float:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0.0


def test_a_study_of_nothing_but_crashes_ends(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(crashes)) as study:
        result = run_study(study, Goal(2))
    assert result.best is None
    assert [trial.state for trial in result.trials] == ["failed", "failed"]
    assert "No trial completed" in to_html(document(result))


def test_a_hopeless_curve_is_pruned(tmp_path: Path) -> None:
    trials = run(tmp_path, Toy(curve), 18)
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert pruned
    assert set(complete[0].intermediate_values) == set(range(10, 101, 10))
    assert all(3 <= len(trial.intermediate_values) < 10 for trial in pruned)
    best = min(trial.params["rate"] for trial in complete)
    assert all(trial.params["rate"] > best for trial in pruned)


@pytest.mark.slow
def test_importances_name_what_matters(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(lambda params, report: float(params["rate"]))) as study:
        assert run_study(study, Goal(2), ThisProcess()).importances == {}
        result = run_study(study, Goal(20), ThisProcess())
    assert "importance" in (tmp_path / "report.html").read_text("utf-8")
    assert result.importances["rate"] > 0.9
    assert sum(result.importances.values()) == pytest.approx(1)
    assert json.loads(to_json(result))["importances"] == result.importances


# --- resuming


def test_a_stopped_study_resumes_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, first, second = Toy(), Toy(), Toy()
    run(tmp_path / "whole", whole, 14)
    run(tmp_path / "parts", first, 8)
    assert len(run(tmp_path / "parts", second, 14)) == 14
    assert first.calls + second.calls == whole.calls
    run(tmp_path / "parts", second, 12)
    assert len(second.calls) == 6


def test_a_killed_study_resumes_with_the_trial_that_was_killed(tmp_path: Path) -> None:
    finished = run(tmp_path, Toy(), 3)
    with Study(tmp_path, Toy()) as study:
        asked = study.ask()  # and never told: its process is gone
    assert asked is not None
    objective = Toy()
    trials = run(tmp_path, objective, 6)
    assert objective.calls[0] == asked[1]
    assert len(objective.calls) == 3
    assert [trial.values for trial in trials[:3]] == [trial.values for trial in finished]


def test_an_interrupted_trial_waits_for_the_next_time(tmp_path: Path) -> None:
    def interrupt(step: Step) -> None:
        if step.entry == "trial 3 of 5":
            raise KeyboardInterrupt

    with Study(tmp_path, Toy()) as study, pytest.raises(KeyboardInterrupt):
        run_study(study, Goal(5), report=interrupt)
    result = json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert [trial["state"] for trial in result["trials"]] == ["complete", "complete"]
    assert len(run(tmp_path, Toy(), 5)) == 5


def test_a_file_that_is_not_a_study_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no database " * 100)
    with pytest.raises(TextgenError, match=r"cannot read the study .*; choose another folder") as caught:
        Study(tmp_path, Toy())
    assert "\n" not in str(caught.value)
