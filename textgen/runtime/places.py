"""Where jobs are computed that need a process each: on this machine, unless another place was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from textgen.api import TextgenError
from textgen.runtime.preparation import Setup

if TYPE_CHECKING:
    from textgen.runtime.environment import Machine

OnMessage: TypeAlias = Callable[[Any, Any], object] | None
"""What is called with a job and what it says by `tell`; True ends the job."""


class Pool(Protocol):
    """Jobs that are being computed."""

    busy: dict[Any, Any]
    """One item for each job."""

    def start(self, job: Any) -> None:
        """Begin a job."""

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that end next with their results, then call `on_wait`."""

    def end(self) -> None:
        """End all jobs; those that are being computed are lost."""


class Place(Protocol):
    """Machines that compute jobs."""

    @property
    def num_slots(self) -> int:
        """The number of jobs that it can compute at a time, which may change; at least 1."""

    @property
    def machines(self) -> Sequence[Machine]:
        """One of each kind of its machines, with the threads that a job has there."""

    @property
    def cores_per_job(self) -> float:
        """The share of a machine that each job has."""

    def pool(
        self, function: Callable[..., Any], setup: Setup, on_message: OnMessage, max_silence: float | None
    ) -> Pool:
        """Return a pool of jobs that `function` computes."""


def check_equal_machines(*, is_timed: bool) -> None:
    """Raise `TextgenError` if a budget of time would be spent on machines of several kinds."""
    place = chosen_place()
    if is_timed and place and len(place.machines) > 1:
        kinds = "; ".join(machine.name for machine in place.machines)
        raise TextgenError(
            f"the machines differ ({kinds}), so equal seconds are not equal work; give a budget in "
            "characters, such as 20Mchars"
        )


_chosen: list[Place] = []


@contextmanager
def computing_on(place: Place | None) -> Iterator[None]:
    """Compute jobs there inside the context; None changes nothing."""
    added = [] if place is None else [place]
    _chosen.extend(added)
    try:
        yield
    finally:
        for _ in added:
            _chosen.pop()


def chosen_place() -> Place | None:
    """Return the place that was chosen, or None for this machine."""
    return _chosen[-1] if _chosen else None
