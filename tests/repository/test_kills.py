"""The programs that kill and soak count what they claim to count."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from textgen.training.checkpoints import Checkpoints
from textgen_benchmarks.killing import Attempt, contents, look, lost, unfinished
from textgen_benchmarks.soak import level, stray_files


def save(folder: Path, num_updates: int) -> None:
    """Write the next checkpoint of a training run that has made this many updates."""
    state = {"trainer": {"num_updates": num_updates, "weights": torch.zeros(2)}}
    Checkpoints(folder, interval=0.0).save(state)


def test_a_training_run_that_begins_again_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "run.partial" / "model"
    save(folder, 1)
    save(folder, 2)
    attempt = Attempt(None, 0.0, "")
    look(tmp_path, attempt)
    assert (attempt.updates, attempt.repeated) == ({folder: 2}, 0)
    save(folder, 1)
    look(tmp_path, attempt)
    assert attempt.repeated == 1


def test_a_checkpoint_is_lost_unless_there_is_another_or_the_result(tmp_path: Path) -> None:
    folder = tmp_path / "run.partial" / "model"
    save(folder, 1)
    before = {folder: 1.0}
    assert lost(before, tmp_path) == []
    for path in folder.rglob("*.safetensors"):
        path.write_bytes(b"")
    assert lost(before, tmp_path) == [folder]
    (tmp_path / "run").mkdir()
    assert lost(before, tmp_path) == []


def test_files_are_compared_without_times(tmp_path: Path) -> None:
    for name, seconds, bits in (("a", 1.0, 2.0), ("b", 3.0, 2.0), ("c", 1.0, 2.1)):
        (tmp_path / name).mkdir()
        values = {
            "sha256": name,
            "train": {"seconds": seconds, "chars_per_second": 1 / seconds},
            "bits": bits,
        }
        (tmp_path / name / "run.json").write_text(json.dumps(values))
        (tmp_path / name / "weights.safetensors").write_bytes(b"weights")
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b != c
    assert sorted(a) == ["run.json", "weights.safetensors"]


def test_what_is_left_is_found(tmp_path: Path) -> None:
    (tmp_path / ".run.json.textgen-host-12-abcdefgh").touch()
    checkpoint = tmp_path / "run.partial" / ".checkpoint-000001.textgen-host-12-abcdefgh"
    checkpoint.mkdir(parents=True)
    (checkpoint / ".files.json.textgen-host-12-abcdefgh").touch()
    (tmp_path / "run.json").touch()
    assert {path.name for path in unfinished(tmp_path)} == {
        checkpoint.name,
        ".run.json.textgen-host-12-abcdefgh",
    }
    assert len(stray_files(tmp_path)) == 4


def test_a_quantity_that_grows_has_a_slope() -> None:
    growing, steady = level([float(2 * number) for number in range(9)]), level([5.0] * 9)
    assert growing is not None
    assert steady is not None
    assert (growing.first_third, growing.last_third) == (2, 14)
    assert growing.per_round == pytest.approx(2)
    assert steady.per_round == pytest.approx(0)
    assert level([1.0, math.pi]) is None
