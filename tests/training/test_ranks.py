"""Several processes train one model as one process would, and agree on every decision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.ranks import together
from helpers.training import CPU, equal, lstm, run, weights
from textgen.contracts import TextgenError, TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.runtime.messages import UsageError
from textgen.training import ranks
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import parse_budget
from textgen.training.checkpoints import Checkpoints
from textgen.training.loop import TrainingLoop, train
from textgen.training.rank_info import VARIABLES, RankInfo, rank_info_of_torchrun, refuse_torchrun
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation

NUM_UPDATES = 50
OPTIONS = TrainOptions(batch_size=7, sequence_length=16)  # which two and three ranks divide unevenly
BUDGET = f"{NUM_UPDATES * 7 * 16}chars"
MODELS: dict[str, dict[str, Any]] = {
    "tied weights": {"tie_weights": True, "softmax": "full"},
    "a loss of its own": {"softmax": "adaptive"},
}


def made(ids: TokenIds, model: nn.Module, options: TrainOptions = OPTIONS) -> Trainer:
    """A trainer of this rank's share of the batch."""
    place = ranks.rank(), ranks.world_size()
    batches = ContiguousBatches(ids, options.most_streams, options.longest_sequence, 0, *place)
    return Trainer(LanguageModel(model, 100), batches, options, CPU, 0)


def trained(ids: TokenIds) -> dict[str, tuple[int, list[Tensor]]]:
    """Return the updates and the weights of each model, which begin differently in each rank."""
    found = {}
    for name, options in MODELS.items():
        training = made(ids, lstm(ranks.rank(), dropout=0.0, **options))
        result = run(training, BUDGET)
        found[name] = result.num_updates, weights(training.model.module)
    return found


def test_several_processes_end_with_the_weights_of_one(ids: TokenIds) -> None:
    alone = trained(ids[:3000])  # more than one epoch
    shared = together(trained, ids[:3000], number=3)
    for name, (num_updates, expected) in alone.items():
        assert num_updates == NUM_UPDATES
        for each in shared:
            assert each[name][0] == NUM_UPDATES
            assert equal(each[name][1], shared[0][name][1])  # to the bit
        for mine, its in zip(expected, shared[0][name][1], strict=True):
            torch.testing.assert_close(mine, its, rtol=0, atol=1e-5)


