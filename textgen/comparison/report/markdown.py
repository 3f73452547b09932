"""The report as Markdown (GitHub's dialect): complete, for files and pipes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from textgen.comparison.report.contents import summary, tables
from textgen.comparison.report.table import NUM_WORDS, Note, Table
from textgen.comparison.report.written import made_up_words, sample_groups
from textgen.comparison.results import Comparison

TEXT_WIDTH = 100


def to_markdown(result: Comparison) -> str:
    """Return the whole report of a comparison."""
    return "\n".join(_lines(result)) + "\n"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it unchanged, on one line and in a table too."""
    return re.sub(r"([\\`*<>\[\]|~&]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))


def _lines(result: Comparison) -> Iterator[str]:
    yield f"# Comparison on {escape(result.corpus.name)}\n"
    yield from (f"- {escape(line)}" for line in summary(result) if line)
    for table in tables(result):
        yield f"\n## {escape(table.title)}\n\n{escape(table.caption)}\n"
        yield from (*_table(table), *_notes(table.notes))
    groups, made_up = sample_groups(result), made_up_words(result)
    if groups:
        yield "\n## Samples"
    for group in groups:
        yield f"\n### {_code(group.prompt)}\n\n{escape(group.sampler)}"
        yield from (f"\n**{escape(name)}**\n\n{_fenced(text)}" for name, text in group.texts)
    if made_up:
        yield "\n## Made-up words\n\nNeither the lexicon nor the training text has them."
        yield from _notes([Note(name, words[:NUM_WORDS]) for name, words in made_up.items()])


def _code(text: str) -> str:
    ticks = _longer_than_any(text, 1)
    pad = " " if len(ticks) > 1 else ""
    return f"{ticks}{pad}{' '.join(text.split())}{pad}{ticks}"


def _fenced(text: str) -> str:
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, TEXT_WIDTH)]
    fence = _longer_than_any(text, 3)
    return "\n".join([f"{fence}text", *lines, fence])


def _longer_than_any(text: str, least: int) -> str:
    return "`" * max(least, *(1 + len(ticks) for ticks in re.findall("`+", text)), 0)


def _table(table: Table) -> Iterator[str]:
    headers = [escape(column.header.replace("-\n", "").replace("/\n", "/")) for column in table.columns]
    lefts = [True, *(column.align == "left" for column in table.columns)]
    lines = [["entry", *headers]]
    for row in table.rows:
        name = f"*{escape(row.name)}*" if row.is_reference else escape(row.name)
        texts = ((escape(cell.text + cell.spread), "**" * cell.best) for cell in row.cells)
        lines.append([name, *(f"{mark}{text}{mark}" for text, mark in texts)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = [
        f":{'-' * (width - 1)}" if left else f"{'-' * (width - 1)}:"
        for width, left in zip(widths, lefts, strict=True)
    ]
    for line in (lines[0], rule, *lines[1:]):
        padded = zip(line, widths, lefts, strict=True)
        yield f"| {' | '.join(t.ljust(width) if left else t.rjust(width) for t, width, left in padded)} |"


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    if notes:
        yield ""
    for note in notes:
        yield f"- {escape(note.label)}" + (": " + ", ".join(map(_code, note.words)) if note.words else "")
