"""Bundled commands: layers of models, ONNX files, scores of lm-eval, runs compared, and a tour.

    from textgen_tools import describe

    describe("runs/char").num_parameters

`textgen describe` does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen import defaults

if TYPE_CHECKING:
    from pathlib import Path

    from textgen.library.corpus import TextSource
    from textgen_tools.model_layers import ModelSummary

__all__ = ["describe"]


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
