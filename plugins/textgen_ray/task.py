"""What a Ray cluster computes: a job, in a process of its own there too, and what jobs say meanwhile."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgen.workers.pool import Processes
from textgen.workers.worker import MESSAGE, WARNING, import_early
from textgen_ray.job_transfer import Parcel, contents, unpacked

if TYPE_CHECKING:
    from textgen.runtime.environment import Machine


def describe_node() -> tuple[Machine, dict[str, str]]:
    """Return this machine, and the versions of what results depend on."""
    from textgen.runtime.environment import machine, versions  # which takes torch, and that takes seconds

    return machine(), versions()


class Mailbox:
    """On the cluster: what jobs say, until it is taken."""

    def __init__(self) -> None:
        self._said: list[tuple[int, str, Any]] = []

    def say(self, number: int, kind: str, content: Any) -> None:
        """Keep a message of the job of this number."""
        self._said.append((number, kind, content))

    def arrived(self) -> None:
        """Answer when all that the caller said before has arrived."""

    def take(self) -> list[tuple[int, str, Any]]:
        """Return the messages since the last time."""
        said, self._said = self._said, []
        return said


@dataclass(frozen=True)
class Answer:
    """What comes back of a job."""

    result: Any
    files: Mapping[str, bytes]
    """In its folder, if they are not those that it began with."""


def compute(sent: bytes, parcel: Parcel, number: int, mailbox: Any, max_silence: float | None) -> Answer:
    """Compute a job on a machine of the cluster, in a process of its own."""
    import ray

    def say(kind: str, content: Any) -> None:
        mailbox.say.remote(number, kind, content)

    def warn(message: Warning | str, *_: object, **__: object) -> None:
        say(WARNING, str(message))

    import_early()
    with unpacked(parcel, ray.get(list(parcel.parts))) as received, warnings.catch_warnings():
        warnings.showwarning = warn
        pool = Processes(sent, lambda _, content: say(MESSAGE, content), max_silence, own_process=True)
        try:
            pool.start(received)
            results: list[Any] = []
            while not results:
                results += [result for _, result in pool.wait(None)]
        finally:
            pool.end()
        with suppress(ray.exceptions.RayError):  # what it said must be there before its result
            ray.get(mailbox.arrived.remote())
        files = contents(received.folder) if received.folder else {}
        return Answer(results[0], {} if files == parcel.files else files)
