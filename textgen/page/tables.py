"""Tables in HTML, for pages and, with their styles inside, for notebooks; every cell is escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from markupsafe import Markup, escape

LEFT, RIGHT = "text-align: left; vertical-align: top", "text-align: right; vertical-align: top"
PAGE_TABLE = Markup(
    """\
<div class="scroll" tabindex="0" role="group" aria-label="{title}">
<table>
{caption}<thead><tr>{head}</tr></thead>
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
    head = Markup('<th scope="col"{}>{}</th>')
    top = Markup().join(head.format(_left(index in lefts), cell) for index, cell in enumerate(header))
    lines = Markup("\n").join(
        Markup("<tr{}>{}</tr>").format(
            Markup(' class="reference"') if number in references else "", Markup().join(_cells(row, lefts))
        )
        for number, row in enumerate(rows)
    )
    return PAGE_TABLE.format(
        title=title,
        caption=Markup("<caption>{}</caption>\n").format(caption) if caption else "",
        head=top,
        body=lines,
    )


def _cells(row: Sequence[str], lefts: Collection[int]) -> Iterator[Markup]:
    yield Markup('<th scope="row">{}</th>').format(breakable(row[0]))
    for index, cell in enumerate(row[1:], start=1):
        yield Markup("<td{}>{}</td>").format(_left(index in lefts), cell)


def _left(is_left: bool) -> Markup:
    return Markup(' class="left"' if is_left else "")


def notebook_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], lefts: Collection[int] = (0,)
) -> Markup:
    """Return a table of a notebook; without a header there are only rows."""

    def line(cells: Sequence[str], tag: str, number: str) -> Markup:
        styles = (LEFT if index in lefts else number for index in range(len(cells)))
        pairs = zip(styles, cells, strict=True)
        return Markup().join(Markup(f'<{tag} style="{{}}">{{}}</{tag}>').format(*pair) for pair in pairs)

    head = Markup("<thead><tr>{}</tr></thead>").format(line(header, "th", RIGHT)) if header else ""
    body = Markup().join(
        Markup("<tr>{}</tr>").format(line(row, "td", f"{RIGHT}; white-space: nowrap")) for row in rows
    )
    return Markup("<table>{}<tbody>{}</tbody></table>").format(head, body)


def notebook_block(*parts: str) -> str:
    """Return parts as one block, in which notebooks do not look for formulas between dollar signs."""
    content = Markup().join(parts)
    return str(Markup('<div class="tex2jax_ignore mathjax_ignore">{}</div>').format(content))


def breakable(text: str) -> Markup:
    """Return a text that may be broken after the punctuation of an entry's options."""
    return Markup(re.sub("([,:=])(?=[^ ])", r"\1<wbr>", str(escape(text))))
