"""The benchmark of weight decay pulls the rows where its arms say, and pairs the seeds."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from scipy.stats import t

from textgen.contracts import PretrainedVectors
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import DeviceConfig
from textgen.training.batches import ContiguousBatches
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen_benchmarks.decay import ARMS, Measured, effects, set_decay
from textgen_models.lstm.model import LSTM

FOUND = torch.tensor([True, True, False, False])


@pytest.mark.parametrize(
    ("arm", "rows"), [("to zero", (0.5, 0.5)), ("none", (1.0, 1.0)), ("to the start", (1.0, 0.5))]
)
def test_rows_without_gradient_decay_as_their_arm_says(arm: str, rows: tuple[float, float]) -> None:
    vectors = PretrainedVectors(torch.randn(4, 8), FOUND, frozen=False)
    model = LSTM(4, num_layers=1, hidden_size=4, softmax="adaptive", vectors=vectors)
    options = TrainOptions(batch_size=2, sequence_length=2, weight_decay=0.5, learning_rate=1.0)
    batches = ContiguousBatches(torch.zeros(100, dtype=torch.int64).numpy(), 2, 2, 0)
    device_config = DeviceConfig(torch.device("cpu"), "fp32")
    trainer = Trainer(LanguageModel(model, 4), batches, options, device_config, 0)
    table = model.input.weight
    before = table.detach().clone()
    set_decay(trainer, table, FOUND, arm)
    table.grad = torch.zeros_like(table)
    for optimizer in trainer.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = 1.0
        optimizer.step()
    expected = torch.where(FOUND[:, None], rows[0] * before, rows[1] * before)
    torch.testing.assert_close(table.detach(), expected)


def test_changes_are_paired_by_seed() -> None:
    bits = {"to zero": [2.0, 2.4, 2.2], "none": [1.9, 2.2, 2.1], "to the start": [2.1]}
    case = {"corpus": "wiki", "entry": "word-lstm-glove", "budget": "1Mchars"}
    measured = [
        Measured(**case, arm=arm, seed=seed, bits_per_char=bits[arm][seed], row_length=1.0, num_updates=1)
        for arm, seed in product(ARMS, range(3))
        if seed < len(bits[arm])
    ]
    (effect,) = effects(measured)
    half = t.ppf(0.975, 2) * 0.1 / 3  # the standard error of -0.1, -0.2 and -0.1
    assert (effect["arm"], effect["num_seeds"]) == ("none", 3)
    assert effect["change"] == pytest.approx(-0.4 / 3)
    assert effect["interval"] == pytest.approx([-0.4 / 3 - half, -0.4 / 3 + half])
