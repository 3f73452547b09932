"""What a suite keeps of its jobs: results that cannot be read are made again, and the machine is theirs."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.records import edit_record
from helpers.suites import remarks
from textgen.contracts import TextgenError, TextgenWarning
from textgen.experiment.run_lock import partial_folder
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import Outcome
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.requests import TextOptions
from textgen.runtime import environment
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import read_record
from textgen_suites.planner import CaseRun, JobPlanner, SuiteOptions
from textgen_suites.request import SuiteRequest
from textgen_suites.result import JobResult, SuiteResult
from textgen_suites.run_suite import run_suite
from textgen_suites.schema import Case, Question, Suite

OPTIONS = SuiteOptions(
    request=SuiteRequest(name="tiny", text=TextOptions("lee", max_chars=20_000)),
    device_config=DeviceConfig(torch.device("cpu"), "fp32"),
)
DIVERGING = "char-lstm:num_layers=1,batch_size=4,learning_rate=1e30"


def suite(*cases: Case) -> Suite:
    return Suite(
        title="Tiny", budget="3000chars", seeds=1, questions=(Question(name="q", text="?", cases=cases),)
    )


CHANCE, NGRAM = Case(label="chance", entry="char-uniform"), Case(label="n-gram", entry="char-ngram")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a suite that was measured."""
    folder = tmp_path_factory.mktemp("kept")
    run_suite(suite(CHANCE, NGRAM), OPTIONS, folder)
    return folder


@pytest.fixture
def other_threads() -> Iterator[int]:
    """A number of threads of this process that differs from the share of a job."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_the_threads_are_those_of_the_jobs(
    num_jobs: int, tmp_path: Path, other_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "usable_cores", lambda: 2)
    result = run_suite(suite(CHANCE, NGRAM), replace(OPTIONS, backend=LocalBackend(num_jobs)), tmp_path)
    jobs = [read_record(JobResult, path) for path in (tmp_path / "jobs").iterdir()]
    assert [job.result.machine.num_threads for job in jobs] == [other_threads if num_jobs == 1 else 1] * 2
    assert result.machine == jobs[0].result.machine
    at_once = (
        "1 thread for each of 2 runs at a time; torch" if num_jobs == 2 else f"{other_threads} threads; torch"
    )
    assert at_once in to_markdown(document(result))
    assert torch.get_num_threads() == other_threads
    again = run_suite(suite(CHANCE, NGRAM), replace(OPTIONS, backend=LocalBackend(num_jobs)), tmp_path)
    assert again.machine == result.machine


def fewer_samples(values: Any) -> None:
    (written,) = values["samples"].values()
    for each in written["pseudovalues"].values():
        each.pop()


def shorter_units(values: Any) -> None:
    units = values["result"]["test"]["units"]
    units["bits"].pop()
    units["num_chars"].pop()


def test_a_damaged_result_is_named_and_made_again(kept: Path, tmp_path: Path) -> None:
    first = read_record(SuiteResult, shutil.copytree(kept, tmp_path, dirs_exist_ok=True) / "suite.json")
    damaged, intact = sorted((tmp_path / "jobs").iterdir())
    before = intact.stat().st_mtime_ns
    damaged.write_bytes(damaged.read_bytes()[:100])
    said: list[str] = []
    with pytest.warns(TextgenWarning, match=rf"^'{damaged}' cannot be read: .*; it is measured again$"):
        again = run_suite(suite(CHANCE, NGRAM), OPTIONS, tmp_path, remarks(said))
    assert "2 runs, of which 1 are done" in said[0]
    assert [case.bits_per_char for case in again.questions[0].cases] == [
        case.bits_per_char for case in first.questions[0].cases
    ]
    assert read_record(JobResult, damaged)
    assert intact.stat().st_mtime_ns == before


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> CaseRun:
    """One whose result is kept, in a copy of that folder."""
    folder = shutil.copytree(kept, tmp_path / "copy")
    return JobPlanner(suite(CHANCE, NGRAM), OPTIONS, folder).run(NGRAM, 0)


def test_a_result_is_kept_and_read_again(run: CaseRun) -> None:
    with warnings.catch_warnings(action="error"):
        result = run.kept()
    assert result is not None
    run.file.unlink()
    partial_folder(run.file).mkdir()
    assert run.kept() is None
    assert run.keep(result) == result
    assert not partial_folder(run.file).exists()
    assert run.kept() == result


def changed_number(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 0.2}))


def another(path: Path) -> None:
    (other,) = set(path.parent.iterdir()) - {path}
    shutil.copy(other, path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_text(""), ""),
        (lambda path: path.write_text("{"), "cannot be read: "),
        (lambda path: path.write_text('{"seconds": 0.2}'), ""),
        (lambda path: path.write_text("[]"), ""),
        (changed_number, ""),
        (lambda path: edit_record(path, fewer_samples), "cannot be used: its samples are others"),
        (
            lambda path: edit_record(path, shorter_units),
            "cannot be used: its test score is that of another text",
        ),
        (another, "cannot be used: it is the result of another run"),
    ],
)
def test_a_result_that_cannot_be_used_is_named(
    damage: Callable[[Path], object], reason: str, run: CaseRun
) -> None:
    damage(run.file)
    with pytest.warns(TextgenWarning, match=rf"^'{run.file}' {reason}.*; it is measured again$"):
        assert run.kept() is None


def test_a_result_that_is_not_json_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_infinity(run: CaseRun, outcome: Outcome[JobResult], _: str) -> JobResult:
        assert outcome.result is not None
        infinite = run.case == CHANCE
        return replace(outcome.result, seconds=float("inf")) if infinite else outcome.result

    monkeypatch.setattr(sys.modules[run_suite.__module__], "_received", with_infinity)
    result = run_suite(suite(CHANCE, NGRAM), OPTIONS, tmp_path)
    assert result.failures.keys() == {"chance (seed 0)"}
    assert result.failures["chance (seed 0)"].startswith("its result cannot be kept: ")
    assert [case.label for case in result.questions[0].cases] == ["n-gram"]


def test_failures_of_cases_with_one_label_are_told_apart(tmp_path: Path) -> None:
    questions = [
        Question(
            name=name, text="?", cases=(Case(label="wild", entry=f"{DIVERGING},sequence_length={size}"),)
        )
        for name, size in (("narrow", 16), ("wide", 32))
    ]
    wild = Suite(title="Tiny", budget="3000chars", seeds=1, questions=tuple(questions))
    with pytest.raises(TextgenError, match=r"^every case failed; the first one: "):
        run_suite(wild, OPTIONS, tmp_path)
    kept = (tmp_path / "suite.json").read_text("utf-8")
    assert '"narrow: wild (seed 0)"' in kept
    assert '"wide: wild (seed 0)"' in kept
