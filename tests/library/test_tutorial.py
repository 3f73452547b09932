"""The tutorial: its cells run one after the other, and results are shown as tables."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import forget_plugin_files
from helpers.pages import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
CELLS: list[dict[str, Any]] = json.loads(TUTORIAL.read_text("utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
PROSE = "".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run a cell; return the value of the expression at its end, if it has one that is shown."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "tutorial.ipynb", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), "tutorial.ipynb", "eval"), names)
    return None if code.rstrip().endswith(";") else value


@pytest.mark.long
def test_the_cells_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = [run_cell(code.replace("00kchars", "0kchars"), names) for code in CODE]
    forget_plugin_files()
    assert [type(value).__name__ for value in shown if hasattr(value, "_repr_html_")] == [
        "Corpus",
        "Comparison",
        "Comparison",
    ]
    for comparison in (names["comparison"], names["own"]):
        assert [row.error for row in comparison.entries] == [None] * len(comparison.entries)
    assert "The weather" in capsys.readouterr().out
    names["run"].plot().figure.canvas.draw()


def test_the_model_of_its_own_beats_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = (code for code in CODE if "bigram.py" in code)
    (first,) = (code for code in CODE if code.startswith("import textgen"))
    names: dict[str, Any] = {}
    for each in (first, code.partition("own = ")[0]):
        run_cell(each, names)
    budget = re.findall(r'budget="(.+?)"', code)[0]
    run = names["textgen"].train("char-bigram", names["corpus"], budget=budget, out=tmp_path / "run")
    forget_plugin_files()
    assert run.result.chance_bits_per_char == pytest.approx(6.229, abs=1e-3)
    assert run.result.chance_remark is None


def test_outputs_are_left_out() -> None:
    assert [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")] == []


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PROSE)
    assert links
    assert [link for link in links if not (TUTORIAL.parent / link).exists()] == []
