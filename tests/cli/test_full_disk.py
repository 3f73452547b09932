"""A disk that is full, or a limit on file sizes: the result is printed, and nothing is half written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from helpers.commands import TEXTGEN, TINY, Done, run_textgen

pytestmark = pytest.mark.slow

SETTINGS = ["--corpus", "lee", "--max-chars", "6000", "--budget", "4000chars", "--precision", "fp32"]
SETTINGS += ["--device", "cpu", "--json", "--quiet"]
LIMITED = ("bash", "-c", 'ulimit -f 10; PYTHONDONTWRITEBYTECODE=1 exec "$@"', "bash")
"""Begins a command none of whose files may have more than 10 kB, which the weights of the model have."""


def check_not_saved(done: Done, folder: Path) -> None:
    """Check that the result is printed, that one line says so, and that nothing is half written."""
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert all(row["test"]["bits_per_char"] > 0 for row in result.get("entries", [result]))
    assert "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert line.startswith("error: cannot save in ")
    assert "free some space, or choose another folder (--out)" in line
    assert [path.name for path in folder.rglob(".*")] == []


@pytest.mark.parametrize(
    "command", [["train", TINY], ["bench", TINY, "random", "--length", "40", "--sampler", "greedy"]]
)
def test_a_result_that_cannot_be_saved_is_printed(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    limited = [*LIMITED, *TEXTGEN, *command, *SETTINGS, "--out", str(out)]
    check_not_saved(subprocess.run(limited, capture_output=True, encoding="utf-8", check=False), tmp_path)
    whole = [path.parent.name for path in tmp_path.rglob("weights.safetensors")]
    assert whole == (["random-seed0"] if command[0] == "bench" else [])
    if command[0] == "train":  # with more space the same command goes on
        run_textgen(*command, *SETTINGS, "--out", out)
        assert (out / "weights.safetensors").is_file()
        assert not out.with_name("out.partial").exists()
