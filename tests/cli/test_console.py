"""Tables on a terminal: nothing is dropped, and no control character gets through."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from textgen.cli.console import print_rows, printable


def test_a_table_on_a_terminal_folds_and_drops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    rows: list[dict[str, Any]] = [
        {"name": "name", "value": "[bold]" + "x" * 100},
        {"name": "n", "value": 7},
    ]
    print_rows(rows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(lines).count("x") == 100
    assert "[bold]" in "".join(lines)


def test_control_characters_never_reach_a_terminal() -> None:
    assert printable("a\x1b[2J\x9b2J\x07\r\x7fé\t\n😀") == "a\ufffd[2J\ufffd2J\ufffd\ufffd\ufffdé\t\n😀"
