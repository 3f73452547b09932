"""The README begins with the main job; `make` and CI run what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.pages import ROOT, parse_command, read_page, shell_lines, textgen_lines

README = read_page("README.md")
TEXTGEN = textgen_lines(README)
MAIN_JOB = "textgen bench char-lstm word-lstm-glove random"
MAX_LINES = 120

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def test_the_readme_begins_with_the_main_job_and_the_tests() -> None:
    assert shell_lines(README)[:2] == ["make bench", "make test"]
    assert any(line.endswith(MAIN_JOB) for line in TEXTGEN)
    used = {shlex.split(line)[1] for line in TEXTGEN}
    assert {"bench", "train", "sample", "score", "describe", "corpus"} <= used


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(README.splitlines()) <= MAX_LINES
    reached = {name for page in ("README.md", "CONTRIBUTING.md") for name in linked_pages(page)}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} <= reached | linked_pages(
        "docs/write-a-plugin.md"
    )


def linked_pages(page: str) -> set[str]:
    """Return the names of the pages that a page links to."""
    return {Path(link).name for link in re.findall(r"\]\((?!https?:)([^)#]+\.md)", read_page(page))}


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
