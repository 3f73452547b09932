"""textgen: train any tokenizer, model and embedding on one text under one budget, and compare them fairly.

The names below are the public Python API. Importing textgen is quick, since each name is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module

from textgen.version import __version__

TYPE_CHECKING = False  # as in `typing`, whose import takes longer than all that is imported here

if TYPE_CHECKING:
    from textgen.contracts import TextgenError, TextgenWarning
    from textgen.data.corpus import Corpus
    from textgen.library.bench import bench
    from textgen.library.comparison import Comparison, Ladder
    from textgen.library.components import load_plugin_file, plugins
    from textgen.library.corpus import load_corpus
    from textgen.library.description import describe
    from textgen.library.presentation import report
    from textgen.library.runs import Run, load
    from textgen.library.training import train
    from textgen.requests import ClusterOptions, SampleOptions, TextOptions
    from textgen.runtime.storage.files import NotSavedError
    from textgen.training.progress import Step
else:
    _MODULES = {
        "contracts": "TextgenError TextgenWarning",
        "data.corpus": "Corpus",
        "library.bench": "bench",
        "library.comparison": "Comparison Ladder",
        "library.components": "load_plugin_file plugins",
        "library.corpus": "load_corpus",
        "library.description": "describe",
        "library.presentation": "report",
        "requests": "ClusterOptions SampleOptions TextOptions",
        "library.runs": "Run load",
        "library.training": "train",
        "runtime.storage.files": "NotSavedError",
        "training.progress": "Step",
    }

    def __getattr__(name: str) -> object:
        for module, names in _MODULES.items():
            if name in names.split():
                return getattr(import_module(f"textgen.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*(name for name in globals() if name.startswith("__")), *__all__})


__all__ = [
    "ClusterOptions",
    "Comparison",
    "Corpus",
    "Ladder",
    "NotSavedError",
    "Run",
    "SampleOptions",
    "Step",
    "TextOptions",
    "TextgenError",
    "TextgenWarning",
    "__version__",
    "bench",
    "describe",
    "load",
    "load_corpus",
    "load_plugin_file",
    "plugins",
    "report",
    "train",
]
