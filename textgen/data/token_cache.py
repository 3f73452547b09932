"""The ids of a training text: in memory, or in a memory-mapped file that is written once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.parallel import map_in_order
from textgen.data.text import FileText, Text
from textgen.runtime.storage.cache import cache_path, cached, new_cached_file

FORMAT = 4
"""Version of the cached ids; raise it when their description changes."""


@dataclass(frozen=True)
class EncodedText:
    """The ids of a text, whether they preserve it, and the seconds that fitting and encoding took."""

    ids: TokenIds
    is_preserved: bool
    seconds: float


def fit_and_encode(tokenizer: BoundTokenizer, identity: Iterable[Any], text: Text) -> EncodedText:
    """Fit a tokenizer to the training text, and encode it.

    `identity` (JSON values) is everything beside the text that determines the vocabulary. The ids of a text
    on disk are in a file that is mapped into memory; a second call finds it in the cache together with the
    tokenizer's state and the time that it took.
    """
    began = time.perf_counter()
    if isinstance(text, str):
        tokenizer.fit(text)
        ids = tokenizer.encode(text)
        seconds = time.perf_counter() - began
        return EncodedText(ids, tokenizer.preserves(text, ids), seconds)
    path = cache_path("tokens", FORMAT, *identity, text.sha256)
    description = cached(path)
    if description is not None:
        restored = _restored(tokenizer, description, np.memmap(path, description["dtype"], "r"), text)
        if restored is not None:
            return EncodedText(restored, bool(description["lossless"]), float(description["seconds"]))
    tokenizer.fit(text)
    description = {"dtype": tokenizer.id_type.str, "state": tokenizer.state(), "lossless": True}
    with new_cached_file(path, description) as file:
        for data, preserved in map_in_order(partial(_encode_block, tokenizer), text.blocks()):
            file.write(data)
            description["lossless"] &= preserved
        description["seconds"] = time.perf_counter() - began
    ids = np.asarray(np.memmap(path, tokenizer.id_type, "r"))
    return EncodedText(ids, bool(description["lossless"]), float(description["seconds"]))


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
