"""Training that diverges keeps the best weights and says so; training that does not is left alone."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.training import run, trainer, unread
from textgen.contracts import TextgenError, TokenIds
from textgen.training.loop import EXPLODED, PATIENCE

BUDGET = "40epochs"  # of 7 updates each
GUESSING = math.log(100)


class Scripted(nn.Module):
    """A model whose loss in each update is given by a function; its weight counts the updates."""

    def __init__(self, loss_at: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.loss_at, self.num_updates = loss_at, 0

    def initial_state(self, _: int) -> None:
        return None

    def loss(self, _inputs: Tensor, _targets: Tensor, state: None) -> tuple[Tensor, None]:
        self.num_updates += 1
        with torch.no_grad():
            self.weight.fill_(self.num_updates)
        return self.loss_at(self.num_updates) + 0 * self.weight.sum(), state


def scripted(ids: TokenIds, loss_at: Any) -> Any:
    return trainer(ids[:1000], model=Scripted(loss_at))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_the_best_weights_are_kept_and_the_result_says_so(ids: TokenIds, loss: float) -> None:
    made = scripted(ids, lambda update: 3.0 if update < 100 else loss)
    scores = iter([5.0, 4.0, 4.5])
    result = run(made, BUDGET, lambda: next(scores))  # after updates 28, 56 and 84
    assert (result.num_updates, result.best_update, len(result.curve)) == (100, 56, 3)
    assert result.stopped is not None
    assert re.fullmatch(
        rf"training diverged at update 100: the loss is {loss} at a learning rate of 0\.\d+; "
        r"the weights of update 56 are kept; lower learning_rate",
        result.stopped,
    )
    assert result.remarks == (result.stopped,)
    assert made.model.module.weight.item() == pytest.approx(56, abs=1)


def test_a_validation_without_a_number_ends_training_too(ids: TokenIds) -> None:
    scores = iter([5.0, math.nan])
    result = run(scripted(ids, lambda _: 3.0), BUDGET, lambda: next(scores))
    assert result.num_updates == 56
    assert "the validation score is nan" in (result.stopped or "")
    assert [point.validation_bits_per_char for point in result.curve] == [5.0]


def test_an_exploded_loss_that_stays_ends_training(ids: TokenIds) -> None:
    result = run(scripted(ids, lambda update: 3.0 if update < 60 else 1.01 * EXPLODED * GUESSING), BUDGET)
    assert result.num_updates == 60 + PATIENCE - 1
    assert "the loss is 13.95" in (result.stopped or "")


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_losses_that_are_read_later_end_training_then(ids: TokenIds, loss: float) -> None:
    made = unread(scripted(ids, lambda update: 3.0 if update < 100 else loss))
    result = run(made, BUDGET)
    assert (result.num_updates, len(result.curve)) == (112, 3)  # with the fourth validation
    assert "training diverged at update 100: the loss is" in (result.stopped or "")
    assert made.model.module.weight.item() == pytest.approx(28, abs=1)  # the first of equal scores
    with pytest.raises(TextgenError, match="training diverged at update 5: the loss is nan"):
        run(unread(scripted(ids, lambda update: 3.0 if update < 5 else math.nan)), BUDGET)


@pytest.mark.parametrize(
    "loss_at",
    [
        lambda update: 1e6 if update % 50 else 3.0,  # spikes, however high
        lambda _: 1e6,  # a penalty that was there from the beginning
        lambda update: 3.0 if update < 60 else 0.9 * EXPLODED * GUESSING,
    ],
    ids=["spikes", "penalty", "worse"],
)
def test_what_may_come_down_again_is_left_alone(ids: TokenIds, loss_at: Any) -> None:
    result = run(scripted(ids, loss_at), BUDGET)
    assert result.stopped is None
    assert result.num_updates == 280
