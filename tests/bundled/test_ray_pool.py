"""The pool of jobs on a cluster, without a cluster: results, failures and messages as Ray hands them over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.jobs import FileJob, Remote
from textgen.contracts import TextgenWarning
from textgen.workers.pool import Killed, Stopped, drive
from textgen_ray.pool import RayPool, Share
from textgen_ray.task import Mailbox


class RayError(Exception):
    """What Ray raises."""


class LossError(RayError):
    """A machine is lost."""


class TaskError(RayError):
    """A task raised something."""

    cause = ValueError("no such thing")


class MemoryShortageError(RayError):
    """Memory ran out."""


ERRORS = SimpleNamespace(
    RayError=RayError, RayTaskError=TaskError, OutOfMemoryError=MemoryShortageError,
    **dict.fromkeys(
        ["WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "ObjectLostError", "ActorDiedError"],
        LossError,
    ),
)  # fmt: skip


def referred(call: Callable[[], Any]) -> Future[Any]:
    """Return a reference to what a call returns, or raises."""
    reference = Future[Any]()
    try:
        reference.set_result(call())
    except RayError as error:
        reference.set_exception(error)
    return reference


class FakeRay:
    """As much of Ray as the pool uses; its tasks are done at once, by `task`."""

    exceptions = ERRORS

    def __init__(self, task: Callable[..., Any]) -> None:
        self.task, self.options = task, dict[str, Any]()
        self.mailbox = Mailbox()
        self.cancelled: list[Future[Any]] = []
        self.killed: list[Any] = []

    def put(self, value: Any) -> Future[Any]:
        return referred(lambda: value)

    def remote(self, **options: Any) -> Callable[[Any], Remote]:
        self.options = options
        return lambda function: Remote(self.task, referred)

    def wait(
        self, references: list[Future[Any]], num_returns: int, timeout: float
    ) -> tuple[list[Future[Any]], list[Future[Any]]]:
        assert timeout > 0
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Future[Any], **_: float) -> Any:
        return reference.result()

    def cancel(self, reference: Future[Any], **_: bool) -> None:
        self.cancelled.append(reference)

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)

    def pool(self, on_message: Callable[[Any, Any], object] | None = None) -> RayPool:
        mailbox = Remote(self.mailbox, referred)
        return RayPool(self, Share(2, 0.5), b"", mailbox, on_message=on_message, max_silence=None)


def outcomes(ray: FakeRay, jobs: Sequence[FileJob], **options: Any) -> list[tuple[int, Any]]:
    return [(job.number, result) for job, result in drive(ray.pool(**options), jobs, lambda: 2)]


def test_results_and_files_come_back(tmp_path: Path) -> None:
    ray = FakeRay(lambda sent, parcel, number, *_: (number * 10, {"a/b": parcel.folder.encode()}))
    jobs = [FileJob(number, "", folder=tmp_path / f"run{number}") for number in (1, 2, 3)]
    assert outcomes(ray, jobs) == [(1, 0), (2, 10), (3, 20)]
    assert [(job.folder / "a/b").read_text() for job in jobs if job.folder] == ["run1", "run2", "run3"]
    assert ray.options == {"num_cpus": 2, "num_gpus": 0.5, "max_retries": 3}
    assert len(ray.killed) == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LossError("gone"), "its machine was lost 4 times: LossError: gone"),
        (TaskError(), "its process failed: ValueError: no such thing"),
        (RayError("odd"), "its process failed: RayError: odd"),
        (MemoryShortageError(), "its process was killed, possibly by the out-of-memory killer"),
    ],
)
def test_a_job_without_a_result_has_a_reason(error: RayError, message: str) -> None:
    def fail(*_: Any) -> None:
        raise error

    [(_, result)] = outcomes(FakeRay(fail), [FileJob(1, "")])
    assert result == Killed(message)


def test_a_job_is_heard_before_its_result_and_stopped_where_that_is_wanted() -> None:
    def talk(_: Any, __: Any, number: int, mailbox: Any, *___: Any) -> tuple[int, dict[str, bytes]]:
        for content in ("one", "two", "three"):
            mailbox.say.remote(number, "message", content)
        return number, {}

    heard: list[tuple[int, str]] = []

    def on_message(job: FileJob, message: str) -> bool:
        heard.append((job.number, message))
        return (job.number, message) == (6, "two")

    ray = FakeRay(talk)
    assert outcomes(ray, [FileJob(5, ""), FileJob(6, "")], on_message=on_message) == [
        (6, Stopped("")),
        (5, 0),
    ]
    assert heard == [(5, "one"), (5, "two"), (5, "three"), (6, "one"), (6, "two")]
    assert len(ray.cancelled) == 1


def test_a_warning_is_shown_here_and_a_lost_mailbox_costs_messages_only() -> None:
    def warn(_: Any, __: Any, number: int, mailbox: Any, *___: Any) -> tuple[int, dict[str, bytes]]:
        mailbox.say.remote(number, "warning", "it rains")
        return number, {}

    ray = FakeRay(warn)
    with pytest.warns(TextgenWarning, match="^it rains$"):
        assert outcomes(ray, [FileJob(1, "")]) == [(1, 0)]

    def lost() -> None:
        raise LossError

    ray.mailbox.take = lost  # type: ignore[assignment, method-assign]
    assert outcomes(ray, [FileJob(1, "")]) == [(1, 0)]
