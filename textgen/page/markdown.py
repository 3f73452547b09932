"""Markdown (GitHub's dialect): tables, and text that is shown unchanged."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

TEXT_WIDTH = 100
"""Characters per line of a fenced text."""


def table_lines(
    rows: Sequence[Sequence[str]], lefts: Sequence[int] = (0,), *, padded: bool = False
) -> Iterator[str]:
    """Yield a table; its first row is the header.

    The columns of the indices in `lefts` are aligned to the left, the others to the right. `padded` columns
    have the same width in every line. Cells are Markdown, which `escape` makes of any text.
    """
    header, *body = rows = [[re.sub(r"(?<!\\)\|", r"\|", cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) if padded else 0 for column in zip(*rows, strict=True)]
    rule = [
        f":{'-' * max(width - 1, 2)}" if index in lefts else f"{'-' * max(width - 1, 2)}:"
        for index, width in enumerate(widths)
    ]
    for row in (header, rule, *body):
        cells = [
            cell.ljust(width) if index in lefts else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it unchanged, on one line and in a table too."""
    return re.sub(r"([\\`*<>\[\]|~&]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return `text` as code within a line."""
    ticks = _longer_than_any(text, 1)
    pad = " " if len(ticks) > 1 else ""
    return f"{ticks}{pad}{' '.join(text.split())}{pad}{ticks}"


def fenced(text: str) -> str:
    """Return `text` as a block, with its long lines wrapped."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, TEXT_WIDTH)]
    fence = _longer_than_any(text, 3)
    return "\n".join([f"{fence}text", *lines, fence])


def _longer_than_any(text: str, least: int) -> str:
    return "`" * max(least, *(1 + len(ticks) for ticks in re.findall("`+", text)), 0)
