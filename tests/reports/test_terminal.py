"""A terminal shows what fits its width, samples side by side, and what was written as it was written."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from helpers.reports import chance, compared, counted, drawn, entry, report, result, with_sample
from textgen.defaults import SAMPLER
from textgen.reports.samples import chance_entries

THREE = result(entry("word-lstm-glove", 2.0), entry("char-lstm", 2.2), chance("random", 6.2))


@pytest.mark.parametrize("width", [80, 200])
def test_one_table_and_samples_fit_the_width(width: int) -> None:
    output = drawn(THREE, width, full=False)
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


def test_brief_samples_are_those_of_what_has_learned_something() -> None:
    samples = drawn(THREE, 120, full=False).split("Samples")[1]
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
    assert f"One  {equal}: equal entropy for all entries" in output
    assert f"One  {SAMPLER}: the default of textgen sample" in output
    assert "Two" not in output
    assert "2 more prompts or samplers" in output


@pytest.mark.parametrize(("width", "columns"), [(160, 4), (80, 2), (60, 1)])
def test_samples_are_side_by_side_where_they_fit(width: int, columns: int) -> None:
    output = drawn(result(*(entry(f"model{index}", 2.0 + index) for index in range(4))), width)
    headers = [line for line in output.splitlines() if re.fullmatch(r" *model\d( +│ +model\d)* *", line)]
    assert [len(line.split("│")) for line in headers[: 4 // columns]] == [columns] * (4 // columns)


def test_every_sample_of_a_prompt_is_shown() -> None:
    samples = [{"prompt": "A", "sampler": "greedy", "seed": seed, "text": f"text{seed}"} for seed in (0, 1)]
    for output in (
        drawn(result(entry("x", 2.0, samples=samples)), 80),
        report(result(entry("x", 2, samples=samples))),
    ):
        assert "text0" in output
        assert "text1" in output


def test_made_up_words_are_highlighted_as_whole_words() -> None:
    what = with_sample("Zorp zorps (zorp)", made_up_words=["zorp"])
    output = drawn(what, 80, force_terminal=True, color_system="standard")
    assert "\x1b[4;35mZorp\x1b[0m zorps (\x1b[4;35mzorp\x1b[0m)" in output
    assert "- x: `zorp`" in report(what)


@pytest.mark.parametrize("text", ["```\n# not a heading\n````", "~~~\n``````x", "> | a |\n- b"])
def test_samples_cannot_leave_their_code_block(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(report(with_sample(text)))
    assert [token.content for token in tokens if token.type == "fence"] == [text + "\n"]
    assert "not a heading" not in "".join(token.content for token in tokens if token.type == "inline")
