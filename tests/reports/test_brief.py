"""What a terminal shows of a comparison unless it is asked for everything."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from helpers.reports import STRETCH_CHARS, compared, entry, reference, result
from textgen.defaults import SAMPLER
from textgen.reports.answer import answer, closing
from textgen.reports.bench_report import bench_report
from textgen.reports.samples import chance_entries
from textgen.reports.terminal import render
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import from_values


def brief(what: dict[str, Any], width: int, **options: Any) -> str:
    """What is printed briefly on a console of this width."""
    file = io.StringIO()
    report = bench_report(from_values(Comparison, what))
    render(report, Console(file=file, width=width, **options), full=False)
    return file.getvalue()


def counted(name: str, score: float, **changes: Any) -> dict[str, Any]:
    """An entry that counts instead of being trained by gradient."""
    row = entry(name, score, **changes)
    row["train"].update(num_updates=0, best_update=0, curve=[])
    return row


def chance(name: str, score: float) -> dict[str, Any]:
    """An entry whose score is the same on every passage."""
    row = counted(name, score)
    for part in ("validation", "test"):
        row[part]["units"]["bits"] = [score * STRETCH_CHARS] * len(row[part]["units"]["bits"])
    return row


@pytest.fixture
def three() -> dict[str, Any]:
    return result(entry("word-lstm-glove", 2.0), entry("char-lstm", 2.2), chance("random", 6.2))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_one_table_and_samples_fit_the_width(three: dict[str, Any], width: int) -> None:
    output = brief(three, width)
    lines = output.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("word-lstm-glove predicts the test text best")
    assert re.search(r"^word-lstm-glove +2\.000 +\d\.\d+–\d\.\d+ +– +best +94\.0", output, re.MULTILINE)
    assert re.search(r"^char-lstm +2\.200 +\d\.\d+–\d\.\d+ +\+0\.200 ", output, re.MULTILINE)
    assert re.search(r"^PPMd given train +2\.23\d ", output, re.MULTILINE)
    assert re.search(r"^held-out text +97\.8", output, re.MULTILINE)
    assert "parameters" in output
    assert len(lines) < 60
    assert "clearly worse" in output
    assert ("Left out at 80 columns: " in output) == (width == 80)


def test_samples_are_those_of_what_has_learned_something(three: dict[str, Any]) -> None:
    samples = brief(three, 120).split("Samples")[1]
    assert re.search(r"^ *word-lstm-glove +│ +char-lstm *$", samples, re.MULTILINE)
    assert "random" not in samples


def test_counting_is_not_chance() -> None:
    rows = [entry("a", 2.0), counted("char-ngram", 2.1), chance("random", 6.2)]
    assert chance_entries(compared(*rows)) == {"random"}
    assert chance_entries(compared(chance("random", 6.2))) == set()  # otherwise nothing would be shown


def test_samples_of_the_default_sampler_are_beside_those_that_are_equally_free() -> None:
    equal = "temperature:entropy=1.15"
    samples = [
        {"prompt": prompt, "sampler": sampler, "seed": 0, "text": "text"}
        for sampler in (equal, SAMPLER)
        for prompt in ("One", "Two")
    ]
    output = brief(result(entry("a", 2.0, samples=samples), measured_sampler=equal), 80)
    assert re.search(r"real words % .*\n.*at entropy 1\.15", output)
    assert f"One  {equal}: each equally free" in output
    assert f"One  {SAMPLER}: as textgen sample writes" in output
    assert "Two" not in output
    assert "2 more prompts or samplers" in output


def test_the_closing_line_is_the_answer_in_few_words() -> None:
    clear = compared(entry("a", 2.0), entry("b", 2.1))
    assert re.fullmatch(
        r"a is better than b by 0\.100 bits per character \(95 % interval \d\.\d+ to \d\.\d+\)",
        closing(clear),
    )
    level = closing(compared(entry("a", 2.0), entry("b", 2.001)))
    assert level.startswith("no clear winner: a is ahead of b by 0.001 bits per character (95 % interval -")
    assert closing(compared(entry("a", 2.0))).startswith("a: 2.000 bits per character (95 % interval ")
    assert closing(compared({"name": "gru", "seed": 0, "error": "nan"})) == "no entry has a score"
    better = reference("PPMd given train", 1.9)
    assert "PPMd" not in closing(compared(entry("a", 2.0), references=[better]))
    assert "PPMd" in answer(compared(entry("a", 2.0), references=[better]))
