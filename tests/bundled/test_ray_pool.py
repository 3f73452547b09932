"""Jobs that travel, and the pool of jobs on a cluster, without a cluster."""

from __future__ import annotations

import pickle
import socket
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from helpers.jobs import FileJob, computed
from textgen.contracts import TextgenError, TextgenWarning
from textgen.jobs.backends import open_backend
from textgen.runtime.environment import versions
from textgen.runtime.messages import UsageError
from textgen.workers.pool import Killed, Stopped, Unsaved, Unsent, drive
from textgen.workers.worker_setup import Setup, recipe
from textgen_ray.cluster import _code, check_versions, fitting_nodes
from textgen_ray.job_transfer import LARGE, MAX_PARTS, Packer, contents, unpacked
from textgen_ray.pool import RayPool, Share
from textgen_ray.task import Mailbox, compute

TEXT = "It rained. " * LARGE
FILES = {"partial/checkpoint-000001/state.json": b"{}", "weights": bytes(range(256))}


class Store:
    """Parts that were put away, in this order."""

    def __init__(self) -> None:
        self.parts: list[Any] = []
        self.packer = Packer(self.put_away)

    def put_away(self, part: Any) -> int:
        self.parts.append(part)
        return len(self.parts) - 1

    def delivered(self, references: Sequence[int]) -> list[Any]:
        return [self.parts[reference] for reference in references]


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_job_comes_back_with_copies_of_its_files(store: Store, tmp_path: Path) -> None:
    folder, plugins = tmp_path / "run", [tmp_path / "a" / "toy.py", tmp_path / "b" / "toy.py"]
    for path, data in [
        *((folder / name, data) for name, data in FILES.items()),
        *((p, b"") for p in plugins),
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data or str(path).encode())
    job = FileJob(1, TEXT, np.arange(LARGE + 1, dtype=np.int32), folder, plugins)
    parcel, references = store.packer.pack(job)
    assert len(parcel.data) < 10_000
    with unpacked(parcel, store.delivered(references)) as received:
        copy = pickle.loads(pickle.dumps(received))
        assert (copy.number, copy.text) == (1, TEXT)
        assert np.array_equal(copy.ids, job.ids)
        assert copy.folder == received.folder != folder
        assert copy.folder.name == "run"
        assert contents(copy.folder) == FILES
        assert [path.name for path in copy.plugin_files] == ["toy.py", "toy.py"]
        assert [path.read_bytes() for path in copy.plugin_files] == [str(path).encode() for path in plugins]
        (copy.folder / "weights").write_bytes(b"trained")
    assert contents(folder) == FILES
    assert not copy.folder.exists()
    assert not any(path.exists() for path in copy.plugin_files)


def test_a_job_without_files_has_none_elsewhere(store: Store, tmp_path: Path) -> None:
    for job in (FileJob(1, "short"), FileJob(2, "short", folder=tmp_path / "new")):
        parcel, references = store.packer.pack(job)
        assert not parcel.files
        with unpacked(parcel, store.delivered(references)) as received:
            copy = pickle.loads(pickle.dumps(received))
            assert copy.text == "short"
            assert (copy.folder is None) == (job.folder is None)
            assert copy.folder is None or (copy.folder.parent.is_dir() and not copy.folder.exists())
    assert store.parts == []


def test_a_large_part_of_several_jobs_is_put_away_once(store: Store) -> None:
    packed = [store.packer.pack(FileJob(number, TEXT)) for number in range(3)]
    assert len(store.parts) == 1
    assert store.parts[0] is TEXT
    for number, (parcel, references) in enumerate(packed):
        with unpacked(parcel, store.delivered(references)) as received:
            copy = pickle.loads(pickle.dumps(received))
            assert (copy.number, copy.text) == (number, TEXT)


def test_the_parts_that_were_used_last_are_remembered(store: Store) -> None:
    texts = [f"{number} " * LARGE for number in range(MAX_PARTS + 1)]
    for text in texts[:MAX_PARTS]:
        store.packer.pack(FileJob(0, text))
    store.packer.pack(FileJob(0, texts[0]))  # which makes it the last one used
    assert len(store.parts) == MAX_PARTS
    store.packer.pack(FileJob(0, texts[MAX_PARTS]))  # for which the second text is forgotten
    store.packer.pack(FileJob(0, texts[0]))
    assert len(store.parts) == MAX_PARTS + 1
    store.packer.pack(FileJob(0, texts[1]))
    assert len(store.parts) == MAX_PARTS + 2


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


