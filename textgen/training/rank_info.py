"""The place of this process among several, by what `torchrun` says; quick to import, unlike `ranks`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from textgen.runtime.messages import UsageError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables that `torchrun` sets."""


@dataclass(frozen=True)
class RankInfo:
    """One of the processes that train a model together, and how it meets the others."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1
    """The number of ranks on this machine."""
    port: int | None = None
    """The port where they meet on this machine; None: as the environment says."""
    device: str = "cpu"
    """The device of the tensors that they exchange."""


def rank_info_of_torchrun() -> RankInfo | None:
    """Return what `torchrun` says about this process; None if something else started it.

    Raises `UsageError` if the variables contradict each other.
    """
    if not all(name in os.environ for name in VARIABLES):
        return None
    given = [os.environ[name] for name in VARIABLES[:4]]
    if not all(re.fullmatch("[0-9]{1,6}", each) for each in given):
        raise UsageError(
            f"{', '.join(VARIABLES[:4])}: these variables, as torchrun sets them, must be numbers"
        )
    rank, world_size, local_rank, local_world_size = map(int, given)
    if rank >= world_size or local_rank >= local_world_size:
        raise UsageError(f"RANK={rank} must be below WORLD_SIZE={world_size}, and so must their LOCAL_ ones")
    return RankInfo(rank, world_size, local_rank, local_world_size)


def refuse_torchrun() -> None:
    """Raise `UsageError` if `torchrun` started several processes of a command that only one can compute."""
    rank_info = rank_info_of_torchrun()
    if rank_info is not None and rank_info.world_size > 1:
        raise UsageError(
            f"torchrun has started {rank_info.world_size} processes, each of which would compute the same; "
            "train one model by several processes with textgen train, or several runs at once with --jobs "
            "or --on ray"
        )
