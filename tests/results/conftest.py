"""A folder `runs` in the working directory with one result of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.catalog import BENCH, set_time, write_bench, write_run, write_study, write_suite

RUN = "word-lstm-wiki-5m-2026-11-25-1700"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = Path("runs")
    write_bench(root / BENCH, ("char-lstm", 2.1, 0), ("char-lstm", 2.05, 1), ("random", 6.0, 0))
    write_run(root / RUN, "word-lstm", 1.9, budget="5m")
    write_suite(root / "suite-improvements-wiki")
    write_study(root / "tune-char-lstm-wiki")
    for number, name in enumerate([RUN, "tune-char-lstm-wiki", "suite-improvements-wiki", BENCH]):
        set_time(root / name, 1_700_000_000 + number)
    return root
