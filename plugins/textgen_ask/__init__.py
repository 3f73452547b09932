"""Advice before training: `textgen ask novel.txt` and, in Python, `ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen.library.corpus import TextSource
    from textgen.training.progress import Report
    from textgen_ask.answer import Answer

__all__ = ["ask"]


def ask(corpus: TextSource, *, device: str = "auto", report: Report | bool | None = None) -> Answer:
    """Recommend an entry for a text and its training time on this machine, with the scores to expect.

    The test part is not read. `report` is as in `textgen.bench`. Raises `TextgenError` if the text cannot be
    read or is too short.
    """
    from textgen.library.progress import shown
    from textgen_ask.answer import ask as answer

    with shown(report) as tell:
        return answer(corpus, device, "auto", tell)
