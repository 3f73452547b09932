"""Run the tutorial in a new folder, and keep its outputs in tutorial.ipynb: `make notebook`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOTEBOOK = Path(__file__).parent / "tutorial.ipynb"
DIGEST = "code_sha256"
"""The field of the notebook's metadata with the digest of the code that its outputs are from."""


def digest(cells: list[dict[str, Any]]) -> str:
    """Return the digest of the code of cells."""
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return sha256(json.dumps(code).encode()).hexdigest()


def run() -> None:
    """Run the cells, one after the other, and write the notebook with their outputs."""
    import nbclient
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    metadata = dict(notebook.metadata)
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        nbclient.NotebookClient(notebook, timeout=1200, resources=resources, record_timing=False).execute()
    notebook.metadata = metadata | {DIGEST: digest(notebook.cells)}
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    NOTEBOOK.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    run()
