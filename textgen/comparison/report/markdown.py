"""The report as Markdown: complete, for files and pipes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.answer import answer
from textgen.comparison.report.contents import summary, tables
from textgen.comparison.report.samples_table import known_words, made_up_words, sample_groups
from textgen.comparison.report.table import NUM_WORDS, Note, Table
from textgen.page.markdown import code, escape, fenced, table_lines


def to_markdown(result: Comparison) -> str:
    """Return the whole report of a comparison."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Comparison) -> Iterator[str]:
    yield f"# Comparison on {escape(result.corpus.name)}\n"
    yield f"**{escape(answer(result))}**\n"
    yield from (f"- {escape(line)}" for line in summary(result) if line)
    for table in tables(result):
        yield f"\n## {escape(table.title)}\n\n{escape(table.caption)}\n"
        yield from (*markdown_table(table), *_notes(table.notes))
    groups, made_up = sample_groups(result), made_up_words(result)
    if groups:
        yield "\n## Samples"
    for group in groups:
        yield f"\n### {code(group.prompt)}\n\n{escape(group.sampler)}"
        yield from (f"\n**{escape(name)}**\n\n{fenced(text)}" for name, text in group.texts)
    if made_up:
        yield f"\n## Made-up words\n\nThey are not in {escape(known_words(result))}."
        yield from _notes([Note(name, words[:NUM_WORDS]) for name, words in made_up.items()])


def markdown_table(table: Table) -> Iterator[str]:
    """Yield the lines of a table."""
    headers = [escape(column.header.replace("-\n", "").replace("/\n", "/")) for column in table.columns]
    rows = [["entry", *headers]]
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
