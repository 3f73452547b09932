"""A ladder says which entry is best under the largest budget, and what each larger one changes."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from helpers.ladders import laddered, rungs
from textgen.reports.ladder_report import budget_chart, ladder_answer, ladder_report, score_table
from textgen.reports.markdown import to_markdown
from textgen.reports.terminal import render
from textgen.results.ladder import Ladder

SCORES = {"char": (2.0, 1.9, 1.85), "word": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)}


def drawn(result: Ladder, width: int = 120, *, full: bool = False) -> str:
    file = io.StringIO()
    render(ladder_report(result), Console(file=file, width=width), full=full)
    return file.getvalue()


def test_the_report_has_the_answer_samples_and_a_next_step_of_the_largest_budget() -> None:
    made = laddered(SCORES)
    assert made.entries == ("word", "char", "random")
    said = ladder_answer(made)
    assert said.startswith(
        "At 4m: word predicts the test text best, at 1.700 bits per character: 0.150 fewer than char (95 % "
    )
    assert said.endswith(" No step to a larger budget makes an entry clearly worse.")
    shown = ladder_report(made, list(rungs(SCORES, 1))[-1])
    assert shown.advice.startswith("word was best after 50 % of its updates: more training text may help,")
    page = to_markdown(shown)
    for text in ("Bits per character: a model's", "Xeon", "## Samples with 4m", "## What to try next"):
        assert text in page


def test_a_reference_that_is_ahead_takes_the_bold_type_and_is_in_answer_and_picture() -> None:
    ahead = laddered({"char": (2.4, 2.32, 2.3), "word": (2.5, 2.25, 2.209)})  # PPMd scores 2.2
    assert "; compressing does as well: the reference PPMd given train scores 2.200. " in ladder_answer(ahead)
    (row,) = [row for row in score_table(ahead).rows if row.name == "word"]
    assert not any(cell.best for cell in row.cells)
    assert [line.name for line in budget_chart(ahead).lines] == ["word", "char", "PPMd given train"]
    behind = laddered(SCORES)
    assert [cell.best for cell in score_table(behind).rows[0].cells] == [False, True, True]


def test_a_shared_cpu_and_what_is_worse_than_chance_are_said() -> None:
    result = laddered({"a": (2.0, 1.9, 1.8)})
    first, *others = result.rungs
    told = {"cpu_utilization": 0.43, "chance_remark": "worse than chance: guessing takes 1.500 bits"}
    busy = replace(first, runs=tuple(replace(run, **told) for run in first.runs))
    assert ladder_answer(replace(result, rungs=(busy, *others))) == (
        f"{ladder_answer(result)} The CPU was shared: training got 43 % of it, so another run may "
        "differ. a at 15s is worse than chance: guessing takes 1.500 bits."
    )


def test_a_step_up_is_flagged() -> None:
    result = laddered({"char": (2.0, 1.9, 1.96), "word": (2.1, 2.0, 1.999), "random": (6.2, 6.2, 6.2)})
    verdicts = {(step.entry, step.after): step.verdict for step in result.steps}
    assert verdicts == {
        ("char", "1m"): "better",
        ("char", "4m"): "worse",
        ("word", "1m"): "better",
        ("word", "4m"): "no clear change",
    }
    assert "More training makes these worse: char from 1m to 4m (+0.060)." in ladder_answer(result)
    assert "+0.060 worse" in to_markdown(ladder_report(result))


def test_the_terminal_has_a_row_for_each_entry_and_a_column_for_each_budget() -> None:
    result = laddered(SCORES)
    lines = drawn(result, 600).splitlines()
    assert lines[0] == ladder_answer(result)
    assert "wiki, 2.59 M characters; 15s, 1m, 4m of training each; 3 seeds" in lines[1]
    (header,) = [line for line in lines if line.split() == ["entry", "15s", "1m", "4m"]]
    assert header
    assert any(line.split()[:2] == ["word", "2.100"] for line in lines)
    assert any(line.split() == ["PPMd", "given", "train", "2.200", "2.200", "2.200"] for line in lines)
    whole = [line.split() for line in drawn(result, full=True).splitlines()]
    assert ["char", "4m", "16", "M", "1,600", "240.0", "50.0"] in whole


def test_what_reads_on_is_compared_with_its_like_alone() -> None:
    result = laddered({"a": (2.0, 1.9, 1.8), "b": (2.1, 2.0, 1.9), "a+mix": (1.9, 1.7, 1.6)})
    said = ladder_answer(result)
    assert "a predicts the test text best, at 1.800 bits per character: 0.100 fewer than b " in said
    assert "0.200 fewer than the best entry that does not learn from it. No step" in said
