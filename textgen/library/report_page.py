"""Pages of saved results, written again."""

from __future__ import annotations

from pathlib import Path

from textgen.reports.html import to_html
from textgen.results.items import read_result
from textgen.results.names import HAS_PAGE, find
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.result_folders import PAGE


def report(name: str | Path, *, with_models: bool = False) -> Path:
    """Write the page of a bench, ladder, suite or study again; return its path.

    `name` is a folder, part of its name, or `latest`. With `with_models`, the page of a bench contains its
    small recurrent models over characters and writes with them. Raises `TextgenError` without results.
    """
    found = find(str(name), chosen=HAS_PAGE)
    if with_models and not found.kind.has_models:
        raise UsageError("with models has an effect on the page of a bench only; leave it out")
    page = found.path / PAGE
    write_file(page, to_html(found.kind.page(read_result(found), found.path, with_models=with_models)))
    return page
