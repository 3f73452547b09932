"""A ladder reuses the runs that its folder holds, and entries and budgets can be added to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.commands import TINY
from helpers.this_process import compute_here
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record
from textgen.training.progress import Step

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
BRIEF = textgen.SampleOptions(sampler="greedy", length=20)
Bench = Callable[..., Any]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_references")]


@pytest.fixture(scope="module", autouse=True)
def _here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        compute_here(patch)
        yield


@pytest.fixture(scope="module")
def bench() -> Bench:
    corpus = textgen.load_corpus("lee", max_chars=8000)

    def compare(entries: list[str], budget: str, out: Path, **options: Any) -> Any:
        return textgen.bench(entries, corpus, budget=budget, out=out, samples=BRIEF, cluster=CPU, **options)

    return compare


@pytest.fixture(scope="module")
def folder(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder of two budgets."""
    out = tmp_path_factory.mktemp("ladder") / "out"
    bench([TINY, "random"], "600chars,1200chars", out)
    return out


def runs_in(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("run.json")}


def test_each_budget_has_a_comparison_in_its_folder(folder: Path) -> None:
    files = {"600chars", "1200chars", "ladder.json", "report.html", "report.md"}
    assert {path.name for path in folder.iterdir()} == files
    for budget in ("600chars", "1200chars"):
        result = read_record(Comparison, folder / budget / "bench.json")
        assert result.budget == budget
        assert {row.name for row in result.runs} == {TINY, "random"}
        assert (folder / budget / "report.html").exists()
    assert len(runs_in(folder)) == 4
    assert textgen.report(folder) == folder / "report.html"


def test_a_budget_is_added_and_what_is_there_is_reused(bench: Bench, folder: Path) -> None:
    before, steps = runs_in(folder), list[Step]()
    result = bench([], "1200chars,2400chars", folder, report=steps.append)
    assert result.budgets == ("600chars", "1200chars", "2400chars")
    after = runs_in(folder)
    assert before.items() <= after.items()
    assert len(after) == 6
    assert all(rung.num_updates for rung in result.rungs if rung.entry == TINY)
    assert any(step.remark.startswith("reusing 4 of 6 runs") for step in steps)
    assert {step.total for step in steps if step.entry} == {6}
    assert f"{TINY}, 2400chars" in {step.entry for step in steps}


@pytest.mark.parametrize(
    ("budget", "problem"),
    [
        ("60s", r"at one of its budgets \(600chars, .*, or add the budget with --budget 600chars,60s$"),
        ("10s,20s", r"holds a comparison of 600chars, .*; give budgets in the same unit, or choose another"),
    ],
)
def test_a_budget_that_does_not_fit_is_refused(bench: Bench, folder: Path, budget: str, problem: str) -> None:
    before = runs_in(folder)
    with pytest.raises(textgen.TextgenError, match=problem):
        bench(["random"], budget, folder)
    assert runs_in(folder) == before
    assert not (folder / "runs").exists()


def test_a_comparison_under_one_budget_does_not_become_a_ladder(bench: Bench, tmp_path: Path) -> None:
    bench(["random"], "600chars", tmp_path)
    before = runs_in(tmp_path)
    with pytest.raises(
        textgen.TextgenError, match=r"holds a comparison under one budget; choose another fol"
    ):
        bench(["random"], "600chars,1200chars", tmp_path)
    assert runs_in(tmp_path) == before


def test_a_run_of_another_text_is_refused_and_leaves_no_folder(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    other = textgen.load_corpus("lee", max_chars=9000)
    with pytest.raises(textgen.TextgenError, match="differs in its corpus"):
        textgen.bench([TINY], other, budget="600chars,900chars", out=folder, samples=BRIEF, cluster=CPU)
    assert {path.name for path in folder.iterdir()} == before
