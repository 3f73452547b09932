"""A task on a Ray cluster: it runs one job, in a process of its own there too, and relays its messages."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textgen.workers.pool import Processes
from textgen.workers.process import MESSAGE, WARNING, import_early
from textgen_ray.job_transfer import Parcel, contents, unpacked

if TYPE_CHECKING:
    from textgen.runtime.environment import Machine


def describe_node() -> tuple[Machine, dict[str, str]]:
    """Return this machine, and the versions of what results depend on."""
    from textgen.runtime.environment import machine, versions  # which takes torch, and that takes seconds

    return machine(), versions()


class Mailbox:
    """On the cluster: what jobs say, until it is taken.

    Not a `ray.util.queue.Queue`: its `put` waits, and a task that waits lends its CPU to another one; without
    waiting, its messages arrive out of order.
    """

    def __init__(self) -> None:
        self._messages: list[tuple[int, str, Any]] = []

    def say(self, number: int, kind: str, content: Any) -> None:
        """Keep a message of the job of this number."""
        self._messages.append((number, kind, content))

    def take(self) -> list[tuple[int, str, Any]]:
        """Return the messages since the last time."""
        messages, self._messages = self._messages, []
        return messages

    def arrived(self) -> None:
        """Answer when all that the caller said before has arrived."""


def compute(
    sent: bytes, parcel: Parcel, number: int, mailbox: Any, max_silence: float | None
) -> tuple[Any, Mapping[str, bytes]]:
    """Return the result of a job and the files in its folder, if they are not those that it began with.

    What job `number` says goes to the mailbox.
    """
    import ray

    def say(kind: str, content: Any) -> None:
        mailbox.say.remote(number, kind, content)

    def warn(message: Warning | str, *_: object, **__: object) -> None:
        say(WARNING, str(message))

    import_early("textgen.jobs.runner")  # which jobs are computed by
    with unpacked(parcel) as (job, folder), warnings.catch_warnings():
        warnings.showwarning = warn
        pool = Processes(sent, lambda _, content: say(MESSAGE, content), max_silence, own_process=True)
        try:
            pool.start(job)
            results: list[Any] = []
            while not results:
                results += [result for _, result in pool.wait()]
        finally:
            pool.end()
        with suppress(ray.exceptions.RayError):  # what it said must be there before its result
            ray.get(mailbox.arrived.remote())
        files = contents(folder) if folder else {}
        return results[0], {} if files == parcel.files else files
