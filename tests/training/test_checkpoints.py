"""Checkpoints: interrupted anywhere, a training run ends as if it had not been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.training import CPU, OPTIONS, equal, lstm, trainer, weights
from textgen.contracts import TokenIds
from textgen.runtime.storage.state_files import load_state, save_state
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import Checkpoints
from textgen.training.loop import TrainingLoop, train
from textgen.training.progress import Progress, TrainResult
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation

pytestmark = pytest.mark.slow  # trains or runs commands at length

NUM_UPDATES = 12
BUDGET = parse_budget(f"{NUM_UPDATES * 128}chars")


def training(ids: TokenIds, options: TrainOptions = OPTIONS) -> tuple[Trainer, Validation]:
    """A trainer with dropout, and a validation, as a new process would make them."""
    made = trainer(ids[:1500], options=options, model=lstm(dropout=0.3))
    return made, Validation(made.model, [ids[1500:2000]], 500, CPU)


def without_times(result: TrainResult) -> Any:
    times = dict.fromkeys(("seconds", "validation_seconds", "chars_per_second", "cpu_utilization"))
    curve = [{**vars(point), "seconds": None} for point in result.curve]
    return {**vars(result), **times, "curve": curve}


LESS_USED = ("adam", "sgd", "rmsprop")


@pytest.mark.parametrize(
    "optimizer", ["muon", *(pytest.param(each, marks=pytest.mark.long) for each in LESS_USED)]
)
def test_interrupted_after_any_update_training_ends_with_the_same_bits(
    ids: TokenIds, tmp_path: Path, optimizer: Any
) -> None:
    options = TrainOptions(batch_size=8, sequence_length=16, optimizer=optimizer)
    whole, validate = training(ids, options)
    expected = train(whole, BUDGET, 1.0, validate)
    assert expected.num_updates == NUM_UPDATES
    for killed_after in range(1, NUM_UPDATES):
        first, validate = training(ids, options)
        loop = TrainingLoop(first, BUDGET, 1.0, validate)
        first.model.module.train()
        for _ in range(killed_after):
            first.start_update(loop.fraction)
            loop.after_update()
        folder = tmp_path / str(killed_after)
        Checkpoints(folder).save(loop.state())
        again, validate = training(ids, options)
        with torch.no_grad():  # nothing of the new process is used
            for parameter in again.model.module.parameters():
                parameter.add_(1.0)
        result = train(again, BUDGET, 1.0, validate, checkpoints=Checkpoints(folder))
        assert equal(weights(again.model.module), weights(whole.model.module))
        assert without_times(result) == without_times(expected)


def test_a_checkpoint_is_written_by_time_and_two_are_kept(ids: TokenIds, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(progress: Progress) -> None:  # noqa: ARG001
        seen.append(sorted(path.name for path in tmp_path.iterdir()))

    made, validate = training(ids)
    train(made, BUDGET, 1.0, validate, look, checkpoints=Checkpoints(tmp_path, interval=0.0))
    counts = [len(names) for names in seen]
    assert max(counts) == 2
    assert counts == sorted(counts)
    made, validate = training(ids)
    folder = tmp_path / "rare"
    train(made, BUDGET, 1.0, validate, checkpoints=Checkpoints(folder, interval=3600))
    assert not folder.exists()


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for number in (1, 2):
        checkpoints.save({"number": number, "tensor": torch.full((3,), float(number))})
    (tmp_path / "checkpoint-000002" / "tensors.safetensors").write_bytes(b"cut")
    assert checkpoints.latest()["number"] == 1


def test_a_state_is_the_same_after_it_was_on_disk(tmp_path: Path) -> None:
    state = {
        "tensors": [torch.arange(6).view(2, 3).t(), torch.tensor(0.1, dtype=torch.bfloat16), torch.zeros(0)],
        "values": (1, 2.5e-300, float("inf"), None, True, "ä\n"),
        3: {"nested": ()},
    }
    save_state(tmp_path / "state", state)
    read = load_state(tmp_path / "state")
    assert read["values"] == state["values"]
    assert read[3] == {"nested": ()}
    for one, other in zip(read["tensors"], state["tensors"], strict=True):  # type: ignore[arg-type]
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    with pytest.raises(TypeError, match="cannot save ndarray"):
        save_state(tmp_path / "other", {"array": np.zeros(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
