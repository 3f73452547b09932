"""The README: `make` and CI run its commands, its plugin works, and its figures are those of recorded runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from helpers.pages import ROOT, parse_command, read_page, textgen_lines
from textgen.evaluation.intervals import Contrast
from textgen.results.comparison import Comparison
from textgen.results.judge import SCORE, contrasts_of, score_samples
from textgen.results.ladder import Ladder
from textgen.results.row import rows_by_entry
from textgen.runtime.storage.json_records import read_record

README = read_page("README.md")
TEXTGEN = textgen_lines(README)
RESULTS = ROOT / "benchmarks" / "results"
MAIN_JOB = "textgen bench char-lstm word-lstm-glove random"
CHARS, WORDS = "char-lstm", "word-lstm-glove"
BEST_CHARS, BEST_WORDS = "char-hier+words-glove", "word-lstm+ngram-glove"

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def test_what_is_sampled_and_scored_was_trained_before() -> None:
    trained = []
    for subcommand, values in map(parse_command, TEXTGEN):
        if subcommand == "train":
            trained.append(values["out"])
        elif subcommand in ("sample", "score"):
            assert values["run"] in trained


@needs_make
def test_make_runs_what_the_readme_says(tmp_path: Path) -> None:
    def commands(target: str) -> str:
        dry = ["make", "--dry-run", target, f"VENV={tmp_path}"]
        return subprocess.run(dry, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout

    assert f"bin/{MAIN_JOB}\n" in commands("bench")
    assert any(line.endswith(MAIN_JOB) for line in TEXTGEN)
    checks = commands("test")
    for command in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert re.search(rf"bin/{command}\b", checks), command
    sources = re.search(r"bin/ruff check (.*)", checks)
    assert sources
    assert {"textgen", "plugins", "embeddings", "tests"} <= set(sources[1].split())


def test_ci_runs_the_tests(tmp_path: Path) -> None:
    """CI's script calls `make test` in the project's folder, from wherever it is started."""
    make = tmp_path / "make"
    make.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(os.getcwd(), *sys.argv[1:])\n"
        "sys.exit(3 * (sys.argv[1:] == ['test']))\n"
    )
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = [str(ROOT / ".ci" / "run")]
    done = subprocess.run(
        script, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout.splitlines() == [f"{ROOT} .venv/.installed-test", f"{ROOT} test"]
    assert done.returncode == 3  # a failure of the tests fails CI


def test_the_plugin_of_the_readme_is_checked_and_compared(tmp_path: Path) -> None:
    ((name, code),) = re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", README, re.S | re.M)
    (tmp_path / name).write_text(code, "utf-8")
    (line,) = (line for line in TEXTGEN if f"--plugin {name}" in line)
    _, values = parse_command(line)
    component = values["entries"][0].partition("-")[2]
    run_textgen("plugins", "check", component, "--plugin", name, cwd=tmp_path)
    briefly = ["--budget", "2kchars", "--max-chars", "20000", "--corpus", "lee", "--length", "40", "--json"]
    done = run_textgen("bench", *values["entries"][:1], "--plugin", name, *briefly, cwd=tmp_path)
    assert [row["error"] for row in json.loads(done.stdout)["entries"]] == [None]
