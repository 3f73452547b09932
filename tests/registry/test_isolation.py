"""What a plugin changes for the whole process is put back, so that it cannot change another's result."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from helpers.commands import Done, run_process, run_textgen
from helpers.plugins import TOY_MODEL
from textgen.registry.isolation import preserve_process_state

DISTURBANCE = """if self.training:
            import os
            os.chdir("/")
            os.environ["OMP_NUM_THREADS"] = "64"
            torch.set_default_dtype(torch.float64)
            torch.set_default_device("meta")
            torch.set_num_threads(3)"""
BENCH = ("--corpus", "lee", "--max-chars", "20000", "--budget", "1000chars", "--precision", "fp32")
BENCH += ("--length", "20", "--json")
TINY = "char-lstm:num_layers=1,hidden_size=8"


def rows(done: Done) -> dict[str, Any]:
    return {row["name"]: row for row in json.loads(done.stdout)["entries"]}


def test_a_plugin_that_changes_the_process_does_not_change_the_next_entry(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY_MODEL.format(DISTURBANCE))
    toy = ("char-toy", "--plugin", "toy.py")
    after = rows(run_process("bench", *toy, TINY, *BENCH, "--out", "after", cwd=tmp_path))
    alone = rows(run_textgen("bench", TINY, *BENCH, "--out", "alone", cwd=tmp_path))
    assert after[TINY]["test"] == alone[TINY]["test"]
    assert after[TINY]["samples"] == alone[TINY]["samples"]
    assert (tmp_path / "after" / "bench.json").exists()


def disturb(folder: Path) -> None:
    os.chdir(folder)
    os.environ["TEXTGEN_TEST"] = "1"
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(torch.get_num_threads() + 1)


def test_everything_is_restored_even_after_an_error(tmp_path: Path) -> None:
    before = os.getcwd(), torch.get_num_threads()
    with suppress(SystemExit), preserve_process_state():
        disturb(tmp_path)
        raise SystemExit
    assert (os.getcwd(), torch.get_num_threads()) == before
    assert "TEXTGEN_TEST" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.zeros(1).device.type == "cpu"


def test_a_deleted_working_directory_is_left(tmp_path: Path) -> None:
    before, gone = os.getcwd(), tmp_path / "gone"
    gone.mkdir()
    with preserve_process_state():
        os.chdir(gone)
        gone.rmdir()
    assert os.getcwd() == before
