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


def check_not_saved(done: Done, folder: Path) -> str:
    """Check that the result is printed, and that nothing is half written; return the line that says so."""
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert all(row["test"]["bits_per_char"] > 0 for row in result.get("entries", [result]))
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert line.startswith("error: cannot save in ")
    assert "free some space, or choose another folder (--out)" in line
    assert [path.name for path in folder.rglob(".*")] == []
    return line


@pytest.mark.parametrize(
    "command", [["train", TINY], ["bench", TINY, "random", "--length", "40", "--sampler", "greedy"]]
)
def test_a_result_that_cannot_be_saved_is_printed(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    check_not_saved(ended(Launched(*command, *SETTINGS, "--out", out, max_bytes=MAX_BYTES)), tmp_path)
    whole = [path.parent.name for path in tmp_path.rglob("weights.safetensors")]
    assert whole == (["random-seed0"] if command[0] == "bench" else [])
    if command[0] == "train":  # with more space the same command goes on
        run_textgen(*command, *SETTINGS, "--out", out)
        assert (out / "weights.safetensors").is_file()
        assert not out.with_name("out.partial").exists()


def test_without_any_room_a_trained_run_is_saved_elsewhere(small_disk: Callable[[int], Path]) -> None:
    out = small_disk(20) / "run"
    line = check_not_saved(ended(Launched("train", TINY, *SETTINGS, "--out", out)), out.parent)
    kept = Path(line.rpartition("until then the run is in ")[2].strip("'"))
    assert (kept / "weights.safetensors").is_file()
    shutil.rmtree(kept.parent)