def interrupted(ids: TokenIds, folder: Path) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Return the weights of a training run with dropout, and those of one that was interrupted."""
    is_first = ranks.rank() == 0
    budget = parse_budget("1200chars")

    def new() -> tuple[Trainer, Validation]:
        training = made(ids, lstm(dropout=0.3))
        return training, Validation(training.model, [ids[-500:]], 500, CPU)

    whole, validate = new()
    train(whole, budget, 1.0, validate, checkpoints=Checkpoints(folder / "whole", 0.0) if is_first else None)
    first, validate = new()
    loop = TrainingLoop(first, budget, 1.0, validate)
    first.model.module.train()
    for _ in range(5):
        first.start_update(loop.fraction)
        loop.after_update()
    state = loop.state()
    if is_first:
        Checkpoints(folder / "first").save(state)
    again, validate = new()
    with torch.no_grad():  # nothing of the new process is used
        for parameter in again.model.module.parameters():
            parameter.add_(1.0)
    train(
        again, budget, 1.0, validate, checkpoints=Checkpoints(folder / "first", 3600.0) if is_first else None
    )
    return weights(whole.model.module), weights(again.model.module), whole.random_state[0]


def test_an_interrupted_training_run_of_two_processes_ends_with_the_same_bits(
    ids: TokenIds, tmp_path: Path
) -> None:
    first, second = together(interrupted, ids[:2000], tmp_path)
    assert equal(first[0], first[1])
    assert equal(first[1], second[1])
    assert not torch.equal(first[2], second[2])  # each drops out other units
    kept = Checkpoints(tmp_path / "whole").latest()["trainer"]
    assert [len(tensor) for tensor in kept["carried"]] == [7, 7]  # of all streams
    assert len(kept["random_states"]) == 2


def decided(ids: TokenIds) -> tuple[int, float, str]:
    """Return what a rank decides by the clock, by a validation and by a validation that fails."""
    timed = run(made(ids, lstm()), "0.3s", lambda: 2.0 + ranks.rank())
    try:
        run(made(ids, lstm()), "2000chars", lambda: math.nan)
    except TextgenError as error:
        return timed.num_updates, timed.curve[-1].validation_bits_per_char or 0.0, str(error)
    raise AssertionError("training with a score of NaN goes on")


def test_the_first_process_decides_for_all(ids: TokenIds) -> None:
    first, second = together(decided, ids[:2000])
    assert first[0] > 0
    assert first == second
    assert first[1] == 2.0
    assert "the validation score is nan" in first[2]


def differing(texts: list[str]) -> str:
    try:
        ranks.require_same_run(texts[ranks.rank()])
    except TextgenError as error:
        return str(error)
    return ""


def test_processes_that_train_something_else_are_refused() -> None:
    first, second = together(differing, ["one text", "another text"])
    assert first == ""
    assert second.startswith(
        "process 2 of 2 has another entry, text, budget, precision or version than the first"
    )


def test_a_batch_with_fewer_rows_than_processes_is_refused(ids: TokenIds) -> None:
    with pytest.raises(TextgenError, match=r"^a batch of 2 streams cannot be divided among 3 processes; "):
        ContiguousBatches(ids, 2, 16, 1, 0, 3)


# --- without other processes


def test_torchrun_says_which_rank_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert rank_info_of_torchrun() is None
    refuse_torchrun()
    values = ("3", "4", "1", "2", "localhost", "29500")
    for name, value in zip(VARIABLES, values, strict=True):
        monkeypatch.setenv(name, value)
    assert rank_info_of_torchrun() == RankInfo(3, 4, 1, 2)
    with pytest.raises(UsageError, match="torchrun has started 4 processes, each of which would compute the"):
        refuse_torchrun()
    for name, value in zip(VARIABLES, ("0", "1", "0", "1"), strict=False):
        monkeypatch.setenv(name, value)
    refuse_torchrun()
    monkeypatch.delenv("MASTER_PORT")
    assert rank_info_of_torchrun() is None


def test_a_group_of_one_exchanges_with_itself() -> None:
    store = ranks.new_store(1)
    with ranks.joined(RankInfo(port=store.port), CPU):
        parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))]
        parameters[0].grad = torch.tensor([1.0, 2.0])
        assert ranks.sum_gradients(parameters, torch.tensor(0.5), [3.0]) == [0.5, 3.0]
        assert parameters[0].grad.tolist() == [1.0, 2.0]
        assert parameters[1].grad is None
        ranks.require_same_run("anything")
        with ranks.first_rank_first(), ranks.shared_cores():
            assert ranks.states_of_all({"a": 1}) == [{"a": 1}]
    assert not torch.distributed.is_initialized()


def test_the_failure_of_an_exchange_is_a_lost_rank() -> None:
    error = RuntimeError("[/pytorch/gloo/pair.cc:547] Connection closed by peer [127.0.0.1]:9. See the log")
    with pytest.raises(ranks.LostRankError) as raised, ranks._exchange():
        raise error
    assert str(raised.value) == (
        "another process of this training run was lost: Connection closed by peer [127.0.0.1]:9"
    )


def test_ranks_share_the_cores_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_rank_infos", [RankInfo(1, 4, 1, 2)])
    monkeypatch.setattr(ranks, "threads_per_job", lambda number: 10 // number)
    before = torch.get_num_threads()
    with ranks.shared_cores():
        assert torch.get_num_threads() == 5
    assert torch.get_num_threads() == before
