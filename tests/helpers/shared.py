"""What several test files start from, made once for all workers of pytest; a test changes a copy only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from helpers.commands import run_textgen

SMALL = ":hidden_size=24,batch_size=4,num_validations=2"
ENTRIES = [f"char-lstm{SMALL},num_layers=2", f"char-gru{SMALL},embedding_size=16", "word-ngram", "random"]
"""The entries of the shared comparison."""
SETTINGS = (
    *("--corpus", "lee", "--max-chars", "20000", "--budget", "2000chars", "--length", "40"),
    *("--sampler", "temperature:temperature=0.8", "--precision", "fp32", "--device", "cpu"),
)
"""Its options but `--out`."""


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name, which the first worker that asks for it makes."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, is_made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not is_made.exists():
            make(folder)
            is_made.touch()
    return folder


def make_bench(folder: Path) -> None:
    run_textgen("bench", *ENTRIES, *SETTINGS, "--out", folder)
