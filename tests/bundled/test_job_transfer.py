"""Jobs as they travel to a Ray cluster, and what a task makes of them there."""

from __future__ import annotations

import pickle
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from helpers.jobs import FileJob, Remote, computed
from textgen.workers.pool import Killed
from textgen.workers.process import recipe
from textgen_ray.job_transfer import contents, packed, unpacked
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
