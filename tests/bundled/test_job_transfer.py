"""Jobs as they travel to a Ray cluster, what a task makes of them there, and the pool that hands them out."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.jobs import FileJob, Remote, computed
from textgen.contracts import TextgenWarning
from textgen.workers.pool import Killed, Stopped, drive
from textgen.workers.process import recipe
from textgen_ray.job_transfer import contents, packed, unpacked
from textgen_ray.pool import RayPool, Share
from textgen_ray.task import Mailbox, compute

TEXT = "It rained. " * 100_000
FILES = {"partial/checkpoint-000001/state.json": b"{}", "weights": bytes(range(256))}


def test_a_job_comes_back_with_copies_of_its_files(tmp_path: Path) -> None:
    folder, plugins = tmp_path / "run", [tmp_path / "a" / "toy.py", tmp_path / "b" / "toy.py"]
    for path, data in [
        *((folder / name, data) for name, data in FILES.items()),
        *((p, b"") for p in plugins),
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or str(path).encode())
    with unpacked(packed(FileJob(1, TEXT, folder, plugins))) as (received, there):
        copy = pickle.loads(pickle.dumps(received))
        assert (copy.number, copy.text) == (1, TEXT)
        assert copy.folder == there != folder
        assert copy.folder.name == "run"
        assert contents(copy.folder) == FILES
        assert [path.name for path in copy.plugin_files] == ["toy.py", "toy.py"]
        assert [path.read_bytes() for path in copy.plugin_files] == [str(path).encode() for path in plugins]
        (copy.folder / "weights").write_bytes(b"trained")
    assert contents(folder) == FILES
    assert not copy.folder.exists()
    assert not any(path.exists() for path in copy.plugin_files)


def task_of(job: FileJob) -> tuple[Any, list[tuple[int, str, Any]]]:
    """Return what a task makes of a job, and what it said."""
    mailbox = Mailbox()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="always"):
        patch.setattr("ray.get", lambda answer: answer)
        answer = compute(recipe(computed), packed(job), 4, Remote(mailbox, lambda call: call()), None)
    return answer, mailbox.take()


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'textgen-bench[ray]'")
def test_a_task_computes_a_job_in_a_process_of_its_own(tmp_path: Path) -> None:
    answer, said = task_of(FileJob(1, TEXT, folder=tmp_path / "run"))
    assert answer == (len(TEXT), {"weights": b"trained"})
    assert said == [
        (4, "message", "job 1 began"),
        (4, "warning", "it rains"),
        (4, "message", "job 1 is done"),
    ]
    assert not (tmp_path / "run").exists()
    (result, files), said = task_of(FileJob(2, "", crashes=True))
    assert (result, files) == (Killed("its process crashed (SIGABRT)"), {})
    assert said == [(4, "message", "job 2 began")]


# --- the pool, without a cluster: results, failures and messages as Ray hands them over


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
