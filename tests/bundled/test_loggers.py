"""TensorBoard shows the progress of a training run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.commands import TINY, run_textgen

QUICK: dict[str, Any] = {
    "corpus": textgen.TextOptions("lee", max_chars=8000),
    "budget": "2000chars",
    "cluster": textgen.ClusterOptions(device="cpu"),
}


def test_losses_and_learning_rate_are_logged_next_to_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = textgen.train(TINY, out=tmp_path / "run", log="tensorboard", **QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "tensorboard"]
    log = EventAccumulator(str(tmp_path / "tensorboard" / "run"))
    log.Reload()
    scalars = {tag: log.Scalars(tag) for tag in log.Tags()["scalars"]}
    assert set(scalars) == {"bits_per_char/training", "bits_per_char/validation", "learning_rate"}
    result = run.result.train
    assert [each.step for each in scalars["learning_rate"]] == list(range(1, result.num_updates + 1))
    logged = {each.step: each.value for each in scalars["bits_per_char/validation"]}
    assert logged == pytest.approx(
        {point.num_updates: point.validation_bits_per_char for point in result.curve}
    )


def test_without_tensorboard_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    done = run_textgen("train", TINY, "--log", "tensorboard", "--out", tmp_path / "run", code=1)
    assert 'log tensorboard is not installed; run: pip install "textgen-bench[tensorboard]"' in done.stderr
    assert list(tmp_path.iterdir()) == []
