"""Runs that a plugin took part in: what it fails at later costs no score, and a changed one no result."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import run_process, run_textgen
from helpers.plugins import TOY_MODEL

pytestmark = pytest.mark.usefixtures("no_references")

MODEL = TOY_MODEL.format("")
STEP = (
    MODEL
    + """
    def prepare_step(self, dtype):
        return lambda ids, state: self.table(ids)
"""
)
SAMPLER = """
class Tired:
    num_choices = 0
    def __call__(self, logits, uniforms):
        Tired.num_choices += 1
        if Tired.num_choices > 9: raise ValueError("tired")
        return logits.argmax(-1)
"""
WRONG_SAMPLER = """
class Wrong:
    def __call__(self, logits, uniforms):
        if logits.shape[-1] == 4:  # before training, it is tried out with four tokens
            return logits.argmax(-1)
        return logits.argmax(-1) * 0 + logits.shape[-1]
"""
OPTIONS = ("--corpus", "lee", "--max-chars", "8000", "--budget", "2000chars", "--precision", "fp32")


def bench(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_textgen("bench", *arguments, *OPTIONS, "--length", 30, "--json", cwd=folder)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_model_that_cannot_generate_keeps_its_score(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(STEP)
    (row,) = bench(tmp_path, "char-toy", "--plugin", "step.py", "--out", "out")["entries"]
    assert row["error"] is None
    assert row["test"]["bits_per_char"] > 0
    reason, other = row["sample_errors"]
    assert re.match(r"no samples by temperature:entropy=1\.1\d: model 'toy' \(plugin_file_step_", reason)
    assert other.startswith("no samples by temperature:temperature=0.6: model 'toy'")
    assert "in a step of generation, which must return logits [16, " in reason
    assert row["samples"] == []
    assert row["sample_metrics"] is None
    assert "\n- no samples by temperature" in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_samplers_that_fail_late_leave_what_the_others_wrote_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "tired.py").write_text(SAMPLER)
    (tmp_path / "wrong.py").write_text(WRONG_SAMPLER)
    samplers = [part for name in ("greedy", "tired", "wrong") for part in ("--sampler", name)]
    plugins = ("--plugin", "tired.py", "--plugin", "wrong.py")
    (row,) = bench(tmp_path, "random", *plugins, *samplers)["entries"]
    assert row["test"]["bits_per_char"] > 0
    assert {sample["sampler"] for sample in row["samples"]} == {"greedy"}
    assert row["sample_metrics"]["num_words"] >= 0
    tired, wrong = row["sample_errors"]
    assert "no samples by tired: sampler 'tired'" in tired
    assert tired.endswith("failed: ValueError: tired (tired.py, line 6)")
    assert wrong.startswith("no samples by wrong: sampler 'wrong' (plugin_file_wrong_")
    assert "returned a token id outside 0…" in wrong


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plugin and a comparison that it took part in."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "toy.py").write_text(MODEL)
    bench(folder, "char-toy", "--plugin", "toy.py", "--out", "out")
    return folder


@pytest.fixture
def trained(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return shutil.copytree(made, tmp_path / "copy")


def test_a_result_of_an_older_version_of_a_plugin_is_not_reused(trained: Path) -> None:
    again = bench(trained, "char-toy", "--plugin", "toy.py", "--out", "out")
    assert again["entries"][0]["error"] is None
    (trained / "toy.py").write_text(MODEL.replace("self.table(ids)", "2 * self.table(ids)"))
    done = run_textgen(
        "bench", "char-toy", "--plugin", "toy.py", "--out", "out", *OPTIONS, code=1, cwd=trained
    )
    assert "made with another version of its plugins; choose another folder (--out)" in done.stderr


def test_a_run_says_which_file_it_needs(trained: Path) -> None:
    done = run_textgen("sample", "out/runs/char-toy-seed0", "--length", 5, code=1, cwd=trained)
    assert "run 'out/runs/char-toy-seed0' cannot be loaded: unknown model 'toy'" in done.stderr
    assert "; add --plugin toy.py; it was made with textgen-bench " in done.stderr
    assert re.search(r", toy\.py [0-9a-f]{12}$", done.stderr.strip())
    run_process("sample", "out/runs/char-toy-seed0", "--length", 5, "--plugin", "toy.py", cwd=trained)


def test_a_run_whose_plugin_fails_is_not_called_damaged(trained: Path) -> None:
    (trained / "toy.py").write_text(MODEL.replace("super().__init__()", "super().__init__(); {}['new']"))
    done = run_textgen("sample", "out/runs/char-toy-seed0", "--plugin", "toy.py", code=1, cwd=trained)
    assert "cannot be loaded: model 'toy' (plugin_file_toy_" in done.stderr
    assert "failed: KeyError: 'new' (toy.py, line 7)" in done.stderr
    assert "delete" not in done.stderr
