"""What is drawn on a terminal, complete and without control characters, is Markdown when piped."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.markdown import Markdown
from rich.style import Style
from rich.table import Table
from rich.text import Text

from helpers.reports import entry, result
from textgen.cli.console import print_rows
from textgen.cli.show import show
from textgen.library.console import VisibleConsole
from textgen.library.presentation import document
from textgen.reports.document import Code, Report, Section, lines
from textgen.reports.terminal import render
from textgen.results.comparison import Comparison
from textgen.runtime.output import visible
from textgen.runtime.storage.json_records import from_values

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
Drawn = Callable[[], str]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Drawn:
    """Let stdout, which is captured, be a terminal of 40 columns; return what is drawn there."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    return lambda: capsys.readouterr().out


def test_a_table_on_a_terminal_folds_and_drops_nothing(drawn: Drawn) -> None:
    print_rows([{"name": "name", "value": "[bold]" + "x" * 100}, {"name": "n", "value": 7}])
    lines = COLOURS.sub("", drawn()).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(lines).count("x") == 100
    assert "[bold]" in "".join(lines)


def test_a_terminal_shows_the_answer_first_and_last_and_the_rest_on_request(
    tmp_path: Path, drawn: Drawn
) -> None:
    compared = from_values(Comparison, result(entry("a", 2.0), entry("b", 2.1)))
    (tmp_path / "report.html").write_text("")
    show(compared, document, as_json=False, full=False, folder=tmp_path)
    brief = COLOURS.sub("", drawn()).splitlines()
    assert brief[0].startswith("a predicts the test text best")
    assert re.fullmatch(
        r"a is better than b by 0\.100 bits per character \(95 % interval 0\.\d+ to 0\.\d+\)", brief[-3]
    )
    assert brief[-2] == f"report: {tmp_path}/report.html"
    assert brief[-1].startswith("next: a still falls, by ")
    assert not any(line.startswith("Where the bits go ─") for line in brief)
    show(compared, document, as_json=False, folder=tmp_path)
    full = COLOURS.sub("", drawn())
    assert "Where the bits go ─" in full
    assert "# Comparison on wiki" not in full
    assert "**" not in full


def test_code_to_paste_is_never_broken(drawn: Drawn) -> None:
    code = "char-lstm:num_layers=1,hidden_size=64,dropout=0,tie_weights=false,batch_size=16"
    best = Section("best", "The best", [Code(code), lines(["Of 2 trials."])])
    report = Report(kind="study", result=None, title="Tuned", answer="It is better.", sections=[best])
    render(report, VisibleConsole())
    shown = COLOURS.sub("", drawn())
    assert f"\n{code}\n" in shown
    assert shown.startswith("It is better.")


def test_what_is_drawn_is_neither_markup_nor_a_link_and_cannot_steer(drawn: Drawn) -> None:
    text = "\x1b[5m\u202e[red]x[/red]"
    table = Table(text, title=text)
    table.add_row(text)
    VisibleConsole().print(text, Text(text, Style(link="http://a")), table, Markdown(f"[{text}](http://a)"))
    seen = drawn()
    assert re.search("\x1b(?!\\[)|\x1b\\[5m|\u202e", seen) is None
    lines = COLOURS.sub("", seen).splitlines()
    shown = r"\u001b[5m\u202e[red]x[/red]"
    assert sum(shown in line for line in lines) == 5
    assert len({len(line) for line in lines if "│" in line or "┃" in line}) == 1


def test_the_marks_of_arabic_and_hebrew_text_stay() -> None:
    escaped = r"a\u001b\u009b\u0007\u000d\u007f" + "é\t\n😀" + r"\u2067"
    assert visible("a\x1b\x9b\x07\r\x7fé\t\n😀\u2067") == escaped
    assert visible("\u200e\u200f\u061c") == "\u200e\u200f\u061c"
