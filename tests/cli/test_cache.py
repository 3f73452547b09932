"""`textgen cache`: what is kept is shown, and emptied without touching anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from textgen.data import cleaning, parallel


def test_the_cache_is_shown_and_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parallel, "MAX_PROCESSES", 1)
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 10_000)
    big = tmp_path / "big.txt"
    big.write_text("The rain had stopped at last, and nobody came by.\n\n" * 1000, "utf-8")
    assert "total\t0 files, 0 bytes\n" in run_textgen("cache").stdout
    run_textgen("corpus", big)
    (tmp_path / "cache" / "mine.txt").write_text("mine")
    (tmp_path / "cache" / "downloads").mkdir()
    (tmp_path / "cache" / "downloads" / "text.txt").write_text("x" * 100)
    shown = run_textgen("cache").stdout
    assert f"folder\t{tmp_path / 'cache'}\nlimit\t20.0 GB\n" in shown
    assert "downloads\t1 file, 100 bytes\ntexts\t2 files, " in shown
    found = json.loads(run_textgen("cache", "--json").stdout)
    assert found["limit_bytes"] == 20_000_000_000
    assert found["kinds"]["downloads"] == {"num_files": 1, "num_bytes": 100}
    assert found["num_bytes"] == sum(kind["num_bytes"] for kind in found["kinds"].values())
    assert run_textgen("cache", "clear").stdout.startswith("removed ")
    assert (tmp_path / "cache" / "mine.txt").exists()
    assert json.loads(run_textgen("cache", "clear", "--json").stdout)["removed"]["num_bytes"] == 0
    assert run_textgen("corpus", big).stdout
