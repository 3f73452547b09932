"""The commands of the README exist and mean something; `make` and CI run what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from textgen.cli.app import app
from textgen.data.corpus import parse_split
from textgen.experiment.entry import parse_entry
from textgen.registry.options import build
from textgen.suite.schema import load_suite
from textgen.training.budget import parse_budget

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.S | re.M)
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.strip().startswith("#")
]
TEXTGEN = [line for line in COMMANDS if Path(shlex.split(line)[0]).name == "textgen"]
MAIN_JOB = "textgen bench char-lstm word-lstm-glove random"

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def parse(line: str) -> tuple[str, dict[str, Any]]:
    """Return the subcommand and the values of its parameters; unknown ones raise Typer's usage errors."""
    _, subcommand, *arguments = shlex.split(line, comments=True)
    command = typer.main.get_command(app).commands[subcommand]  # type: ignore[attr-defined]
    return subcommand, command.make_context(subcommand, arguments).params


def test_the_readme_begins_with_the_main_job_and_the_tests() -> None:
    assert COMMANDS[:2] == ["make bench", "make test"]
    assert any(line.endswith(MAIN_JOB) for line in TEXTGEN)
    used = {shlex.split(line)[1] for line in TEXTGEN}
    assert {"bench", "train", "sample", "score", "describe", "corpus"} <= used


@pytest.mark.parametrize("line", TEXTGEN)
def test_a_command_of_the_readme_parses(line: str) -> None:
    subcommand, values = parse(line)
    entries = values.get("entries") or [values[key] for key in ("entry",) if key in values]
    if subcommand == "suite":
        assert load_suite(values["name"]).cases()
    if subcommand == "describe" and "/" not in values["what"]:
        entries = [values["what"]]
    for entry in entries:
        parse_entry(entry)
    for read, key in ((parse_budget, "budget"), (parse_split, "split")):
        if values.get(key):
            read(values[key])
    samplers = values.get("sampler", [])
    for sampler in [samplers] if isinstance(samplers, str) else samplers:
        build("sampler", sampler)
    if values.get("clean"):
        build("cleaner", values["clean"])


def test_what_is_sampled_and_scored_was_trained_before() -> None:
    trained = []
    for subcommand, values in map(parse, TEXTGEN):
        if subcommand == "train":
            trained.append(values["out"])
        elif subcommand in ("sample", "score"):
            assert values["run"] in trained


def test_the_entries_and_cleaners_that_prose_mentions_exist() -> None:
    for entry in re.findall(r"`((?:char|word)-[a-z0-9]+(?:-[a-z0-9]+)?(?::[^`…]+)?)`", README):
        parse_entry(entry)
    for cleaner in re.findall(r"`--clean ([^`]+)`", README):
        build("cleaner", cleaner)


def test_the_extras_that_are_installed_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    asked = re.findall(r"\.\[([a-z0-9,]+)\]", README + (ROOT / "Makefile").read_text("utf-8"))
    assert asked
    assert {extra for list_ in asked for extra in list_.split(",")} <= set(extras)


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


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
    make.write_text(f"#!{sys.executable}\nimport os, sys\nprint(os.getcwd(), *sys.argv[1:])\nsys.exit(3)\n")
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = [str(ROOT / ".ci" / "run")]
    done = subprocess.run(
        script, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout == f"{ROOT} test\n"
    assert done.returncode == 3  # a failure of the tests fails CI
