"""The README: `make` and CI run its commands, its figures are those of recorded runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean

import pytest

from helpers.pages import ROOT, read_page, textgen_lines
from textgen.results.comparison import Comparison, EntryScore, ReferenceScore
from textgen.results.judge import SCORE, contrasts_of, score_samples
from textgen.results.ladder import Ladder
from textgen.results.row import Row
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.spelling import SpellingResults
from textgen_suites.result import SuiteResult

README = read_page("README.md")
RESULTS = ROOT / "benchmarks" / "results"
MAIN, MAIN_JOB = "bench-wiki", "textgen bench char-lstm word-lstm-glove random"
CHARS, WORDS, GLOVE = "char-lstm", "word-lstm", "word-lstm-glove"
BEST, ALONE, HELPED = "word-lstm+ngram-glove", "word-lstm:speller=model", "char-lstm+ngram"

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@needs_make
def test_make_and_ci_run_what_the_readme_says(tmp_path: Path) -> None:
    def commands(target: str) -> str:
        dry = ["make", "--dry-run", target, f"VENV={tmp_path}"]
        return subprocess.run(dry, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout

    assert f"bin/{MAIN_JOB}\n" in commands("bench")
    assert any(line.endswith(MAIN_JOB) for line in textgen_lines(README))
    checks = commands("test")
    for command in ("ruff check", "ruff format --check", "codespell", "mypy", "pytest"):
        assert re.search(rf"bin/{command}\b", checks), command
    assert read_page(".ci/run").endswith("\nmake test\n")


# --- figures


@cache
def comparison(name: str) -> Comparison:
    return read_record(Comparison, RESULTS / f"{name}.json")


def score_of(name: str, entry: str) -> EntryScore | ReferenceScore:
    result = comparison(name)
    return next(each for each in (*result.scores, *result.references) if each.name == entry)


def bits(name: str, entry: str) -> float:
    return score_of(name, entry).bits_per_char


def change_of(name: str, asked: str, label: str) -> float:
    """Return the change of a case of a suite."""
    questions = read_record(SuiteResult, RESULTS / f"{name}.json").questions
    (effect,) = (question.effect(label) for question in questions if question.name == asked)
    assert effect
    assert effect.bits_per_char
    return effect.bits_per_char.value


def gap(name: str, better: str, worse: str) -> float:
    """Return by how much an entry of a recorded comparison is better."""
    return bits(name, worse) - bits(name, better)


def lead(ladder: Ladder, rows: Mapping[str, Sequence[Row]], better: str, worse: str) -> str:
    found = contrasts_of(score_samples(rows, ladder.seed_priors[SCORE]))[better, worse]
    return f"{abs(found.value):.2f}"


ROWS = (BEST, WORDS, ALONE, HELPED, CHARS)
"""The rows of the README's table."""
TEXTS = (MAIN, "bench-moby", "bench-edgeworth")
PYTHONS = {"3.11", "3.13"}


def figures() -> Iterator[str]:
    """Yield the values with decimals that the README shows, from the files that RESULTS.md names."""
    yield f"{comparison(MAIN).corpus.split.train.num_chars / 1e6:.1f}"
    yield f"{score_of(MAIN, 'random').bits_per_char:.1f}"
    yield from ("0.2", f"{2**0.2:.2f}", f"{2 ** (6 * 0.2):.1f}")
    yield from (value for entry in ROWS for cell in cells(entry) for value in re.findall(r"\d+\.\d+", cell))
    gaps = [gap(name, WORDS, CHARS) for name in TEXTS]
    yield from (f"{of(gaps):.2f}" for of in (min, max))
    yield from (f"{gap(name, *pair):.2f}" for name in TEXTS for pair in ((ALONE, CHARS), (WORDS, HELPED)))
    yield f"{gap(MAIN, WORDS, ALONE):.2f}"
    yield f"{abs(change_of('reading-wiki', 'five', 'word, spelled by the network')):.2f}"
    gains = [gap(name, GLOVE, WORDS) for name in TEXTS]
    yield from (f"{of(gains):.2f}" for of in (min, max))
    yield f"{gap('bench-wiki-16m', WORDS, CHARS):.2f}"
    for name in ("improvements-wiki", "improvements-moby"):
        yield f"{abs(change_of(name, 'level', 'word')):.2f}"
    ladder = read_record(Ladder, RESULTS / "ladder-wiki.json")
    rows = {rung.entry: rung.runs for rung in ladder.rungs if rung.budget == ladder.budgets[0]}
    yield lead(ladder, rows, WORDS, CHARS)


def cells(entry: str) -> list[str]:
    """Return the cells of the row of the README's table for an entry or a reference."""
    (row,) = re.findall(rf"^\| [`*]{re.escape(entry)}[`*] \|.*\|$", README, re.M)
    return [cell.strip() for cell in row.split("|")[1:-1]]


@pytest.mark.parametrize("entry", ROWS)
def test_a_row_of_the_readme_is_that_of_the_recorded_run(entry: str) -> None:
    score, runs = score_of(MAIN, entry), [run for run in comparison(MAIN).runs if run.name == entry]
    low, high = score.interval or (0, 0)
    *_, shown, num_passes, size_shown = cells(entry)
    assert shown.replace("*", "") == f"{score.bits_per_char:.3f} ± {(high - low) / 2:.3f}"
    assert num_passes == f"{fmean(run.train.num_epochs for run in runs):.1f}"
    assert size_shown == f"{max(run.num_parameters for run in runs) / 1e6:.1f} M"


def test_every_figure_of_the_readme_is_that_of_a_recorded_run() -> None:
    text = re.sub(r"^```.*?^```", "", README, flags=re.S | re.M)
    shown = set(re.findall(r"(?<![\d.])\d+\.\d+(?!\d|\.\d)", text))
    assert shown - PYTHONS == set(figures())


def test_the_share_of_words_that_cost_less_is_the_recorded_one() -> None:
    rows = read_record(SpellingResults, RESULTS / "spelling.json").rows
    shares = [row.words_cheaper for row in rows if row.text == "wiki" and row.entry in (WORDS, ALONE)]
    (shown,) = re.findall(r"(\d+)\s+of\s+100\s+words.*?\b(\d+)\s+if\s+it\s+spells", README, re.S)
    assert sorted(shown) == sorted(f"{100 * share:.0f}" for share in shares)


def test_the_samples_of_the_readme_are_the_first_ones_of_the_recorded_run() -> None:
    result = comparison(MAIN)
    page = re.sub(r"\n  ", " ", README)
    assert f"*{result.prompts[0]}*" in " ".join(page.split())
    shown = dict(re.findall(r"^- `(\S+)`: (?:… |``)(.*?)(?:``)? …$", page, re.M))
    assert shown.keys() == {BEST, CHARS, "random"}
    for row in result.runs:
        if row.name in shown and row.seed == 0:
            text = " ".join(row.samples[0].text.split())
            assert text.startswith(shown[row.name].replace("**", ""))
            bold = {word.lower() for word in re.findall(r"\*\*(\w+)\*\*", shown[row.name])}
            words = {word.lower() for word in re.findall(r"\w+", shown[row.name])}
            assert row.name == "random" or bold == words & set(row.made_up_words or ())
