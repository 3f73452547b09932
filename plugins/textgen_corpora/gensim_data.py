"""Files of gensim's test data, which are found without importing gensim: that takes a second."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from textgen.contracts import TextgenError


def gensim_file(name: str, corpus: str) -> Path:
    """Return a file of gensim's test data; raises `TextgenError` if gensim is not installed."""
    gensim = find_spec("gensim")
    if gensim is None or gensim.origin is None:
        raise TextgenError(
            f'the corpus {corpus} is part of gensim; run: pip install "textgen-bench[vectors]", '
            "or name a file or another corpus"
        )
    return Path(gensim.origin).parent / "test" / "test_data" / name
