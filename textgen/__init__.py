"""textgen: train any tokenizer, model and embedding on one text under one budget, and compare them fairly.

The names below are the public Python API. Importing them is quick: torch is imported when one of the
functions is used for the first time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.api import TextgenError, TextgenWarning
from textgen.version import __version__

if TYPE_CHECKING:
    from textgen.library import (
        Comparison,
        Corpus,
        Run,
        bench,
        load,
        load_corpus,
        load_plugin_file,
        plugins,
        train,
    )
else:

    def __getattr__(name: str) -> object:
        if name in __all__:
            from textgen import library

            return getattr(library, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Comparison",
    "Corpus",
    "Run",
    "TextgenError",
    "TextgenWarning",
    "__version__",
    "bench",
    "load",
    "load_corpus",
    "load_plugin_file",
    "plugins",
    "train",
]
