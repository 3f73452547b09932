"""Removing results, and folders that say what is in them."""

from __future__ import annotations

import json
import re
import sys
from io import BytesIO
from pathlib import Path

import pytest

from helpers.catalog import BENCH
from helpers.commands import Terminal, Textgen
from textgen.cli.runs import remove


def test_removal_needs_yes_and_removes_all_or_nothing(textgen: Textgen, work: Path) -> None:
    textgen("runs", "remove", "mine", BENCH, code=2)
    notes = work / "runs" / BENCH / "notes.txt"
    notes.write_text("mine")
    done = textgen("runs", "remove", "mine", BENCH, "--yes", code=1)
    assert "also contains 'notes.txt', which textgen did not write" in done.stderr
    for name in (".", "runs", str(work)):
        textgen("runs", "remove", name, "--yes", code=1)
    assert notes.exists()
    assert (work / "runs" / "mine").exists()
    notes.unlink()
    done = textgen("runs", "remove", "mine", f"{BENCH}/random", BENCH, "--yes")
    assert [line.rpartition(" (")[0] for line in done.stdout.splitlines()] == [
        "removed run mine",
        f"removed bench {BENCH}",
    ]
    assert sorted(path.name for path in (work / "runs").iterdir()) == ["suite-improvements-wiki", "tuned"]
    values = json.loads(textgen("runs", "remove", "tuned", "--yes", "--json").stdout)
    assert [(row["kind"], row["name"]) for row in values["removed"]] == [("tune", "tuned")]


@pytest.mark.parametrize(("answer", "is_removed"), [("", False), ("y", True)])
def test_on_a_terminal_it_asks(
    answer: str,
    is_removed: bool,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(BytesIO(f"{answer}\n".encode())))
    remove(["mine"])
    assert (work / "runs" / "mine").exists() is not is_removed
    shown = capsys.readouterr()
    assert shown.out.startswith("removed run mine" if is_removed else "")
    assert "run mine (" in shown.err
    assert "Remove for good?" in shown.err


@pytest.mark.usefixtures("no_references")
def test_folders_say_what_is_in_them_and_runs_are_reused(
    textgen: Textgen, budget: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = ("--corpus", "lee", "--max-chars", 4000, *budget)
    saved = textgen("bench", "random", "char-ngram", *text, "--length", 20, "--sampler", "greedy").stderr
    (folder,) = Path("runs").iterdir()
    assert f"saved in {folder}" in saved
    assert re.fullmatch(r"random_char-ngram-lee-2000chars-\d{4}-\d\d-\d\d-\d{4}", folder.name)
    assert textgen("verify", "latest").stdout == textgen("verify", folder).stdout
    best = json.loads(textgen("runs", "--json").stdout)["runs"][0]["best"]
    assert best == "char-ngram"
    assert textgen("sample", folder.name, "--length", 5).stderr == f"run {folder}/runs/char-ngram-seed0\n"
    trained = textgen("train", "random", "--corpus", "lee", "--max-chars", 4000)
    assert "saved in runs/random-lee-60s-" in trained.stdout
    textgen("runs", "remove", folder.name, "latest", "--yes")
    assert list(tmp_path.iterdir()) == []
    for command in ("bench", "train"):  # a refused one leaves nothing
        textgen(command, "char-lstm", "--corpus", "missing.txt", code=1)
        assert list(tmp_path.iterdir()) == []
