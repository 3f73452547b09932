"""What is drawn on a terminal is complete."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from textgen.cli.console import print_rows
from textgen.runtime.output import visible


def test_a_table_on_a_terminal_folds_and_drops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    rows: list[dict[str, Any]] = [{"name": "name", "value": "[bold]" + "x" * 100}, {"name": "n", "value": 7}]
    print_rows(rows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(lines).count("x") == 100
    assert "[bold]" in "".join(lines)


def test_the_marks_of_arabic_and_hebrew_text_stay() -> None:
    assert visible("\u200e\u200f\u061c\t\n") == "\u200e\u200f\u061c\t\n"
