"""Scores in windows: every token is predicted once, from the tokens of its window alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.commands import TINY, run_textgen
from helpers.runs import CPU, SMALL, TEXT, make_run
from textgen.evaluation.token_bits import score_text
from textgen_benchmarks.windows import bits_of_windows, main, windows


def test_windows_follow_each_other_and_leave_out_the_rest_of_a_stretch() -> None:
    inputs, targets = windows([np.arange(10), np.arange(20, 24), np.arange(30, 33)], num_tokens=3)
    assert inputs.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [20, 21, 22]]
    assert targets.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [21, 22, 23]]


def test_a_window_is_scored_without_what_precedes_it() -> None:
    run = make_run("char-lstm" + SMALL)
    ids = run.tokenizer.encode(TEXT)
    inputs, targets = windows([ids], num_tokens=20)
    found = bits_of_windows(run.model, inputs, targets, CPU)
    for row in (0, 3):
        piece = run.tokenizer.decode(targets[row])
        alone = score_text(run.model, piece, targets[row], inputs[row][:1], device=CPU)
        np.testing.assert_allclose(found[row], alone.bits, rtol=1e-5)


def test_the_runs_of_a_comparison_are_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = tmp_path / "bench", tmp_path / "windows.json"
    text = ["--corpus", "lee", "--max-chars", 60_000, "--split", "contiguous:90/10"]
    run_textgen("bench", TINY, "random", *text, "--budget", "2000chars", "--length", 20, "--out", folder)
    monkeypatch.setattr(sys, "argv", ["windows", str(folder), "--out", str(out)])
    main()
    result = json.loads(out.read_text("utf-8"))
    trained, random = result["rows"]
    assert result["corpus"]["split"]["method"] == "contiguous:90/10"
    assert trained["windows"] == pytest.approx(trained["carried"], rel=0.05)
    assert random["windows"] == pytest.approx(random["carried"], rel=1e-3)
    assert trained["num_windows"] == (result["corpus"]["split"]["validation"]["num_chars"] - 1) // 256