class Reference:
    """A reference to a value, which has arrived."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Remote:
    """A function, or the methods of an object, that are called as those of a cluster are."""

    def __init__(self, called: Any) -> None:
        self._called = called

    def remote(self, *arguments: Any) -> Reference:
        """Call it; what it raises is raised where the value is taken."""
        try:
            return Reference(self._called(*arguments))
        except RayError as error:
            return Reference(error)

    def __getattr__(self, name: str) -> Remote:
        return Remote(getattr(self._called, name))


class FakeRay:
    """As much of Ray as the pool uses; its tasks are done at once, by `task`."""

    exceptions = ERRORS

    def __init__(self, task: Callable[..., Any]) -> None:
        self.task, self.options = task, dict[str, Any]()
        self.mailbox = Mailbox()
        self.cancelled: list[Reference] = []
        self.killed: list[Any] = []
        self.put = Reference

    def remote(self, **options: Any) -> Callable[[Any], Remote]:
        self.options = options
        return lambda function: Remote(self.task)

    def wait(
        self, references: list[Reference], num_returns: int, timeout: float
    ) -> tuple[list[Reference], list[Reference]]:
        assert timeout > 0
        return references[:num_returns], references[num_returns:]

    def get(self, reference: Reference, **_: float) -> Any:
        if isinstance(reference.value, Exception):
            raise reference.value
        return reference.value

    def cancel(self, reference: Reference, **_: bool) -> None:
        self.cancelled.append(reference)

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)

    def pool(self, on_message: Callable[[Any, Any], object] | None = None) -> RayPool:
        return RayPool(
            self, Share(2, 0.5), b"", Remote(self.mailbox), on_message=on_message, max_silence=None
        )


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
    ("error", "kind", "message"),
    [
        (LossError("gone"), Killed, "its machine was lost 4 times: LossError: gone"),
        (TaskError(), Unsent, "its process failed: ValueError: no such thing"),
        (RayError("odd"), Unsent, "its process failed: RayError: odd"),
        (MemoryShortageError(), Killed, "its process was killed, possibly by the out-of-memory killer"),
    ],
)
def test_a_job_without_a_result_has_a_reason(error: RayError, kind: type, message: str) -> None:
    def fail(*_: Any) -> None:
        raise error

    [(_, result)] = outcomes(FakeRay(fail), [FileJob(1, "")])
    assert isinstance(result, kind)
    assert str(result) == message


def test_files_that_cannot_be_written_leave_the_result(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ray = FakeRay(lambda *_: (7, {"a": b""}))
    [(_, result)] = outcomes(ray, [FileJob(1, "", folder=tmp_path / "file" / "run")])
    assert result == Unsaved(7, "File exists")


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
        (6, Stopped(None)),
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


def test_a_lost_connection_is_one_line_and_ends_the_jobs() -> None:
    def lost(*_: Any, **__: Any) -> Any:
        raise ConnectionError("reset\nby peer")

    ray = FakeRay(lambda *_: (0, {}))
    ray.wait = lost  # type: ignore[method-assign]
    message = r"^the connection to the Ray cluster was lost: reset by peer; the same command continues$"
    with pytest.raises(TextgenError, match=message):
        outcomes(ray, [FileJob(1, "")])
    assert len(ray.cancelled) == 1


needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'textgen-bench[ray]'")


def task_of(store: Store, job: FileJob) -> tuple[Any, list[tuple[int, str, Any]]]:
    """Return what a task makes of a job, and what it said."""
    parcel, references = store.packer.pack(job)
    mailbox = Mailbox()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="always"):
        patch.setattr("ray.get", lambda reference: reference.value)
        sent = recipe(computed, Setup())
        answer = compute(sent, parcel, 4, Remote(mailbox), None, *store.delivered(references))
    return answer, mailbox.take()


@needs_ray
def test_a_task_computes_a_job_in_a_process_of_its_own(store: Store, tmp_path: Path) -> None:
    answer, said = task_of(store, FileJob(1, TEXT, folder=tmp_path / "run"))
    assert answer == (len(TEXT), {"weights": b"trained"})
    assert said == [
        (4, "message", "job 1 began"),
        (4, "warning", "it rains"),
        (4, "message", "job 1 is done"),
    ]
    assert not (tmp_path / "run").exists()
    (result, files), said = task_of(store, FileJob(2, "", crashes=True))
    assert (str(result), files) == ("its process crashed (SIGABRT)", {})
    assert said == [(4, "message", "job 2 began")]


def test_a_share_that_no_machine_has_is_refused() -> None:
    small = {"Alive": True, "NodeManagerAddress": "10.0.0.7", "Resources": {"CPU": 1.0}}
    large = {"Alive": True, "NodeManagerAddress": "10.0.0.8", "Resources": {"CPU": 8.0, "GPU": 2.0}}
    ray = SimpleNamespace(nodes=lambda: [small, large, {"Alive": False}])
    assert fitting_nodes(ray, Share()) == [small, large]
    assert fitting_nodes(ray, Share(0.5, 0.5)) == [large]
    assert [Share(*each).num_jobs(large["Resources"]) for each in [(1, 0), (3, 0), (1, 1), (0.1, 0.25)]] == [
        8,
        2,
        2,
        8,
    ]
    message = (
        r"^no machine of the cluster has 16 CPUs and 0 GPUs for a run "
        r"\(10.0.0.7 has 1 CPUs and 0 GPUs; 10.0.0.8 has 8 CPUs and 2 GPUs\)$"
    )
    with pytest.raises(TextgenError, match=message):
        fitting_nodes(ray, Share(16))
    with pytest.raises(UsageError, match=r"^1\.5 GPUs per run: give a part of 1, or a whole number$"):
        Share(1, 1.5)


def test_a_machine_with_other_versions_is_named() -> None:
    check_versions("10.0.0.7", {**versions(), "torch": f"{versions()['torch'].partition('+')[0]}+cu130"})
    with pytest.raises(
        TextgenError, match=r"^10\.0\.0\.7 has numpy 1\.0, and this one .*; install the same$"
    ):
        check_versions("10.0.0.7", {**versions(), "numpy": "1.0"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Ray is asked for, which then fails."""
    asked = dict[str, Any]()

    def init(**options: Any) -> None:
        asked.update(options)
        raise ConnectionError("no\nanswer")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, shutdown=lambda: None))  # type: ignore[misc]
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    return asked


