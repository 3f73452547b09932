"""Tables in HTML, for pages and, with their styles inside, for notebooks; every cell is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from markupsafe import Markup, escape

LEFT, RIGHT = "text-align: left; vertical-align: top", "text-align: right; vertical-align: top"
PAGE_TABLE = Markup(
    """\
<div class="scroll" tabindex="0" role="group" aria-label="{title}">
<table>
{caption}<thead>{head}</thead>
<tbody>
{body}
</tbody>
</table>
</div>
"""
)


def page_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    lefts: Collection[int] = (0,),
    references: Collection[int] = (),
) -> Markup:
    """Return a table of a page; the columns of the indices in `lefts` are aligned to the left.

    Rows of the indices in `references` are muted. Cells are texts, or `Markup`.
    """

    def cell(text: str, index: int, is_head: bool) -> Markup:
        left = Markup(' class="left"' if index in lefts else "")
        if is_head:
            return Markup('<th scope="col"{}>{}</th>').format(left, text)
        if index == 0:
            return Markup('<th scope="row">{}</th>').format(breakable(text))
        return Markup("<td{}>{}</td>").format(left, text)

    return PAGE_TABLE.format(
        title=title,
        caption=Markup("<caption>{}</caption>\n").format(caption) if caption else "",
        head=_line(header, cell, is_head=True),
        body=Markup("\n").join(
            _line(row, cell, attributes=' class="reference"' if number in references else "")
            for number, row in enumerate(rows)
        ),
    )


def notebook_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], lefts: Collection[int] = (0,)
) -> Markup:
    """Return a table of a notebook; without a header there are only rows."""

    def cell(text: str, index: int, is_head: bool) -> Markup:
        style = LEFT if index in lefts else RIGHT if is_head else f"{RIGHT}; white-space: nowrap"
        tag = "th" if is_head else "td"
        return Markup(f'<{tag} style="{style}">{{}}</{tag}>').format(text)

    head = Markup("<thead>{}</thead>").format(_line(header, cell, is_head=True)) if header else ""
    body = Markup().join(_line(row, cell) for row in rows)
    return Markup("<table>{}<tbody>{}</tbody></table>").format(head, body)


def _line(
    row: Sequence[str],
    cell: Callable[[str, int, bool], Markup],
    *,
    is_head: bool = False,
    attributes: str = "",
) -> Markup:
    cells = Markup().join(cell(text, index, is_head) for index, text in enumerate(row))
    return Markup(f"<tr{attributes}>{{}}</tr>").format(cells)


def notebook_block(*parts: str) -> str:
    """Return parts as one block, in which notebooks do not look for formulas between dollar signs."""
    content = Markup().join(parts)
    return str(Markup('<div class="tex2jax_ignore mathjax_ignore">{}</div>').format(content))


def breakable(text: str) -> Markup:
    """Return a text that may be broken after the punctuation of an entry's options."""
    return Markup(re.sub("([,:=])(?=[^ ])", r"\1<wbr>", str(escape(text))))
