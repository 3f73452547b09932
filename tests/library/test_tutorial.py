"""The tutorial: its cells run one after the other, and results are shown as tables."""

from __future__ import annotations

import ast
import json
import re
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from helpers.commands import forget_plugin_files
from helpers.pages import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"
NOTEBOOK: dict[str, Any] = json.loads(TUTORIAL.read_text("utf-8"))
CELLS: list[dict[str, Any]] = NOTEBOOK["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a notebook, with those that IPython adds."""
    module = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", module)
    vars(module)["In"] = CODE
    return vars(module)


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
    names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
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


def test_outputs_are_those_of_the_code_and_tell_nothing_of_the_machine() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "notebook.py"))
    assert NOTEBOOK["metadata"][made["DIGEST"]] == made["digest"](CELLS), "run make notebook"
    cells = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert not re.search(r"/(?:tmp|home|root|usr|Users)/|\\Users\\|Traceback", json.dumps(outputs))
