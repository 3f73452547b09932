"""What is drawn on a terminal, complete and without control characters, is Markdown when piped."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.markdown import Markdown
from rich.style import Style
from rich.table import Table
from rich.text import Text

from helpers.reports import entry, result
from textgen.cli.console import print_rows, show
from textgen.library.console import VisibleConsole
from textgen.library.presentation import document
from textgen.results.comparison import Comparison
from textgen.runtime.output import visible
from textgen.runtime.storage.json_records import from_values


def draw_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stdout, which is captured, be a terminal of 40 columns."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")


def test_a_table_on_a_terminal_folds_and_drops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_on_a_terminal(monkeypatch)
    rows: list[dict[str, Any]] = [{"name": "name", "value": "[bold]" + "x" * 100}, {"name": "n", "value": 7}]
    print_rows(rows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(lines).count("x") == 100
    assert "[bold]" in "".join(lines)


def test_a_terminal_shows_the_answer_first_and_last_and_the_rest_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_on_a_terminal(monkeypatch)
    compared = from_values(Comparison, result(entry("a", 2.0), entry("b", 2.1)))
    (tmp_path / "report.html").write_text("")
    show(compared, document, as_json=False, full=False, folder=tmp_path)
    brief = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert brief[0].startswith("a predicts the test text best")
    assert brief[-3].startswith("a predicts the test text best")
    assert brief[-2] == f"report: {tmp_path}/report.html"
    assert brief[-1].startswith("next: a still falls, by ")
    assert not any(line.startswith("Where the bits go ─") for line in brief)
    show(compared, document, as_json=False, folder=tmp_path)
    assert "Where the bits go ─" in re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def test_what_is_drawn_is_neither_markup_nor_a_link_and_cannot_steer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_on_a_terminal(monkeypatch)
    text = "\x1b[5m\u202e[red]x[/red]"
    table = Table(text, title=text)
    table.add_row(text)
    console = VisibleConsole()
    console.print(text, Text(text, Style(link="http://a")), table, Markdown(f"[{text}](http://a)"))
    drawn = capsys.readouterr().out
    assert re.search("\x1b(?!\\[)|\x1b\\[5m|\u202e", drawn) is None
    lines = re.sub(r"\x1b\[[0-9;]*m", "", drawn).splitlines()
    shown = r"\u001b[5m\u202e[red]x[/red]"
    assert sum(shown in line for line in lines) == 5
    assert len({len(line) for line in lines if "│" in line or "┃" in line}) == 1


def test_the_marks_of_arabic_and_hebrew_text_stay() -> None:
    assert visible("\u200e\u200f\u061c\t\n") == "\u200e\u200f\u061c\t\n"
