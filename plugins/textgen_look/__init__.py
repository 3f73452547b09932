"""Inspection of trained runs: `textgen look` and, in Python, `look`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textgen.training.progress import Report
    from textgen_look.looking import Look

__all__ = ["look"]


def look(names: Sequence[str | Path], *, device: str = "auto", report: Report | bool | None = None) -> Look:
    """Inspect the runs called `names`: how far back they look, which words they know.

    A bench stands for its best entries, with their first seed. The text is read again from where the runs
    read it; `device` is the device to compute on, and `report` as in `bench`. Raises `TextgenError` if there
    is no such run, if the runs were not trained on the same text, or if it has changed.
    """
    from textgen.library.progress import shown
    from textgen_look.looking import look_at

    with shown(report) as tell:
        return look_at(list(map(str, names)), device, tell)
