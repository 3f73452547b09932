"""Plugins that are broken in every way: textgen goes on, and says which one, from where, and why."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.broken_plugins import FAULTS
from helpers.commands import notes, run_textgen
from textgen.registry import registry

ENTRIES = {
    "models": "char-{}",
    "tokenizers": "{}-uniform",
    "embeddings": "word-lstm-{}:num_layers=1,hidden_size=8",
    "aliases": "{}",
}


BROKEN_ENTRIES = [name for name, fault in FAULTS.items() if fault.kind in ENTRIES and fault.reason]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them installed beside each other, and one without metadata."""
    folder = tmp_path_factory.mktemp("site")
    for name, fault in FAULTS.items():
        information = folder / f"{name}-1.0.dist-info"
        information.mkdir()
        requires = f"Requires-Dist: {fault.requires}\n" if fault.requires else ""
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}"
        )
        points = f"[textgen.{fault.kind}]\n{name} = {fault.target or f'fault_{name}:Toy'}\n"
        (information / "entry_points.txt").write_text(points)
        (folder / f"fault_{name}.py").write_text(fault.code)
    (folder / "nameless-1.0.dist-info").mkdir()
    (folder / "nameless-1.0.dist-info" / "entry_points.txt").write_text("[textgen.models]\nnameless = a:B\n")
    return folder


Result = subprocess.CompletedProcess[str]


def run(path: Path | str, *arguments: str) -> Result:
    """Run a command in a process of its own that finds what is installed in `path`."""
    paths = [str(path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "textgen", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


BENCH = ("--corpus", "lee", "--max-chars", "6000", "--budget", "3000chars", "--precision", "fp32")
TINY = "char-lstm:num_layers=1,hidden_size=8"


@pytest.fixture(scope="module")
def bench(folder: Path) -> Result:
    """A comparison of two that are sound with all that are not."""
    entries = [ENTRIES[FAULTS[name].kind].format(name) for name in BROKEN_ENTRIES]
    out = ("--length", "20", "--sampler", "greedy", "--json", "--out", str(folder / "out"))
    return run(folder, "bench", TINY, "char-talks", *entries, *BENCH, *out)


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> str:
    """The same beside one whose entry points cannot be read, with which torch itself cannot be imported."""
    (tmp_path / "garbage-1.0.dist-info").mkdir()
    (tmp_path / "garbage-1.0.dist-info" / "entry_points.txt").write_text("[textgen.models]\nno equals sign\n")
    return f"{folder}{os.pathsep}{tmp_path}"


def test_help_works_with_all_of_them_installed(path: str) -> None:
    done = run(path, "--help")
    assert done.returncode == 0
    assert "bench" in done.stdout
    assert "garbage-1.0.dist-info cannot be read" in done.stderr  # so its commands are not in the help
    assert done.stderr.count("\n") == 1


def test_the_list_shows_all_of_them_and_says_which_cannot_be_used(path: str) -> None:
    done = run(path, "plugins", "--json")
    assert re.fullmatch(UNREADABLE, done.stderr.splitlines()[0])
    rows = {(row["name"], row["distribution"]): row for row in json.loads(done.stdout)["plugins"]}
    assert set(FAULTS) <= {name for name, _ in rows}
    assert rows["nameless", "unknown"]["target"] == "a:B"
    assert rows["lstm", "textgen-bench"]["problem"] is None
    assert FAULTS["old"].reason in rows["old", "old"]["problem"]
    assert FAULTS["gru"].reason in rows["gru", "gru"]["problem"]
    assert FAULTS["gru"].reason in rows["gru", "textgen-bench"]["problem"]


UNREADABLE = (
    r"the entry points of .+ in .*garbage-1\.0\.dist-info cannot be read \(.+\); reinstall or remove it"
)


def test_with_it_nothing_that_needs_torch_can_run(path: str) -> None:
    done = run(path, "train", TINY, *BENCH)
    assert done.returncode == 1
    assert re.fullmatch(f"error: {UNREADABLE}\n", done.stderr)


def test_a_comparison_continues_with_the_other_entries(bench: Result) -> None:
    assert bench.returncode == 3
    rows = {row["name"]: row for row in json.loads(bench.stdout)["entries"]}
    for name in (TINY, "char-talks"):
        assert rows[name]["error"] is None
        assert rows[name]["test"]["bits_per_char"] > 0
    assert "Traceback" not in bench.stderr


def test_what_a_plugin_prints_is_not_in_the_result(bench: Result) -> None:
    assert bench.stdout.startswith("{")
    assert {"hello", "again"} <= set(bench.stderr.splitlines())


@pytest.mark.parametrize(
    "name", [name for name, fault in FAULTS.items() if fault.kind in ENTRIES and fault.reason]
)
def test_the_row_of_a_broken_plugin_says_which_it_is_and_why(bench: Result, name: str) -> None:
    fault = FAULTS[name]
    rows = {row["name"]: row for row in json.loads(bench.stdout)["entries"]}
    error = rows[ENTRIES[fault.kind].format(name)]["error"]
    assert fault.reason in error
    assert "\n" not in error
    if name not in ("nan", "idle", "gru"):  # which are told by the row, and by both claims
        target = fault.target or f"fault_{name}:Toy"
        assert f"{fault.kind.removesuffix('es').removesuffix('s')}" in error
        assert f"{name!r} ({target}, from {name} 1.0)" in error


def test_a_broken_lexicon_is_left_out_with_a_note(bench: Result) -> None:
    assert "lexicon 'lexicon' (fault_lexicon:Toy, from lexicon 1.0) failed: ZeroDivisionError" in bench.stderr


@pytest.fixture
def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process too, the broken plugins are found."""
    monkeypatch.syspath_prepend(folder)
    registry.clear_caches()
    yield
    registry.clear_caches()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sampler", ("bench", "random", *BENCH, "--sampler", "sampler")),
        ("corpus", ("bench", "random", "--corpus", "corpus")),
        ("cleaner", ("bench", "random", *BENCH, "--clean", "cleaner")),
        ("raises", ("train", "char-raises", *BENCH)),
        ("imports", ("bench", "char-imports", *BENCH)),
        ("options", ("plugins", "show", "options")),
    ],
)
def test_what_cannot_continue_ends_with_one_line_that_says_why(
    tmp_path: Path, name: str, arguments: tuple[str, ...]
) -> None:
    done = run_textgen(*arguments, code=1, cwd=tmp_path)
    (line,) = notes(done)
    assert line.startswith("error: ")
    assert f"{name!r} (fault_{name}:Toy, from {name} 1.0)" in line
    assert FAULTS[name].reason in line
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.usefixtures("installed")
def test_all_of_them_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_PLUGINS", "talks")
    rows: list[dict[str, Any]] = json.loads(run_textgen("plugins", "--json").stdout)["plugins"]
    assert {row["distribution"] for row in rows} == {"textgen-bench", "talks"}
    monkeypatch.setenv("TEXTGEN_PLUGINS", "")
    registry.clear_caches()
    done = run_textgen("bench", "char-raises", code=1)
    assert done.stderr.endswith("; raises provides it, but TEXTGEN_PLUGINS excludes it\n")
