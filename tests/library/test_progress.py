"""Progress on one line: silent unless it is wanted, a log where nothing can be redrawn."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import textgen
from helpers.commands import TINY
from textgen.library.progress import ProgressLine
from textgen.training.progress import Progress

QUICK = {"corpus": "lee", "max_chars": 8000, "budget": "2000chars", "device": "cpu", "precision": "fp32"}


def test_a_log_has_a_line_for_each_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps: list[str] = []
    textgen.bench(
        [TINY, "random"],
        out=tmp_path / "out",
        length=20,
        progress=True,
        report=lambda step, progress: steps.append(step),
        **QUICK,
    )
    printed = capsys.readouterr()
    assert printed.out == ""
    *lines, last = printed.err.splitlines()
    new = [step for before, step in pairwise(["", *steps]) if step != before]
    assert len(lines) == len(new)
    assert all(map(str.startswith, lines, new))
    assert any(line.startswith(f"{TINY}: ") and "chars/s" in line for line in lines)
    assert last.startswith("ended after ")


def test_nothing_is_shown_unless_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    textgen.train(TINY, out=tmp_path / "run", **QUICK)
    assert capsys.readouterr() == ("", "")


def test_the_line_ends_when_training_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(textgen.TextgenError):
        textgen.train(TINY, out=tmp_path / "run", progress=True, **{**QUICK, "corpus": "leee"})
    assert capsys.readouterr().err.startswith("ended after ")
    assert list(tmp_path.iterdir()) == []


def test_the_line_has_the_share_the_validation_score_and_the_speed() -> None:
    shown: list[tuple[str, bool]] = []
    line = ProgressLine(lambda text, is_new: shown.append((text, is_new)))
    line("reading the corpus", None)
    line("char-lstm", Progress(0.5, 2.0, 10, 1.0, 4000, 2.125, 2.25))
    line("random", Progress(1.5, 2.0, 10, 1.0, 4000, 2.125))
    assert shown == [
        ("reading the corpus", True),
        ("char-lstm: 50%, validation 2.250 bits/char, 2,000 chars/s", True),
        ("random: 100%, 2,000 chars/s", True),
    ]
