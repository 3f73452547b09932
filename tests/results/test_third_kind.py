"""Another kind of result is one file: helpers/votes.py, which is all that knows of votes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from helpers.catalog import write_run
from helpers.commands import run_textgen as textgen
from helpers.pages import ROOT
from textgen.runtime.storage.json_records import SCHEMA_VERSION, with_digest

NAME = "votes-2026-11-29"
CODE = (ROOT / "tests" / "helpers" / "votes.py").read_text("utf-8")
OPTION = ("--plugin", "votes.py")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a result of the third kind, next to a run."""
    monkeypatch.chdir(tmp_path)
    Path("votes.py").write_text(CODE, "utf-8")
    folder = tmp_path / "runs" / NAME
    folder.mkdir(parents=True)
    votes = {"schema_version": SCHEMA_VERSION, "votes": {"char-lstm": 3, "word-lstm": 5}}
    (folder / "votes.json").write_text(with_digest(votes), "utf-8")
    write_run(tmp_path / "runs" / "mine")
    return folder


def test_it_is_listed() -> None:
    listed = json.loads(textgen("runs", "--json", *OPTION).stdout)["runs"]
    votes, run = sorted(listed, key=lambda item: item["name"], reverse=True)
    assert run["kind"] == "run"
    assert (votes["name"], votes["kind"]) == (NAME, "votes")
    assert (votes["entries"], votes["best"]) == (["char-lstm", "word-lstm"], "word-lstm")
    assert (
        textgen("runs", "--kind", "votes", *OPTION)
        .stdout.splitlines()[1]
        .startswith(f"{NAME}\tvotes\t\tword")
    )
    assert "unknown kind of result 'voted'; did you mean 'votes'" in (
        textgen("runs", "--kind", "voted", *OPTION, code=2).stderr
    )


def test_it_is_shown_and_has_a_page(folder: Path) -> None:
    shown = textgen("runs", "show", "votes", *OPTION)
    assert shown.stdout.startswith("# Votes\n\n**word-lstm has the most votes.**")
    assert ["word-lstm", "5"] in [
        line.strip("| ").split(" | ") for line in re.sub(" +", " ", shown.stdout).splitlines()
    ]
    assert shown.stderr == f"saved in runs/{NAME}\n"
    values = json.loads(textgen("runs", "show", "votes", "--json", *OPTION).stdout)
    assert values["votes"] == {"char-lstm": 3, "word-lstm": 5}
    page = folder / "report.html"
    assert textgen("report", "votes", *OPTION).stdout == f"runs/{NAME}/report.html\n"
    assert "<td>5</td>" in re.sub(r"<td[^>]*>", "<td>", page.read_text("utf-8"))


def test_it_is_verified(folder: Path) -> None:
    assert textgen("verify", "votes", *OPTION).stdout == "could not be checked: votes.json: votes\n"
    file = folder / "votes.json"
    file.write_text(file.read_text("utf-8").replace(": 5", ": 6"), "utf-8")
    assert "it has changed since it was written" in textgen("verify", file, *OPTION, code=1).stderr
