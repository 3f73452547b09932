"""Entries that cheat are found out by the comparison, or by packing and unpacking their runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers import cheats
from helpers.commands import BUDGET, run_process, run_textgen

pytestmark = pytest.mark.usefixtures("no_references")

GAIN = 0.02
"""Bits per character that chance may make of a difference."""
PLUGIN = ("--plugin", cheats.__file__)
TEXT = ("--corpus", "lee", "--max-chars", 20_000, "--length", 20, "--sampler", "greedy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of all cheats with n-grams."""
    folder = tmp_path_factory.mktemp("cheats")
    entries = ("char-ngram", *cheats.CAUGHT)
    run_textgen("bench", *entries, *PLUGIN, *TEXT, *BUDGET, "--out", "out", cwd=folder, code=3)
    return folder


def packed(folder: Path, entry: str) -> dict[str, Any]:
    """Pack the run of an entry in a process of its own, where it may change what it likes."""
    run = folder / "out" / "runs" / f"{entry}-seed0"
    done = run_process("pack", run, *PLUGIN, "--out", f"{entry}.packed", "--json", cwd=folder)
    sizes: dict[str, Any] = json.loads(done.stdout)
    return sizes


@pytest.mark.parametrize("entry", cheats.CAUGHT)
def test_a_comparison_sees_what_it_can(entry: str, folder: Path) -> None:
    rows = {row["name"]: row for row in json.loads((folder / "out" / "bench.json").read_text())["entries"]}
    row, why = rows[entry], cheats.CAUGHT[entry]
    report = (folder / "out" / "report.md").read_text("utf-8")
    assert (row["error"] is not None) is (why == cheats.FAILS)
    assert (f"- {entry} has no rank: {row.get('problem')}" in report) is (why == cheats.NO_RANK)
    if why not in (cheats.FAILS, cheats.NO_RANK):
        gain = rows["char-ngram"]["test"]["bits_per_char"] - row["test"]["bits_per_char"]
        assert (gain > GAIN) is (why not in (cheats.GAINS_NOTHING, cheats.IS_REAL))


@pytest.mark.parametrize("entry", [name for name, why in cheats.CAUGHT.items() if why == cheats.OTHER_SIZE])
def test_a_score_that_was_changed_is_not_the_size_of_its_text(entry: str, folder: Path) -> None:
    assert packed(folder, entry)["difference"] > 0.1


def test_a_model_that_was_told_the_text_cannot_give_it_back(folder: Path, tmp_path: Path) -> None:
    assert abs(packed(folder, "notes-notes")["difference"]) < 0.2  # all of it are 25 bytes
    run, file = folder / "out" / "runs" / "notes-notes-seed0", folder / "notes-notes.packed"
    done = run_process("unpack", run, file, *PLUGIN, cwd=tmp_path, code=1)
    assert "or the model had read the text" in done.stderr


def test_a_text_that_is_in_the_files_of_a_run_makes_them_larger(folder: Path) -> None:
    honest, *others = (packed(folder, entry) for entry in ("char-quiet", "char-opens", "char-hides"))
    for carries in others:
        assert carries["code_bytes"] < honest["code_bytes"] / 5
        assert sum(carries["model_bytes"].values()) - sum(honest["model_bytes"].values()) > 19_000
