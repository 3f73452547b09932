"""What identifies a run of a case, and so its measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from textgen.jobs.backends import LocalBackend
from textgen.requests import TextOptions
from textgen.runtime import environment
from textgen.runtime.device import DeviceConfig
from textgen_suites.planner import JobPlanner, SuiteOptions
from textgen_suites.request import SuiteRequest
from textgen_suites.schema import Case, Question, Suite

OPTIONS = SuiteOptions(
    request=SuiteRequest(name="?", text=TextOptions("lee", max_chars=20_000)),
    device_config=DeviceConfig(torch.device("cpu"), "fp32"),
)
CASE = Case(label="a", entry="char-lstm:num_layers=1,hidden_size=16,batch_size=4,num_validations=2")


def key(case: Case = CASE, budget: str = "3000chars", seed: int = 0, num_jobs: int = 1) -> str:
    """Return the name of the file with the result of a case."""
    suite = Suite(title="?", budget=budget, questions=(Question(name="q", text="?", cases=(case,)),))
    planner = JobPlanner(suite, replace(OPTIONS, backend=LocalBackend(num_jobs)), Path())
    return planner.run(case, seed).file.name


def test_a_measurement_is_known_by_all_that_decides_it() -> None:
    assert key() == key(CASE.model_copy(update={"label": "another name"}))
    others = [
        key(seed=1),
        key(budget="4000chars"),
        key(CASE.model_copy(update={"train_share": 50.0})),
        key(CASE.model_copy(update={"entry": f"{CASE.entry},dropout=0.5"})),
        key(CASE.model_copy(update={"samplers": ("greedy",)})),
    ]
    assert len({key(), *others}) == 6


def test_a_timed_measurement_is_known_by_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(num_cores: float, limit: int = 64) -> tuple[str, str]:
        monkeypatch.setattr("textgen.jobs.backends.usable_cores", lambda: num_cores)
        monkeypatch.setattr(environment, "usable_cores", lambda: num_cores)
        monkeypatch.setattr(torch, "get_num_threads", lambda: limit)
        return key(budget="5s"), key()

    shares = [keys(2), keys(64), keys(1.5), keys(0.5), keys(64, limit=2)]
    assert len({timed for timed, _ in shares}) == 5
    assert len({counted for _, counted in shares}) == 1
    assert key(budget="5s", num_jobs=2) != key(budget="5s")
