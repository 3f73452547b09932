"""What a plugin does to its process costs its own row, which says what happened; the others finish."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import run_textgen
from helpers.plugins import TOY_MODEL

pytestmark = pytest.mark.slow

FAULTS = {
    "osexit": ("import os; os._exit(0)", "its process ended itself (exit code 0)"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "its process crashed (SIGSEGV)"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "its process was killed, possibly by the out-of-"),
    "loops": ("while True: pass", "it made no progress for a few seconds and was ended"),
    "patches": (
        "torch.nn.functional.cross_entropy = torch.cat = None",
        "TypeError: 'NoneType' object is not",
    ),
    "sleeps": ("import os, time; os.fork() or time.sleep(600)", None),
    "writes": ("import os; os.write(1, b'noise')", None),
}
"""By name: what the model does in a later call, and what its row says; None if it has a score."""

OPTIONS = ("--corpus", "lee", "--max-chars", "5000", "--budget", "2000chars")


def write_plugin(folder: Path, name: str) -> Path:
    model = TOY_MODEL.format(f"if self.num_calls == 5:\n            {FAULTS[name][0]}")
    path = folder / f"{name}.py"
    path.write_text(model.replace("class Toy", f"class {name.title()}"))
    return path


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All faults in one comparison, with a sound entry before and after: its folder, and rows by name."""
    folder = tmp_path_factory.mktemp("contained")
    command = ["bench", "char-uniform", *(f"char-{name}" for name in FAULTS), "char-ngram", *OPTIONS]
    for name in FAULTS:
        command += ["--plugin", str(write_plugin(folder, name))]
    options = ("--length", 20, "--sampler", "greedy", "--entry-timeout", "5s", "--json", "--out", "out")
    done = run_textgen(*command, *options, code=3, cwd=folder)
    assert "Traceback" not in done.stderr
    return folder, {row["name"]: row for row in json.loads(done.stdout)["entries"]}


@pytest.mark.parametrize("name", FAULTS)
def test_its_row_says_what_happened(compared: tuple[Path, dict[str, Any]], name: str) -> None:
    row, expected = compared[1][f"char-{name}"], FAULTS[name][1]
    if expected is None:
        assert row["error"] is None
        assert row["test"]["bits_per_char"] > 0
    else:
        assert expected in row["error"]
        assert "\n" not in row["error"]


def test_the_others_finish_and_no_process_of_a_plugin_stays(compared: tuple[Path, dict[str, Any]]) -> None:
    folder, rows = compared
    for name in ("char-uniform", "char-ngram"):
        assert rows[name]["test"]["bits_per_char"] > 0
    assert (folder / "out" / "bench.json").exists()
    assert not list(folder.rglob(".*"))
    places = [os.path.realpath(link) for link in Path("/proc").glob("[0-9]*/cwd")]
    assert str(folder.resolve()) not in places
