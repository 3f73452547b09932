"""A page on which people write with runs, of a server or in Jupyter: `textgen play` and `widget`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from textgen.library.runs import Run
    from textgen_play.jupyter import PlayWidget


def widget(*runs: str | Path | Run, device: str = "auto") -> PlayWidget:
    """Return the page of `textgen play` as a widget, which Jupyter shows below a cell.

    `runs` are runs, or benches for their best runs: loaded, folders, or names; without any it is the newest
    result. Their models are in a process of their own until the widget is closed or the kernel ends. Raises
    `TextgenError` outside Jupyter, and if there is no such run or it cannot be loaded.
    """
    from textgen.contracts import TextgenError
    from textgen.library.progress import is_notebook
    from textgen.library.runs import Run
    from textgen.registry.registry import plugin_files
    from textgen.runtime.messages import require_extra

    for package in ("anywidget", "starlette"):
        require_extra(package, "notebook", "the widget needs anywidget")
    if not is_notebook():
        raise TextgenError("the widget is shown in Jupyter only; elsewhere run: textgen play")
    from textgen_play.client import Client, find_folders
    from textgen_play.jupyter import PlayWidget
    from textgen_play.page import play_page

    folders = find_folders([run.folder if isinstance(run, Run) else run for run in runs])
    models = Client(folders, plugin_files(), device)
    return PlayWidget(models, play_page(models.wait(), is_relayed=True))
