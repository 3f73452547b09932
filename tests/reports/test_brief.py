"""What a terminal shows of a comparison unless it is asked for everything."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.reports import chance, compared, counted, drawn, entry, result
from textgen.defaults import SAMPLER
from textgen.reports.samples import chance_entries


@pytest.fixture
def three() -> dict[str, Any]:
    return result(entry("word-lstm-glove", 2.0), entry("char-lstm", 2.2), chance("random", 6.2))


@pytest.mark.parametrize("width", [80, 200])
def test_one_table_and_samples_fit_the_width(three: dict[str, Any], width: int) -> None:
    output = drawn(three, width, full=False)
    lines = output.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < 60
    assert lines[0].startswith("word-lstm-glove predicts the test text best")
    for line in (
        r"word-lstm-glove +2\.000 +\d\.\d+–\d\.\d+ +– +best +94\.0",
        r"char-lstm +2\.200 +\d\.\d+–\d\.\d+ +\+0\.200 .*clearly worse",
        r"PPMd given train +2\.23\d ",
        r"held-out text +97\.8",
    ):
        assert re.search(f"^{line}", output, re.MULTILINE)
    assert ("Left out at 80 columns: " in output) == (width == 80)


def test_samples_are_those_of_what_has_learned_something(three: dict[str, Any]) -> None:
    samples = drawn(three, 120, full=False).split("Samples")[1]
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
    output = drawn(result(entry("a", 2.0, samples=samples), measured_sampler=equal), 80, full=False)
    assert re.search(r"real words % .*\n.*at entropy 1\.15", output)
    assert f"One  {equal}: each equally free" in output
    assert f"One  {SAMPLER}: as textgen sample writes" in output
    assert "Two" not in output
    assert "2 more prompts or samplers" in output
