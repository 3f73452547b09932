"""Progress is drawn on a terminal, and nothing of it is in what is piped."""

from __future__ import annotations

import re

import pytest

from textgen.cli.progress import ProgressDisplay
from textgen.training.progress import Progress

HALF = Progress(0.5, 2.0, 10, 1.0, 4000, 2.125, None)


def show(entries: list[str]) -> None:
    with ProgressDisplay() as display:
        for entry in entries:
            display(entry, None)
            display(entry, HALF)


def test_a_terminal_shows_what_is_done_how_well_and_how_fast(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    show(["char-lstm", "[bold]"])
    printed = capsys.readouterr()
    assert printed.out == ""
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.err)
    for entry in ("char-lstm", "[bold]"):
        assert re.search(rf"{re.escape(entry)} .*2\.125 bits/char  2,000 chars/s", shown)


def test_nothing_is_shown_when_stderr_is_piped(capsys: pytest.CaptureFixture[str]) -> None:
    show(["char-lstm"])
    assert capsys.readouterr() == ("", "")
