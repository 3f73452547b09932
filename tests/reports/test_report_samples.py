"""Samples are shown side by side, and what was written as it was written."""

import io
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from helpers.reports import drawn, entry, report, result, with_sample
from textgen.experiment.entry_result import EntryResult
from textgen.reports.bench_report import bench_report
from textgen.reports.terminal import render
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import from_values


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


def test_markup_in_samples_survives() -> None:
    text = r"[bold]x[/bold] [/] \[red] :smile: https://a.b"
    assert text in drawn(with_sample(text), 80, force_terminal=True, color_system=None)


def test_control_characters_in_samples_do_not_reach_the_terminal() -> None:
    compared = from_values(Comparison, with_sample("a"))
    (row,) = compared.entries
    assert isinstance(row, EntryResult)
    # Put into the record itself: JSON values are read without lone surrogates, but models may write them.
    (sample,) = row.samples
    row = replace(row, samples=(replace(sample, text="a\x1b[2Jb\rc\u202ed\ud800e"),))
    file = io.StringIO()
    render(bench_report(replace(compared, entries=(row,))), Console(file=file, width=80))
    output = file.getvalue()
    assert not re.search("[\x1b\r\u202e\ud800]", output)


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
