"""In Jupyter itself: progress that is redrawn, tables, the live page, and nothing on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.commands import TINY

CELLS = (
    "import textgen\ncorpus = textgen.load_corpus('lee', max_chars=8000)\ncorpus",
    f"textgen.bench({TINY!r}, corpus, budget='2000chars', report=True)",
    "import textgen_play; textgen_play.widget(device='cpu')",
)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # of Jupyter itself
def test_a_notebook_shows_progress_and_tables(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    pytest.importorskip("ipykernel", reason="needs ipykernel")
    pytest.importorskip("anywidget", reason="needs anywidget")
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(code) for code in CELLS])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    first, second, (widget,) = (cell.outputs for cell in notebook.cells)
    (table,) = first
    assert "whole text" in table.data["text/html"]
    assert [kind for kind in map(output_kind, second) if kind != "display_data"] == ["execute_result"]
    progress, *_ = second
    lines = progress.data["text/plain"].splitlines()
    assert lines[0] == "✓ reading the text"
    assert any(TINY[:9] in line and "done in" in line for line in lines)
    assert "bits per character" in second[-1].data["text/html"]
    assert second[-1].data["text/plain"].startswith("Comparison(")
    assert "application/vnd.jupyter.widget-view+json" in widget.data


def output_kind(output: Any) -> str:
    """Return the kind of an output of a cell."""
    kind: str = output.output_type
    return kind
