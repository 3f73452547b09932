"""A disk that is full, or a limit on file sizes: the result is printed, and nothing is half written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.commands import TINY, Done, ended, run_textgen
from helpers.launched import Launched

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "6000", "--budget", "4000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu", "--json", "--quiet"]
MAX_BYTES = 10_000
"""Less than the weights of the model."""


def run_limited(*arguments: object, max_bytes: int | None = MAX_BYTES) -> Done:
    """Run a command that cannot write files of more than `max_bytes`."""
    return ended(Launched(*arguments, max_bytes=max_bytes))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a disk of this size in kilobytes, where that is allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(kilobytes: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a disk can be mounted by root only")
        return disk

    yield mount
    subprocess.run(["umount", str(disk)], check=False, capture_output=True)


def failed_to_save(done: Done, folder: Path) -> None:
    """Check the exit code, and that one line says what to do."""
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith(f"error: cannot save in '{folder}': ")
    assert "free some space, or choose another folder (--out)" in errors[0]
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.parent.rglob(".*")] == []


@pytest.mark.parametrize(
    "command", [["train", TINY], ["bench", TINY, "random", "--length", "40", "--sampler", "greedy"]]
)
def test_a_result_that_cannot_be_saved_is_printed(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run_limited(*command, *SETTINGS, "--out", str(out))
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    rows = result.get("entries", [result])
    assert all(row["error"] is None and row["test"]["bits_per_char"] > 0 for row in rows)
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: cannot save in ")
    assert "free some space, or choose another folder (--out)" in line
    whole = [path.parent.name for path in tmp_path.rglob("weights.safetensors")]
    assert whole == (["random-seed0"] if command[0] == "bench" else [])
    assert [path.name for path in tmp_path.rglob(".*")] == []
    if command[0] == "train":  # with more space the same command goes on
        run_textgen(*command, *SETTINGS, "--out", out)
        assert (out / "weights.safetensors").is_file()
        assert not out.with_name("out.partial").exists()


def test_without_any_room_a_trained_run_is_saved_elsewhere(small_disk: Callable[[int], Path]) -> None:
    out = small_disk(20) / "run"
    done = run_limited("train", TINY, *SETTINGS, "--out", out, max_bytes=None)
    failed_to_save(done, out)
    kept = Path(done.stderr.splitlines()[-1].rpartition("until then the run is in ")[2].strip("'"))
    assert (kept / "weights.safetensors").is_file()
    assert json.loads(done.stdout)["test"]["bits_per_char"] > 0
    shutil.rmtree(kept.parent)
