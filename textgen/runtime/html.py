"""Tables in HTML, as notebooks show them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["block", "escape", "html_table"]


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], lefts: Sequence[int] = (0,)) -> str:
    """Return a table; the columns of the indices in `lefts` are aligned to the left, the others to the right.

    Cells are HTML, which `escape` makes of any text. Without a header there are only rows.
    """
    aligns = ["left" if index in lefts else "right" for index in range(max(map(len, (header, *rows))))]

    def line(cells: Sequence[str], tag: str) -> str:
        pairs = zip(cells, aligns, strict=False)
        return "".join(f'<{tag} style="text-align: {align}">{cell}</{tag}>' for cell, align in pairs)

    head = f"<thead><tr>{line(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"


def block(*parts: str) -> str:
    """Return parts in HTML as one block, in which notebooks do not look for formulas between dollar signs."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'
