"""What a plugin does to its process costs its own row, which says what happened; the others finish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Done, ended
from helpers.launched import Launched
from helpers.plugins import TOY_MODEL

pytestmark = pytest.mark.slow

FAULTS = {
    "osexit": ("import os; os._exit(0)", "it called os._exit(0), which would end textgen (osexit.py, line "),
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

TINY = ("--corpus", "lee", "--max-chars", "5000", "--budget", "2000chars")
SAMPLES = ("--length", "20", "--sampler", "greedy")


def write_plugin(folder: Path, name: str, code: str) -> Path:
    path = folder / f"{name}.py"
    model = TOY_MODEL.format(f"if self.num_calls == 5:\n            {code}").replace(
        "class Toy", f"class {name.title()}"
    )
    path.write_text(model)
    return path


def bench(folder: Path, *arguments: str) -> Done:
    return ended(Launched("bench", *arguments, *TINY, *SAMPLES, "--json", "--out", folder))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """All faults in one comparison, with a sound entry before and after."""
    folder = tmp_path_factory.mktemp("contained")
    arguments = ["char-uniform", *(f"char-{name}" for name in FAULTS), "char-ngram"]
    for name, (code, _) in FAULTS.items():
        arguments += ["--plugin", str(write_plugin(folder, name, code))]
    return folder / "out", bench(folder / "out", *arguments, "--entry-timeout", "5s")


Compared = tuple[Path, Done]


def rows_of(compared: Compared) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(compared[1].stdout)["entries"]}


@pytest.mark.parametrize("name", FAULTS)
def test_its_row_says_what_happened(compared: Compared, name: str) -> None:
    row, expected = rows_of(compared)[f"char-{name}"], FAULTS[name][1]
    if expected is None:
        assert row["error"] is None
        assert row["test"]["bits_per_char"] > 0
    else:
        assert expected in row["error"]
        assert "\n" not in row["error"]


def test_the_others_finish_and_the_result_is_saved(compared: Compared) -> None:
    folder, done = compared
    assert done.returncode == 3
    for name in ("char-uniform", "char-ngram"):
        assert rows_of(compared)[name]["test"]["bits_per_char"] > 0
    assert (folder / "bench.json").exists()
    assert not list(folder.rglob(".*"))
    assert "Traceback" not in done.stderr


def test_no_process_of_a_plugin_stays(compared: Compared) -> None:
    folder = compared[0].parent
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(str(folder).encode() in command for command in commands)


def test_a_command_that_trains_here_never_ends_without_a_word(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "osexit", FAULTS["osexit"][0])
    command = Launched("train", "char-osexit", "--plugin", plugin, *TINY, "--out", tmp_path / "run")
    done = ended(command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: model 'osexit'")
    assert not (tmp_path / "run").exists()
