"""What `train` says about a run that other work slowed down."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import Textgen, notes
from textgen.training import progress


@pytest.mark.parametrize(("least", "num_notes"), [(0.0, 0), (2.0, 1)])
def test_a_run_beside_other_work_has_a_note(
    least: float, num_notes: int, textgen: Textgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MIN_CPU_UTILIZATION", least)
    text, model = ("--corpus", "lee", "--max-chars", 6000), "char-lstm:num_layers=1,hidden_size=8"
    done = textgen("train", model, *text, "--budget", "0.5s", "--out", tmp_path / "run")
    said = notes(done)
    assert f"saved in {tmp_path / 'run'}" in done.stdout
    assert len(said) == num_notes
    assert all("CPU utilization" in note and "--budget" in note for note in said)
