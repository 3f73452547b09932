"""Environment variables that cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen.runtime.memory import MEMORY, limit_memory
from textgen.training.checkpoints import INTERVAL, Checkpoints
from textgen.training.rank_info import VARIABLES, RankInfo, rank_info_of_torchrun


@pytest.mark.parametrize("given", ["nan", "-1", "x", "1,5"])
def test_an_interval_that_is_not_a_time_is_refused(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, given)
    with pytest.raises(TextgenError, match=f"{INTERVAL}='{given}': give a number of seconds"):
        Checkpoints(tmp_path)


@pytest.mark.parametrize("given", ["9" * 5000, "1e400GB", "-5GB", "0GB", "4"])
def test_memory_that_is_not_an_amount_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY, given)
    with pytest.raises(TextgenError, match=f"^{MEMORY}"):
        limit_memory()


@pytest.mark.parametrize("given", ["", "x", "1e5", "-1", "9" * 5000, "\u0661"])
def test_ranks_that_torchrun_does_not_set_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "1")
    with pytest.raises(TextgenError, match="RANK=1 must be below WORLD_SIZE=1"):
        rank_info_of_torchrun()
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    assert rank_info_of_torchrun() == RankInfo()
    monkeypatch.setenv("WORLD_SIZE", given)
    with pytest.raises(TextgenError, match="must be numbers"):
        rank_info_of_torchrun()
