"""Progress of functions: silent unless it is wanted, a log where nothing can be redrawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.commands import PROGRESS, TINY
from textgen import Step
from textgen.library.progress import ProgressDisplay

QUICK: dict[str, Any] = {
    "corpus": textgen.TextOptions("lee", max_chars=8000),
    "budget": "2000chars",
    "cluster": textgen.ClusterOptions(device="cpu", precision="fp32"),
}
SHORT = textgen.SampleOptions(sampler="greedy", length=20)

pytestmark = pytest.mark.usefixtures("no_references")


def test_a_log_has_a_line_for_each_step_of_an_entry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, shown_by = list[Step](), ProgressDisplay.__call__

    def show(display: ProgressDisplay, step: Step) -> None:
        steps.append(step)
        shown_by(display, step)

    monkeypatch.setattr(ProgressDisplay, "__call__", show)
    textgen.bench([TINY, "random"], out=tmp_path / "out", samples=SHORT, report=True, **QUICK)
    printed = capsys.readouterr()
    assert printed.out == ""
    about, *lines = printed.err.splitlines()
    assert about.endswith(" for 2 entries")
    assert all(PROGRESS.fullmatch(line) for line in lines)
    states = dict.fromkeys((step.entry, step.state) for step in steps if step.state != "starting")
    shown = [state for entry, state in states if entry]
    assert [line.partition(": ")[2].partition(",")[0] for line in lines if " of 2)" in line] == shown
    assert any(f"{TINY} (1 of 2): done, test " in line for line in lines)


def test_the_first_step_says_where_results_are(tmp_path: Path) -> None:
    steps: list[Step] = []
    textgen.bench("random", out=tmp_path / "bench", samples=SHORT, report=steps.append, **QUICK)
    run = textgen.train("random", out=tmp_path / "run", report=steps.append, **QUICK)
    assert [step.folder for step in steps if step.folder] == [tmp_path / "bench", run.folder]
    assert steps[0].folder == tmp_path / "bench"
