"""Tables in HTML, as notebooks show them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["block", "escape", "html_table"]

TEXT, NUMBER = "text-align: left; vertical-align: top", "text-align: right; vertical-align: top"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], lefts: Sequence[int] = (0,)) -> str:
    """Return a table; the columns of the indices in `lefts` hold text, the others numbers, to the right.

    Cells are HTML, which `escape` makes of any text. Without a header there are only rows.
    """

    def line(cells: Sequence[str], tag: str, number: str) -> str:
        styles = (TEXT if index in lefts else number for index in range(len(cells)))
        pairs = zip(cells, styles, strict=True)
        return "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell, style in pairs)

    head = f"<thead><tr>{line(header, 'th', NUMBER)}</tr></thead>" if header else ""
    body = "".join(f"<tr>{line(row, 'td', f'{NUMBER}; white-space: nowrap')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def block(*parts: str) -> str:
    """Return parts in HTML as one block, in which notebooks do not look for formulas between dollar signs."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'
