"""Tables of a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from markupsafe import Markup

from textgen.page.render import render


def plain_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    lefts: Collection[int] = (0,),
) -> Markup:
    """Return a table of texts; the columns of the indices in `lefts` are aligned to the left."""
    return render("plain_table.html", title=title, header=header, rows=rows, caption=caption, lefts=lefts)
