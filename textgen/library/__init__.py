"""The public Python API, which `import textgen` offers: the commands as functions with the same options.

Results are saved in the folders in which the commands save them, unless `out` names another one. `report`
is called with a `Step` when one begins or makes progress; without it, and without `progress=True`, the
functions are silent.
"""

from textgen.library.comparison import Comparison, bench
from textgen.library.components import load_plugin_file, plugins
from textgen.library.corpus import Corpus, load_corpus
from textgen.library.runs import Run, load, train

__all__ = [
    "Comparison",
    "Corpus",
    "Run",
    "bench",
    "load",
    "load_corpus",
    "load_plugin_file",
    "plugins",
    "train",
]
