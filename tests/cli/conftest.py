"""The command line as users meet it: a new process, its exit code, stdout and stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Textgen = Callable[..., subprocess.CompletedProcess[str]]
Snapshot = dict[str, tuple[int, int]]


@pytest.fixture(scope="session")
def entry() -> str:
    """A model so small that its training takes a moment."""
    return "char-lstm:num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"


@pytest.fixture(scope="session")
def budget() -> list[str]:
    """The arguments for so little training, in a precision that does not depend on the machine."""
    return ["--budget", "2000chars", "--precision", "fp32", "--device", "cpu"]


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """One thread, since processes share the cores, and a terminal too narrow for any table."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "40", "PYTHONUNBUFFERED": ""}


@pytest.fixture(scope="session")
def textgen(environment: dict[str, str]) -> Textgen:
    """Run `textgen …` in a process of its own and check its exit code."""

    def run(*arguments: object, stdin: str = "", code: int = 0, **extra: Any) -> Any:
        command = [sys.executable, "-m", "textgen", *map(str, arguments)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, encoding="utf-8", env=environment, check=False, **extra
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], Snapshot]:
    """Return what is in a folder: the size and the time of the last change of each file."""

    def take(folder: Path) -> Snapshot:
        stats = {str(path.relative_to(folder)): path.stat() for path in sorted(folder.rglob("*"))}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}

    return take


@pytest.fixture(scope="session")
def trained(
    textgen: Textgen, entry: str, budget: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of a run trained on news, and what `textgen train --json` printed."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    done = textgen("train", entry, "--corpus", "lee", *budget, "--out", folder, "--json")
    assert done.stderr == f"saved in {folder}\n"
    return folder, done.stdout
