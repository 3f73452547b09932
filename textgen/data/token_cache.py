"""The ids of a training text: in memory, or in a memory-mapped file that is written once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.api import TokenIds
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.parallel import map_in_order
from textgen.data.text import FileText, Text
from textgen.runtime.cache import cache_path, cached, new_cached_file


def fit_and_encode(tokenizer: BoundTokenizer, identity: Iterable[Any], text: Text) -> tuple[TokenIds, bool]:
    """Fit a tokenizer to the training text; return the text's ids, and whether they preserve it.

    `identity` (JSON values) is everything beside the text that determines the vocabulary. The ids of a text
    on disk are in a file that is mapped into memory; a second call finds it in the cache together with the
    tokenizer's state.
    """
    if isinstance(text, str):
        tokenizer.fit(text)
        ids = tokenizer.encode(text)
        return ids, tokenizer.preserves(text, ids)
    path = cache_path("tokens", *identity, text.sha256)
    description = cached(path)
    if description is not None:
        restored = _restored(tokenizer, description, np.memmap(path, description["dtype"], "r"), text)
        if restored is not None:
            return restored, bool(description["lossless"])
    tokenizer.fit(text)
    description = {"dtype": tokenizer.id_type.str, "state": tokenizer.state(), "lossless": True}
    with new_cached_file(path, description) as file:
        for data, preserved in map_in_order(partial(_encode_block, tokenizer), text.blocks()):
            file.write(data)
            description["lossless"] &= preserved
    return np.asarray(np.memmap(path, tokenizer.id_type, "r")), bool(description["lossless"])


def _encode_block(tokenizer: BoundTokenizer, block: str) -> tuple[bytes, bool]:
    ids = tokenizer.encode(block)
    return ids.tobytes(), tokenizer.preserves(block, ids)


def _restored(
    tokenizer: BoundTokenizer, description: dict[str, Any], ids: NDArray[Any], text: FileText
) -> TokenIds | None:
    """Return the cached ids if the tokenizer, in its cached state, still encodes the first block so."""
    try:
        tokenizer.restore(description["state"])
        first = tokenizer.encode(next(text.blocks()))
    except Exception:  # whatever an older or newer version of a plugin raises at this state
        return None
    return np.asarray(ids) if np.array_equal(ids[: len(first)], first) else None
