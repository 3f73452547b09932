"""Bundled commands: layers of models, looks inside them, ONNX files, scores of lm-eval, runs, and a tour.

    from textgen_tools import describe, look

    describe("runs/char").num_parameters
    look(["runs/novel"]).entries[0].cells

`textgen describe` and `textgen look` do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen import defaults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textgen.library.corpus import TextSource
    from textgen.training.progress import Report
    from textgen_tools.inside.result import Look
    from textgen_tools.model_layers import ModelSummary

__all__ = ["describe", "look"]


def describe(
    what: str | Path, corpus: TextSource = defaults.CORPUS, *, vocab_size: int | None = None
) -> ModelSummary:
    """Return the layers of the model of `what`, a run or an entry, with their shapes and parameter counts.

    The vocabulary of an entry is that of the text of `corpus`, unless `vocab_size` is its size. Raises
    `TextgenError` if there is no such run or entry.
    """
    from textgen.library.corpus import as_text
    from textgen.library.options import changed, refusing
    from textgen_tools.model_layers import describe_as

    text = as_text(corpus)
    given = changed(text) | (set() if vocab_size is None else {"vocab_size"})
    return describe_as(str(what), text, vocab_size, refusing(given))


def look(names: Sequence[str | Path], *, device: str = "auto", report: Report | bool | None = None) -> Look:
    """Return what the runs that `names` mean learnt, when, and what they remember of held-out text.

    A bench stands for its best entries, with their first seed. The text is read again from where the runs
    read it; they compute on `device`. `report` is that of `bench`. Raises `TextgenError` if there is no such
    run, if the runs were not trained on the same text, or if it has changed.
    """
    from textgen.library.progress import shown
    from textgen_tools.inside.looking import look_at

    with shown(report) as tell:
        return look_at(list(map(str, names)), device, tell)
