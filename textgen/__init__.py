"""textgen: train any tokenizer, model and embedding on one text under one budget, and compare them fairly.

The names below are the public Python API. Importing this is quick: everything is imported when it is used
for the first time.
"""

from __future__ import annotations

from textgen.version import __version__

TYPE_CHECKING = False  # as in `typing`, whose import takes longer than all that is imported here

if TYPE_CHECKING:
    from textgen.contracts import TextgenError, TextgenWarning
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
        if name in ("TextgenError", "TextgenWarning"):
            from textgen import contracts as api

            return getattr(api, name)
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
