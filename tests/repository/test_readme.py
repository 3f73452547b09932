"""The README: `make` and CI run its commands, its plugin works, its figures are those of recorded runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from math import log
from pathlib import Path
from statistics import fmean

import pytest

from helpers.commands import run_textgen
from helpers.pages import ROOT, inline_commands, parse_command, read_page, textgen_lines
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
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.S | re.M)
    (line,) = (each for each in inline_commands(README) if "--plugin" in each)
    _, values = parse_command(line)
    (name,), component = values["plugin"], values["entries"][0].partition("-")[2]
    (tmp_path / name).write_text(code, "utf-8")
    run_textgen("plugins", "check", component, "--plugin", name, cwd=tmp_path)
    briefly = ["--budget", "2kchars", "--max-chars", "20000", "--corpus", "lee", "--length", "40", "--json"]
    done = run_textgen("bench", *values["entries"][:1], "--plugin", name, *briefly, cwd=tmp_path)
    assert [row["error"] for row in json.loads(done.stdout)["entries"]] == [None]


# --- figures


@cache
def comparison(name: str) -> Comparison:
    """Return a recorded comparison."""
    return read_record(Comparison, RESULTS / f"{name}.json")


def bits(name: str, entry: str) -> float:
    """Return the score of an entry, or of a reference, in a recorded comparison."""
    result = comparison(name)
    return next(each.bits_per_char for each in (*result.scores, *result.references) if each.name == entry)


def rung(name: str, entry: str, budget: str) -> float:
    """Return the score of an entry under one budget of a recorded ladder."""
    rungs = read_record(Ladder, RESULTS / f"{name}.json").rungs
    (score,) = (each.score for each in rungs if (each.entry, each.budget) == (entry, budget))
    assert score
    return score.bits_per_char


def gap(name: str, better: str, worse: str) -> Contrast:
    """Return by how much one entry of a recorded comparison is better than another one."""
    result = comparison(name)
    samples = score_samples(rows_by_entry(result.runs, result.scored_on), result.seed_priors[SCORE])
    return contrasts_of(samples)[better, worse]


def clear_gap(name: str, better: str, worse: str) -> Iterator[str]:
    """Yield a difference and the ends of its 95 % interval."""
    found = gap(name, better, worse)
    assert found.interval
    yield from (f"{value:.2f}" for value in (found.value, *found.interval))


PUBLISHED = {"1.4697", "1.88"}
"""Losses of nanoGPT by its README."""


COMPARED = (
    (WORDS, CHARS),
    (BEST_WORDS, WORDS),
    (BEST_WORDS, BEST_CHARS),
    ("word-lstm", CHARS),
    ("word-lstm+ngram", "char-hier+words"),
)


def figures() -> Iterator[str]:
    """Yield the values with two decimals or more that the README shows, from the files that it names."""
    for entry in (BEST_WORDS, WORDS, BEST_CHARS, "word-ngram", CHARS):
        yield from row_of(entry)[2].strip("* ").replace("*", "").split(" ± ")
    for better, worse in COMPARED:
        yield from clear_gap("bench-wiki", better, worse)
    for better, worse in ((WORDS, CHARS), (BEST_WORDS, BEST_CHARS)):
        four_minutes = [rung("ladder-wiki-slower", entry, "4m") for entry in (worse, better)]
        yield f"{four_minutes[0] - four_minutes[1]:.2f}"
    for better, worse in ((WORDS, CHARS), ("word-lstm", CHARS), (WORDS, BEST_CHARS)):
        yield from clear_gap("bench-articles", better, worse)
    german = [rung("ladder-german", f"{level}+ngram", "4Mchars") for level in ("char-hier", "word-lstm")]
    yield f"{german[0] - german[1]:.3f}"
    shakespeare = [row.test.nats_per_char for row in comparison("tinyshakespeare").runs if row.name == CHARS]
    yield f"{fmean(shakespeare):.2f}"
    yield f"{fmean(shakespeare) / log(2):.2f}"
    yield from (f"{bits('bench-novels', entry):.2f}" for entry in (BEST_WORDS, BEST_CHARS))
    for score in comparison("start-austen-words").scores[:2]:
        yield f"{score.bits_per_char:.2f}"


def row_of(entry: str) -> list[str]:
    """Return the cells of the row of the README's table for an entry or a reference."""
    (row,) = re.findall(rf"^\| [`*]{re.escape(entry)}[`*] \|.*\|$", README, re.M)
    return [cell.strip() for cell in row.split("|")[1:-1]]


@pytest.mark.parametrize("entry", [BEST_WORDS, WORDS, BEST_CHARS, "word-ngram", CHARS])
def test_a_row_of_the_readme_is_that_of_the_recorded_run(entry: str) -> None:
    result = comparison("bench-wiki")
    (score,) = (each for each in (*result.scores, *result.references) if each.name == entry)
    low, high = score.interval or (0, 0)
    passes = [row.train.num_epochs for row in result.runs if row.name == entry]
    *_, shown, num_passes = row_of(entry)
    assert shown.replace("*", "") == f"{score.bits_per_char:.3f} ± {(high - low) / 2:.3f}"
    assert num_passes == (f"{fmean(passes):.1f}" if passes else "1")


def test_every_figure_of_the_readme_is_that_of_a_recorded_run() -> None:
    text = re.sub(r"^```.*?^```", "", README, flags=re.S | re.M)
    shown = set(re.findall(r"(?<![\d.])\d+\.\d\d+(?!\d|\.\d)", text))
    assert shown - {"3.11", "3.13"} - PUBLISHED == set(figures())


def test_the_samples_of_the_readme_are_those_of_the_recorded_run() -> None:
    written = {(row.name, sample.text) for row in comparison("bench-novels").runs for sample in row.samples}
    shown = re.findall(r"^- `(\S+)`: … (.*) …$", README, re.M)
    assert {name for name, _ in shown} == {BEST_WORDS, BEST_CHARS}
    for name, text in shown:
        assert any(text in " ".join(each.split()) for own, each in written if own == name)
