"""Training batches: contiguous, shifted by one, and covering the text in every epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textgen.contracts import TextgenError
from textgen.training import batches as streams_module
from textgen.training.batches import ContiguousBatches

CPU = torch.device("cpu")
sizes = st.tuples(st.integers(2, 400), st.integers(1, 9), st.integers(1, 40))


def epoch_of(batches: ContiguousBatches) -> tuple[list[torch.Tensor], list[torch.Tensor], list[bool]]:
    """Inputs, targets and whether the batches start again, of each update of one epoch."""
    updates = [batches.next(CPU) for _ in range(batches.length // batches.sequence_length)]
    inputs, targets, fresh = zip(*updates, strict=True)
    return list(inputs), list(targets), list(fresh)


@given(sizes)
def test_an_epoch_covers_a_contiguous_text_less_than_one_update_short(sizes: tuple[int, int, int]) -> None:
    num_tokens, batch_size, sequence_length = sizes
    batches = ContiguousBatches(np.arange(num_tokens, dtype=np.int32), batch_size, sequence_length, seed=0)
    shape = (batches.batch_size, batches.sequence_length)
    for _ in range(2):
        inputs, targets, fresh = epoch_of(batches)
        assert {tuple(part.shape) for part in inputs + targets} == {shape}
        assert all(torch.equal(target, part + 1) for part, target in zip(inputs, targets, strict=True))
        covered = torch.cat(inputs, dim=1).flatten()  # stream after stream
        assert torch.equal(covered, torch.arange(len(covered)) + covered[0])
        assert covered[-1] + 1 < num_tokens
        assert num_tokens - 1 - len(covered) < shape[0] * shape[1]
        assert fresh == [True] + [False] * (len(fresh) - 1)


@given(sizes)
def test_a_short_text_shrinks_windows_then_streams(sizes: tuple[int, int, int]) -> None:
    num_tokens, batch_size, sequence_length = sizes
    batches = ContiguousBatches(np.zeros(num_tokens, np.int32), batch_size, sequence_length, seed=0)
    assert batches.sequence_length == min(sequence_length, num_tokens - 1)
    assert 1 <= batches.batch_size <= batch_size
    if batch_size * sequence_length < num_tokens:
        assert (batches.batch_size, batches.sequence_length) == (batch_size, sequence_length)


def test_a_text_too_long_for_memory_gives_the_same_windows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ids = np.arange(1000, dtype=np.uint16)
    ids.tofile(tmp_path / "ids")
    resident = ContiguousBatches(ids, 7, 20, seed=3)
    updates = [resident.next(CPU) for _ in range(15)]
    monkeypatch.setattr(streams_module, "MAX_RESIDENT", 999)
    on_disk = ContiguousBatches(np.memmap(tmp_path / "ids", np.uint16, "r"), 7, 20, seed=3)
    for inputs, targets, fresh in updates:
        again = on_disk.next(CPU)
        assert torch.equal(inputs, again[0])
        assert torch.equal(targets, again[1])
        assert fresh == again[2]


@pytest.mark.parametrize("num_tokens", [0, 1])
def test_a_text_without_a_pair_of_tokens_is_an_error(num_tokens: int) -> None:
    with pytest.raises(TextgenError, match="fewer than two tokens"):
        ContiguousBatches(np.zeros(num_tokens, np.int32), 2, 2, seed=0)


def test_epochs_start_at_offsets_that_follow_from_the_seed() -> None:
    def offsets(seed: int) -> list[int]:
        batches = ContiguousBatches(np.arange(1000, dtype=np.int32), 7, 50, seed)
        return [int(epoch_of(batches)[0][0][0, 0]) for _ in range(8)]

    assert offsets(0) == offsets(0) != offsets(1)
    assert len(set(offsets(0))) > 4


def test_windows_may_be_shorter_and_still_cover_the_text() -> None:
    batches = ContiguousBatches(np.arange(101, dtype=np.int32), 2, 10, seed=0)
    inputs = [batches.next(CPU, length)[0] for length in (3, 10, 20, 4, 10, 10, 9)]
    assert [part.shape[1] for part in inputs] == [3, 10, 10, 4, 10, 10, 3]  # 50 tokens per stream
    covered = torch.cat(inputs, dim=1).flatten()
    assert torch.equal(covered, torch.arange(100) + covered[0])
    assert (batches.num_epochs, batches.num_tokens) == (1, 100)
