"""A sealed text ranks the entries, and nothing reads it before all of them are trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import TINY, Textgen

pytestmark = pytest.mark.usefixtures("no_references")

SPY = """
import pathlib
from textgen_models.counting import Uniform

class Spy(Uniform):
    def fit(self, ids):
        pathlib.Path("sealed.txt").write_text("What was written while it was trained. " * 100)
"""

SEARCHES = """
import os, pathlib, sys
from textgen_models.counting import Uniform

FIRST = {first!r}.encode()

class Searches(Uniform):
    def fit(self, ids):
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ", "mem", *(f"fd/{{number}}" for number in range(20))):
                try:
                    path = process / name
                    if name == "mem" or (name[:2] == "fd" and not path.is_file()):
                        os.close(os.open(path, os.O_RDONLY))
                        continue
                    data = path.read_bytes()
                except OSError:
                    continue
                if FIRST in data or b"secret" in data:
                    found.append(f"{{path}} of {{(process / 'comm').read_text()}}")
        if sys.stdin.read():
            found.append("standard input")
        if any("secret" in value for value in os.environ.values()):
            found.append("environment")
        pathlib.Path("found.txt").write_text("\\n".join(found))
"""


@pytest.fixture
def folder(tmp_path: Path, news: str) -> Path:
    (tmp_path / "open.txt").write_text(news[:20_000])
    (tmp_path / "sealed.txt").write_text(news[20_000:23_000])
    (tmp_path / "spy.py").write_text(SPY)
    return tmp_path


def test_it_is_the_test_part(textgen: Textgen, budget: list[str], folder: Path) -> None:
    arguments = ("bench", TINY, "char-ngram", "--corpus", "open.txt", "--sealed", "sealed.txt", *budget)
    done = textgen(*arguments, "--length", 30, "--out", "out", "--json", cwd=folder)
    result = json.loads(done.stdout)
    split = result["corpus"]["split"]
    assert split["method"] == "95/5/0"
    assert sum(split["test"]["stretch_chars"]) == split["test"]["num_chars"]
    assert 2_900 < split["test"]["num_chars"] <= 3_001  # with the newline that the cleaner adds
    assert split["train"]["num_chars"] + split["validation"]["num_chars"] == result["corpus"]["num_chars"]
    assert result["scored_on"] == "test"
    assert result["sources"]["sealed"] == "sealed.txt"
    assert all(row["score_checks"]["trained_apart"] for row in result["entries"])
    textgen("verify", "out", "--runs", cwd=folder)
    report = (folder / "out/report.md").read_text("utf-8")
    assert "sealed.txt, which was opened after all entries were trained" in report


@pytest.mark.long
def test_it_is_read_after_training(textgen: Textgen, budget: list[str], folder: Path) -> None:
    text = ("--corpus", "open.txt", "--sealed", "sealed.txt", "--plugin", "spy.py", "--length", 30)
    done = textgen("bench", "char-uniform", "char-spy", *text, *budget, "--json", cwd=folder)
    assert 3000 < json.loads(done.stdout)["corpus"]["split"]["test"]["num_chars"] < 4000


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (("--sealed", "none.txt"), 1, "no such file: none.txt"),
        (("--sealed", "-", "--split", "80/10/10"), 2, "give the other one none, as by 95/5/0"),
        (("--sealed", "-", "--corpus", "-"), 2, "corpus and sealed cannot both be standard input"),
        (("--sealed", "sealed.txt", "--split", "80/10/10"), 2, "give the other one none, as by 95/5/0"),
    ],
)
def test_what_cannot_be_sealed_is_refused_before_training(
    textgen: Textgen, folder: Path, options: tuple[str, ...], code: int, reason: str
) -> None:
    arguments = ("bench", "char-uniform", "--corpus", "open.txt", *options, "--budget", "2000chars")
    done = textgen(*arguments, cwd=folder, code=code)
    assert reason in done.stderr
    assert "[" not in done.stderr  # no step of training


def test_standard_input_is_read_after_training_and_again_to_verify(
    textgen: Textgen, budget: list[str], folder: Path
) -> None:
    text = (folder / "sealed.txt").read_text()
    arguments = ("bench", "char-uniform", "--corpus", "open.txt", "--sealed", "-", *budget, "--length", 30)
    done = textgen(*arguments, "--out", "out", "--json", cwd=folder, stdin=text)
    result = json.loads(done.stdout)
    assert result["sources"]["sealed"] == "-"
    assert 2_900 < result["corpus"]["split"]["test"]["num_chars"] <= 3_001
    line = "all entries are trained; waiting for the sealed text on standard input"
    assert done.stderr.index("trained\n") < done.stderr.index(line)
    assert "standard input, which was opened after" in (folder / "out/report.md").read_text("utf-8")
    textgen("verify", "out", "--runs", cwd=folder, stdin=text)
    other = textgen("verify", "out", "--runs", cwd=folder, stdin=text[:1500], code=1)
    assert "differ when they are recomputed" in other.stderr
    missing = textgen("verify", "out", "--runs", cwd=folder, code=1)
    assert missing.stderr.endswith("standard input is empty; give a text\n")


@pytest.mark.long
def test_without_the_text_what_is_trained_is_kept(textgen: Textgen, budget: list[str], folder: Path) -> None:
    arguments = ("bench", TINY, "--corpus", "open.txt", "--sealed", "-", *budget, "--length", 30)
    done = textgen(*arguments, "--out", "out", cwd=folder, code=1)
    assert done.stderr.endswith("standard input is empty; give a text\n")
    text = (folder / "sealed.txt").read_text()
    again = textgen(*arguments, "--out", "out", cwd=folder, stdin=text)
    assert "waiting for the sealed text" in again.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_cannot_be_found_while_entries_are_trained(folder: Path, budget: list[str]) -> None:
    text = (folder / "sealed.txt").read_text()
    (folder / "searches.py").write_text(SEARCHES.format(first=text[:40]))
    (folder / "sealed.txt").rename(folder / "secret.txt")
    arguments = ("bench", "char-searches", "--corpus", "open.txt", "--sealed", "-", *budget, "--length", 30)
    command = [sys.executable, "-m", "textgen", *map(str, arguments), "--plugin", "searches.py", "--json"]
    surroundings = os.environ | {"SUDO_COMMAND": "textgen bench --sealed secret.txt"}
    with (folder / "secret.txt").open() as given:
        done = subprocess.run(
            command, stdin=given, capture_output=True, text=True, cwd=folder, env=surroundings, check=True
        )
    assert json.loads(done.stdout)["corpus"]["split"]["test"]["num_chars"] > 2_900
    assert (folder / "found.txt").read_text() == ""
