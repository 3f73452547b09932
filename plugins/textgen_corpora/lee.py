"""News texts collected by Lee et al."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.contracts import TextgenError
from textgen_corpora.gensim_data import gensim_file


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
        lines = gensim_file("lee_background.cor", "lee").read_text(encoding="utf-8").splitlines()
        return "\n\n".join(line.strip() for line in lines if line.strip())
