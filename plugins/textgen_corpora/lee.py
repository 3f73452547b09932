"""News texts collected by Lee et al."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from textgen.contracts import TextgenError


@dataclass
class Lee:
    """Three hundred news items of the Australian Broadcasting Corporation, 2001; 0.36 M characters.

    Source: the background corpus of Lee, Pincombe and Welsh, "An empirical evaluation of models of text
    document similarity" (2005), from gensim's test data. Licence: none stated; collected for research.
    """

    def read(self, item: str) -> str:
        """Return all items with blank lines between. Raises `TextgenError` if `item` is not empty."""
        if item:
            raise TextgenError(f"the corpus lee has no item {item!r}; write lee")
        gensim = find_spec("gensim")  # which takes a second less than its import
        if gensim is None or gensim.origin is None:
            raise TextgenError("the corpus lee is part of gensim; run: pip install gensim")
        path = Path(gensim.origin).parent / "test" / "test_data" / "lee_background.cor"
        lines = path.read_text(encoding="utf-8").splitlines()
        return "\n\n".join(line.strip() for line in lines if line.strip())
