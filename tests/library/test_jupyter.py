"""In Jupyter itself: progress that is redrawn, tables, and nothing on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import TINY

CELLS = (
    "import textgen\ncorpus = textgen.load_corpus('lee', max_chars=8000)\ncorpus",
    f"textgen.bench({TINY!r}, corpus, budget='2000chars', report=True)",
)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # of Jupyter itself
def test_a_notebook_shows_progress_and_tables(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    pytest.importorskip("ipykernel", reason="needs ipykernel")
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(code) for code in CELLS])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    (table,), (progress, *_, shown) = (cell.outputs for cell in notebook.cells)
    assert "whole text" in table.data["text/html"]
    lines = progress.data["text/plain"].splitlines()
    assert lines[0] == "✓ reading the text"
    assert any(TINY[:9] in line and "done in" in line for line in lines)
    assert "bits per character" in shown.data["text/html"]
    assert {output.output_type for output in notebook.cells[1].outputs} == {"display_data", "execute_result"}