def test_an_address_is_what_follows_the_name(asked: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for on, address in (
            (f"ray://127.0.0.1:{port}", f"ray://127.0.0.1:{port}"),
            (f"ray:127.0.0.1:{port}", f"127.0.0.1:{port}"),
            ("ray:auto", "auto"),
        ):
            message = f"^cannot reach the Ray cluster '{address}': no answer$"
            with pytest.raises(TextgenError, match=message), open_backend(on):
                pass
            assert asked["address"] == address
            assert Path(asked["runtime_env"]["working_dir"]).name.startswith(".empty.")
    asked.clear()
    with pytest.raises(TextgenError, match=r"^cannot reach the Ray cluster of this machine: no answer$"):
        open_backend("ray").__enter__()
    assert asked["address"] == "local"
    assert "runtime_env" not in asked


def test_what_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    message = r"^cannot reach the Ray cluster '127\.0\.0\.1:1': .*refused"
    with pytest.raises(TextgenError, match=message), open_backend("ray:127.0.0.1:1"):
        pass
    assert not asked
    with (
        pytest.raises(TextgenError, match=r"^unknown backend 'rai'; did you mean 'ray'"),
        open_backend("rai"),
    ):
        pass
    monkeypatch.setitem(sys.modules, "ray", None)  # type: ignore[arg-type]
    message = r"^--on needs Ray; run: pip install 'textgen-bench\[ray\]'$"
    with pytest.raises(TextgenError, match=message), open_backend("ray"):
        pass


def test_the_code_of_all_plugins_travels(install: Callable[[str, str, str], None], tmp_path: Path) -> None:
    install("toys", "[textgen.models]\ntoy = toys:Toy\n", "class Toy: ...")
    code = [Path(each) for each in _code()]
    assert {tmp_path / "toys/toys-1.0.dist-info", tmp_path / "toys/toys.py"} < set(code)
    names = {path.name for path in code}
    assert {"textgen", "textgen_models", "textgen_embeddings", "textgen_ray"} < names
    assert all(path.exists() for path in code)
