"""A study of an entry that starts from a run: the run is made once, and its shapes are not searched."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import run_textgen

ENTRY = "char-lstm:num_layers=1,hidden_size=16,start=lee@2000chars"


def test_the_run_is_made_and_all_trials_start_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    text = tmp_path / "text.txt"
    text.write_text("It rained, and nobody was there to see it. " * 400, "utf-8")
    command = ("tune", ENTRY, "--corpus", text, "--clean", "raw", "--split", "exact:80/10/10")
    done = run_textgen(
        *(*command, "--budget", "2000chars", "--trials", 3, "--seeds", 1),
        *("--device", "cpu", "--out", tmp_path / "study"),
    )
    assert "3 trials" in done.stdout
    assert "0 failed" in done.stdout
    assert "tie_weights" not in done.stdout
    assert len(list((tmp_path / "cache" / "origins").iterdir())) == 1
