"""The ids of a training text: in memory, or in a memory-mapped file that is written once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

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
    if description is None or not _is_current(tokenizer, description, path, text):
        tokenizer.fit(text)
        description = {"dtype": tokenizer.id_type.str, "state": tokenizer.state(), "lossless": True}
        with new_cached_file(path, description) as file:
            for data, preserved in map_in_order(partial(_encode_block, tokenizer), text.blocks()):
                file.write(data)
                description["lossless"] &= preserved
            description["seconds"] = time.perf_counter() - began
    ids = np.asarray(np.memmap(path, description["dtype"], "r"))
    return EncodedText(ids, bool(description["lossless"]), float(description["seconds"]))


def _encode_block(tokenizer: BoundTokenizer, block: str) -> tuple[bytes, bool]:
    ids = tokenizer.encode(block)
    return ids.tobytes(), tokenizer.preserves(block, ids)


def _is_current(tokenizer: BoundTokenizer, description: dict[str, Any], path: Path, text: FileText) -> bool:
    """Return whether the tokenizer, in its cached state, still encodes the first block as it is cached."""
    try:
        tokenizer.restore(description["state"])
        first = tokenizer.encode(next(text.blocks()))
        cached_ids = np.memmap(path, description["dtype"], "r")
    except Exception:  # whatever an older or newer version of a plugin raises at this state
        return False
    return np.array_equal(cached_ids[: len(first)], first)
