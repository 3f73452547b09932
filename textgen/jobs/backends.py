"""Backends, which compute jobs: processes of this machine, and what plugins add."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch

from textgen.contracts import TextgenError
from textgen.registry.registry import load
from textgen.runtime.environment import Machine, machine, threads_per_job, usable_cores
from textgen.runtime.messages import UsageError
from textgen.workers.pool import OnMessage, Pool, Processes
from textgen.workers.process import recipe


class Backend(Protocol):
    """Machines that compute jobs."""

    @property
    def num_slots(self) -> int:
        """The number of jobs that run at a time, which may change; at least 1."""

    @property
    def machines(self) -> Sequence[Machine]:
        """One machine of each kind, with the threads that a job has there."""

    @property
    def cores_per_job(self) -> float:
        """The share of a machine's cores that each job has."""

    def pool(self, function: Callable[..., Any], on_message: OnMessage, max_silence: float | None) -> Pool:
        """Return a pool of jobs that `function` computes."""


class OpensBackend(Protocol):
    """A component of the kind `backend`: connects to what computes jobs."""

    def __call__(
        self, address: str, cpus_per_job: float, gpus_per_job: float
    ) -> AbstractContextManager[Backend]:
        """Return the backend at an address, which may be empty, as a context that disconnects from it."""


@dataclass(frozen=True)
class LocalBackend:
    """Processes of this machine: a new one for each job, `num_slots` at a time."""

    num_slots: int = 1
    num_threads: int = 0
    """Threads of torch in each job; 0: a share of the cores, or those of torch here if there is one slot."""

    def __post_init__(self) -> None:
        """Choose the threads once: an identity must not depend on what this process does later."""
        if not self.num_threads:
            share = threads_per_job(self.num_slots) if self.num_slots > 1 else torch.get_num_threads()
            object.__setattr__(self, "num_threads", share)

    @property
    def machines(self) -> Sequence[Machine]:
        return [replace(machine(), num_threads=self.num_threads)]

    @property
    def cores_per_job(self) -> float:
        return usable_cores() / self.num_slots

    def pool(self, function: Callable[..., Any], on_message: OnMessage, max_silence: float | None) -> Pool:
        sent = recipe(function, partial(torch.set_num_threads, self.num_threads))
        return Processes(sent, on_message, max_silence, own_process=True)


@contextmanager
def open_backend(
    on: str | None, num_jobs: int = 1, cpus_per_job: float = 1.0, gpus_per_job: float = 0.0
) -> Iterator[Backend]:
    """Yield this machine with `num_jobs` slots, or the backend that `on` names: NAME or NAME:ADDRESS.

    Raises `TextgenError` if there is no backend of this name or it cannot be reached.
    """
    if on is None:
        if (cpus_per_job, gpus_per_job) != (1.0, 0.0):
            raise UsageError("cpus_per_run and gpus_per_run have no effect without on; leave them out")
        yield LocalBackend(num_jobs)
        return
    if num_jobs > 1:
        raise UsageError("jobs has no effect with on, which trains as many runs at a time as fit")
    name, _, address = on.partition(":")
    opens: OpensBackend = load("backend", name)
    with opens(address, cpus_per_job, gpus_per_job) as backend:
        yield backend


def check_equal_machines(backend: Backend, *, is_timed: bool) -> None:
    """Raise `TextgenError` if a budget of time would be spent on machines of several kinds."""
    if is_timed and len(backend.machines) > 1:
        kinds = "; ".join(each.name for each in backend.machines)
        raise TextgenError(
            f"the machines differ ({kinds}), so equal times are not equal work; give a budget in "
            "characters, such as 20Mchars"
        )
