"""The runner of jobs: results, failures, crashes and stops, in this process and in others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.this_process import ThisProcess
from textgen.contracts import TextgenError
from textgen.experiment.run_lock import partial_folder
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.jobs.runner import Outcome, PlanProgress, run_jobs
from textgen.training.progress import DONE, FAILED, Report, Step

BACKENDS: list[Backend] = [ThisProcess(), LocalBackend()]


@dataclass(frozen=True)
class Answer:
    text: str
    process: int

    @property
    def outcome(self) -> str:
        return f"said {self.text}"


@dataclass(frozen=True)
class Do:
    what: str
    folder: Path | None = None
    plugin_files: Sequence[Path] = ()

    @property
    def title(self) -> str:
        return self.what

    def compute(self, report: Report) -> Any:
        report(Step("beginning", self.what))
        return DEEDS[self.what](report)


def answer(report: Report) -> Answer:
    report(Step("answering"))
    return Answer("yes", os.getpid())


def fail(_: Report) -> Answer:
    raise TextgenError("it cannot be done")


def crash(_: Report) -> Answer:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def go_on(report: Report) -> Answer:
    for number in range(10_000):
        report(Step(f"step {number}"))
        time.sleep(0.01)
    raise AssertionError("nobody stopped it")


def odd(_: Report) -> object:
    return {"neither": "an answer"}


DEEDS: dict[str, Callable[[Report], object]] = {
    "answer": answer, "fail": fail, "crash": crash, "go on": go_on, "odd": odd
}  # fmt: skip


def outcomes(backend: Backend, *whats: str, **options: Any) -> dict[str, Outcome[Answer]]:
    return {job.what: each for job, each in run_jobs(map(Do, whats), Answer, backend, **options)}


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: type(backend).__name__)
def test_each_job_has_a_result_or_a_reason(backend: Backend) -> None:
    heard: list[tuple[str, str]] = []
    made = outcomes(
        backend, "answer", "fail", "odd", on_step=lambda job, step: heard.append((job.what, step.state))
    )
    result = made["answer"].result
    assert result is not None
    assert result.text == "yes"
    assert (result.process == os.getpid()) is isinstance(backend, ThisProcess)
    assert made["fail"] == Outcome(failure="it cannot be done")
    assert made["odd"].failure.startswith("its result cannot be kept: ")
    assert not any(each.was_killed or each.was_stopped for each in made.values())
    assert heard == [
        ("answer", "beginning"),
        ("answer", "answering"),
        ("fail", "beginning"),
        ("odd", "beginning"),
    ]


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: type(backend).__name__)
def test_a_job_can_be_stopped_by_what_it_says(backend: Backend) -> None:
    made = outcomes(backend, "go on", "answer", on_step=lambda job, step: step.state == "step 0")
    assert (made["go on"].was_stopped, made["go on"].was_killed) == (True, False)
    assert made["answer"].result is not None


def test_what_an_attempt_leaves_is_discarded(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    job = Do("crash", folder)
    (partial_folder(folder) / "model").mkdir(parents=True)
    (tmp_path / f".run.textgen-{2**22 + 1}-x").mkdir()
    ((_, outcome),) = run_jobs([job], Answer, LocalBackend())
    assert outcome.was_killed
    assert not partial_folder(folder).exists()  # there was no checkpoint to go on from
    (partial_folder(folder) / "model").mkdir(parents=True)
    (partial_folder(folder) / "model" / "checkpoint-1").touch()
    list(run_jobs([job], Answer, LocalBackend()))
    assert (partial_folder(folder) / "model" / "checkpoint-1").exists()


def run_plan(progress: PlanProgress[Do]) -> list[tuple[Do, Outcome[Answer]]]:
    made = []
    for job, outcome in run_jobs(progress.starting(), Answer, ThisProcess(), on_step=progress.heard):
        progress.ended(job, outcome)
        made.append((job, outcome))
    return made


def test_a_plan_reports_each_job() -> None:
    steps: list[Step] = []
    plan = [Do("answer"), Do("fail")]
    made = run_plan(PlanProgress(plan, steps.append))
    assert [outcome.failure for _, outcome in made] == ["", "it cannot be done"]
    starts = [step for step in steps if step.state == "starting"]
    assert [(step.entry, step.index, step.total) for step in starts] == [("answer", 1, 2), ("fail", 2, 2)]
    ends = [(step.state, step.outcome) for step in steps if step.state in (DONE, FAILED)]
    assert ends == [(DONE, "said yes"), (FAILED, "it cannot be done")]


def test_without_a_name_this_machine_computes() -> None:
    with open_backend(None, 3) as backend:
        assert (type(backend), backend.num_slots) == (LocalBackend, 3)
    for options in ({"cpus_per_job": 2.0}, {"gpus_per_job": 1.0}):
        with pytest.raises(TextgenError, match="have no effect without on"), open_backend(None, 1, **options):
            pass
    with pytest.raises(TextgenError, match="jobs has no effect with on"), open_backend("ray", 2):
        pass
