"""The report as Markdown: complete, for files and pipes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen.page.markdown import code, escape, fenced, table_lines
from textgen.report.advice import next_steps
from textgen.report.answer import answer
from textgen.report.bench_tables import report_tables, summary_lines
from textgen.report.ladder_answer import ladder_answer
from textgen.report.ladder_tables import ladder_summary, ladder_tables
from textgen.report.samples import SampleGroup, known_words, made_up_words, sample_groups
from textgen.report.table_model import MAX_NOTED_WORDS, Note, ReportTable
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder


def to_markdown(result: Comparison) -> str:
    """Return the whole report of a comparison."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Comparison) -> Iterator[str]:
    yield f"# Comparison on {escape(result.corpus.name)}\n"
    yield f"**{escape(answer(result))}**\n"
    yield from (f"- {escape(line)}" for line in summary_lines(result) if line)
    for table in report_tables(result).values():
        yield f"\n## {escape(table.title)}\n\n{escape(table.caption)}\n"
        yield from (*markdown_table(table), *_notes(table.notes))
    if advice := list(next_steps(result)):
        yield from ("\n## What to try next\n", *(f"- {escape(line)}" for line in advice))
    yield from sample_lines(sample_groups(result))
    if made_up := made_up_words(result):
        yield f"\n## Made-up words\n\nThey are not in {escape(known_words(result))}."
        yield from _notes([Note(name, words[:MAX_NOTED_WORDS]) for name, words in made_up.items()])


def ladder_markdown(result: Ladder) -> str:
    """Return the whole report of a ladder."""
    lines = [f"# Ladder on {escape(result.corpus.name)}\n", f"**{escape(ladder_answer(result))}**\n"]
    lines.append(f"- {escape(ladder_summary(result))}")
    for table in ladder_tables(result).values():
        lines += [f"\n## {escape(table.title)}\n\n{escape(table.caption)}\n", *markdown_table(table)]
        lines += _notes(table.notes)
    return "\n".join(lines) + "\n"


def sample_lines(groups: Sequence[SampleGroup]) -> Iterator[str]:
    """Yield the section of samples; nothing without any."""
    if groups:
        yield "\n## Samples"
    for group in groups:
        yield f"\n### {code(group.prompt)}\n\n{escape(group.sampler)}"
        yield from (f"\n**{escape(name)}**\n\n{fenced(text)}" for name, text in group.texts)


def markdown_table(table: ReportTable) -> Iterator[str]:
    """Yield the lines of a table."""
    rows = [["entry", *(escape(column.title) for column in table.columns)]]
    for row in table.rows:
        name = f"*{escape(row.name)}*" if row.is_reference else escape(row.name)
        texts = ((escape(cell.text + cell.spread), "**" * cell.best) for cell in row.cells)
        rows.append([name, *(f"{mark}{text}{mark}" for text, mark in texts)])
    lefts = [index for index, column in enumerate(table.columns, start=1) if column.align == "left"]
    return table_lines(rows, [0, *lefts], padded=True)


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    if notes:
        yield ""
    for note in notes:
        yield f"- {escape(note.label)}" + (": " + ", ".join(map(code, note.words)) if note.words else "")
