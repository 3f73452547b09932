"""The README: `make` and CI run its commands, its figures are those of recorded runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from statistics import fmean

import pytest

from helpers.pages import ROOT, read_page, textgen_lines
from textgen.results.comparison import Comparison, EntryScore, ReferenceScore
from textgen.results.judge import SCORE, contrasts_of, score_samples
from textgen.results.ladder import Ladder
from textgen.results.row import Row, rows_by_entry
from textgen.runtime.storage.json_records import read_record
from textgen_suites.result import SuiteResult

README = read_page("README.md")
RESULTS = ROOT / "benchmarks" / "results"
MAIN_JOB = "textgen bench char-lstm word-lstm-glove random"
CHARS, WORDS = "char-lstm", "word-lstm-glove"
BEST_CHARS, BEST_WORDS = "char-hier+words-glove", "word-lstm+ngram-glove"

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


def change_of(name: str, asked: str, label: str) -> list[float]:
    """Return the change of a case of a suite, and the ends of its interval."""
    questions = read_record(SuiteResult, RESULTS / f"{name}.json").questions
    (effect,) = (question.effect(label) for question in questions if question.name == asked)
    assert effect
    assert effect.bits_per_char
    assert effect.bits_per_char.interval
    return [effect.bits_per_char.value, *effect.bits_per_char.interval]


def gap(name: str, better: str, worse: str) -> Iterator[str]:
    """Yield by how much an entry of a recorded comparison is better, and the ends of the 95 % interval."""
    result = comparison(name)
    yield from lead(result, rows_by_entry(result.runs, result.scored_on), better, worse)


def lead(
    result: Comparison | Ladder, rows: Mapping[str, Sequence[Row]], better: str, worse: str
) -> Iterator[str]:
    samples = score_samples(rows, result.seed_priors[SCORE])
    found = contrasts_of(samples)[better, worse]
    assert found.interval
    yield from (f"{abs(value):.2f}" for value in (found.value, *found.interval))


ROWS = (BEST_WORDS, WORDS, "word-lstm", BEST_CHARS, "PPMd given train", "word-ngram", "char-ngram", CHARS)
"""The rows of the README's table."""
TEXTS = ("bench-wiki", "bench-moby", "bench-edgeworth")
PYTHONS = {"3.11", "3.13"}


def figures() -> Iterator[str]:
    """Yield the values with decimals that the README shows, from the files that it names."""
    yield f"{comparison('bench-wiki').corpus.split.train.num_chars / 1e6:.1f}"
    yield f"{score_of('bench-wiki', 'random').bits_per_char:.1f}"
    yield from (value for entry in ROWS for cell in cells(entry) for value in re.findall(r"\d+\.\d+", cell))
    yield from (next(gap(name, BEST_WORDS, WORDS)) for name in TEXTS)
    yield from (f"{bits(name, 'char-ngram') - bits(name, CHARS):.2f}" for name in TEXTS[1:])
    yield from (f"{of(bits(name, CHARS) for name in TEXTS):.1f}" for of in (min, max))
    hybrids = ("word-lstm+ngram", "char-hier+words")
    for name in TEXTS:
        pairs = (("word-lstm", CHARS), (WORDS, CHARS), hybrids, (BEST_WORDS, BEST_CHARS))
        yield from (value for pair in pairs for value in gap(name, *pair))
    yield from (value for words in ("word-lstm", WORDS) for value in gap("bench-wiki-16m", words, CHARS))
    for name, label in product(("improvements-wiki", "improvements-moby"), ("word", "word, GloVe", "bpe")):
        yield from (f"{abs(value):.2f}" for value in change_of(name, "level", label))
    for language in ("German", "French", "Russian"):
        value, *ends = change_of("languages", language, "word")
        yield from (f"{abs(each):.2f}" for each in ([value, *ends] if language == "German" else [value]))
    ladder = read_record(Ladder, RESULTS / "ladder-wiki.json")
    pairs = (("word-lstm", CHARS), (WORDS, CHARS), (BEST_WORDS, BEST_CHARS))
    for budget, pair in product(ladder.budgets, pairs):
        rows = {rung.entry: rung.runs for rung in ladder.rungs if rung.budget == budget}
        value, *ends = lead(ladder, rows, *pair)
        yield from [value, *ends] if budget == "4m" else [value]


def cells(entry: str) -> list[str]:
    """Return the cells of the row of the README's table for an entry or a reference."""
    (row,) = re.findall(rf"^\| [`*]{re.escape(entry)}[`*] \|.*\|$", README, re.M)
    return [cell.strip() for cell in row.split("|")[1:-1]]


@pytest.mark.parametrize("entry", ROWS)
def test_a_row_of_the_readme_is_that_of_the_recorded_run(entry: str) -> None:
    score = score_of("bench-wiki", entry)
    low, high = score.interval or (0, 0)
    size = comparison("bench-wiki").corpus.split.train.num_chars
    passes = [row.train.num_chars / size for row in comparison("bench-wiki").runs if row.name == entry]
    *_, shown, num_passes, size_shown = cells(entry)
    assert shown.replace("*", "") == f"{score.bits_per_char:.3f} ± {(high - low) / 2:.3f}"
    assert num_passes == (f"{fmean(passes):.1f}" if passes else "1")
    parameters = [row.num_parameters for row in comparison("bench-wiki").runs if row.name == entry]
    assert size_shown == (f"{max(parameters) / 1e6:.1f} M" if parameters else "")


def test_every_figure_of_the_readme_is_that_of_a_recorded_run() -> None:
    text = re.sub(r"^```.*?^```", "", README, flags=re.S | re.M)
    shown = set(re.findall(r"(?<![\d.])\d+\.\d+(?!\d|\.\d)", text))
    assert shown - PYTHONS == set(figures())


def test_the_samples_of_the_readme_are_the_first_ones_of_the_recorded_run() -> None:
    result = comparison("bench-wiki")
    page = re.sub(r"\n  ", " ", README)
    assert f"*{result.prompts[0]}*" in " ".join(page.split())
    shown = dict(re.findall(r"^- `(\S+)`: (?:… |``)(.*?)(?:``)? …$", page, re.M))
    assert shown.keys() == {BEST_WORDS, CHARS, "random"}
    for row in result.runs:
        if row.name in shown and row.seed == 0:
            text = " ".join(row.samples[0].text.split())
            assert text.startswith(shown[row.name].replace("**", ""))
            bold = {word.lower() for word in re.findall(r"\*\*(\w+)\*\*", shown[row.name])}
            words = {word.lower() for word in re.findall(r"\w+", shown[row.name])}
            assert row.name == "random" or bold == words & set(row.made_up_words or ())
