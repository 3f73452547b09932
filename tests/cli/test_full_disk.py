"""A disk that is full, or a limit on file sizes: the result is printed, and nothing is half written."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import TINY

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "20000", "--budget", "4000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu", "--json", "--quiet"]
MAX_BYTES = 10_000
"""Less than the weights of the model."""


def run_limited(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot write files of more than `MAX_BYTES`."""
    command = [sys.executable, "-m", "textgen", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES)),
    )


@pytest.mark.parametrize("command", [["train", TINY], ["bench", TINY, "random", "--length", "40"]])
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


def test_with_more_space_the_same_command_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_limited("train", TINY, *SETTINGS, "--out", str(out)).returncode == 1
    again = subprocess.run(
        [sys.executable, "-m", "textgen", "train", TINY, *SETTINGS, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert (out / "weights.safetensors").is_file()
    assert not out.with_name("out.partial").exists()
