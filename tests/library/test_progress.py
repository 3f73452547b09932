"""Progress on one line: silent unless it is wanted, a log where nothing can be redrawn."""

from __future__ import annotations

from pathlib import Path

import pytest

import textgen
from helpers.commands import TINY
from textgen.library.progress import ProgressLine
from textgen.training.progress import Progress, Step

QUICK = {"corpus": "lee", "max_chars": 8000, "budget": "2000chars", "device": "cpu", "precision": "fp32"}


def test_a_log_has_a_line_for_each_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps: list[Step] = []
    textgen.bench(
        [TINY, "random"],
        out=tmp_path / "out",
        length=20,
        progress=True,
        report=steps.append,
        **QUICK,
    )
    printed = capsys.readouterr()
    assert printed.out == ""
    *lines, last = printed.err.splitlines()
    states = dict.fromkeys((step.entry, step.state) for step in steps)
    assert len(lines) == len(states)
    assert all(
        line.startswith(entry) and state in line for line, (entry, state) in zip(lines, states, strict=True)
    )
    assert any(line.startswith(f"{TINY} (1 of 2): done, test ") for line in lines)
    assert last.startswith("ended after ")


def test_nothing_is_shown_unless_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    textgen.train(TINY, out=tmp_path / "run", **QUICK)
    assert capsys.readouterr() == ("", "")


def test_the_line_ends_when_training_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(textgen.TextgenError):
        textgen.train(TINY, out=tmp_path / "run", progress=True, **{**QUICK, "corpus": "leee"})
    assert capsys.readouterr().err.splitlines()[-1].startswith("ended after ")
    assert list(tmp_path.iterdir()) == []


def test_the_line_has_the_share_the_validation_score_and_the_speed() -> None:
    shown: list[tuple[str, bool]] = []
    line = ProgressLine(lambda text, is_new: shown.append((text, is_new)))
    line(Step("reading the text"))
    line(Step("training", "char-lstm", Progress(0.5, 2.0, 10, 1.0, 4000, 2.125, 2.25), index=1, total=2))
    line(Step("starting", "random"))
    line(Step("training", "random", Progress(1.5, 2.0, 10, 1.0, 4000, 2.125)))
    assert shown == [
        ("reading the text", True),
        ("char-lstm (1 of 2): training 50%, validation 2.250 bits/char, 2,000 chars/s", True),
        ("random: starting", True),
        ("random: training 100%, 2,000 chars/s", True),
    ]
