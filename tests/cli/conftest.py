"""The command line as users meet it: exit code, stdout and stderr, and the files it leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.catalog import BENCH, set_time, write_bench, write_run, write_study, write_suite
from helpers.commands import BUDGET, TINY, run_textgen
from helpers.shared import made_once

Snapshot = dict[str, tuple[int, int]]


@pytest.fixture(scope="session")
def snapshot() -> Callable[[Path], Snapshot]:
    """Return what is in a folder: the size and the time of the last change of each file."""

    def take(folder: Path) -> Snapshot:
        stats = {str(path.relative_to(folder)): path.stat() for path in sorted(folder.rglob("*"))}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}

    return take


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run trained on news, and what `textgen train --json` printed; no test changes it."""

    def make(folder: Path) -> None:
        done = run_textgen("train", TINY, "--corpus", "lee", *BUDGET, "--out", folder / "run", "--json")
        assert done.stderr.endswith(f"saved in {folder / 'run'}\n")  # after a note, if the machine is busy
        (folder / "printed.json").write_text(done.stdout, "utf-8")

    folder = made_once(tmp_path_factory, "trained", make)
    return folder / "run", (folder / "printed.json").read_text("utf-8")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with saved results."""
    monkeypatch.chdir(tmp_path)
    write_bench(Path("runs") / BENCH, ("char-lstm", 2.1, 0), ("random", 6.0, 0))
    write_run(Path("runs/mine"), "word-lstm", 1.9, budget="5m")
    write_suite(Path("runs/suite-improvements-wiki"))
    write_study(Path("runs/tuned"))
    for number, path in enumerate(sorted(Path("runs").iterdir())):
        set_time(path, 1_700_000_000 + number)
    return tmp_path
