"""Jobs as they travel to other machines: each large part is sent once, and a task computes a copy there."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.jobs import FileJob, Remote, computed
from textgen.workers.pool import Killed
from textgen.workers.process import recipe
from textgen_ray.job_transfer import LARGE, Packer, contents, unpacked
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
    assert len(parcel.job) < 10_000
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


def test_a_large_part_of_several_jobs_is_put_away_once(store: Store) -> None:
    packed = [store.packer.pack(FileJob(number, TEXT)) for number in range(3)]
    assert len(store.parts) == 1
    assert pickle.loads(store.parts[0]) == TEXT
    for number, (parcel, references) in enumerate(packed):
        with unpacked(parcel, store.delivered(references)) as received:
            copy = pickle.loads(pickle.dumps(received))
            assert (copy.number, copy.text) == (number, TEXT)


def task_of(store: Store, job: FileJob) -> tuple[Any, list[tuple[int, str, Any]]]:
    """Return what a task makes of a job, and what it said."""
    parcel, references = store.packer.pack(job)
    mailbox = Mailbox()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="always"):
        patch.setattr("ray.get", lambda answer: answer)
        sent = recipe(computed)
        answer = compute(
            sent, parcel, 4, Remote(mailbox, lambda call: call()), None, *store.delivered(references)
        )
    return answer, mailbox.take()


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'textgen-bench[ray]'")
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
    assert (result, files) == (Killed("its process crashed (SIGABRT)"), {})
    assert said == [(4, "message", "job 2 began")]
