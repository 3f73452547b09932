"""Tokenizing: in memory, or block by block in parallel into a memory-mapped file that is made once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.api import TokenIds, Tokenizer
from textgen.data.text import FileText, Text
from textgen.registry.attribution import contract_error
from textgen.runtime.cache import cache_path, cached, new_file
from textgen.runtime.processes import map_blocks

MAX_FIT_CHARS = 100_000_000
"""A tokenizer that cannot count block by block is fitted to so many characters, the first ones."""


def fit_and_encode(tokenizer: Tokenizer, identity: Iterable[Any], text: Text) -> tuple[TokenIds, bool]:
    """Fit a tokenizer to the training text; return the ids of the text, and whether they spell it.

    `identity` (JSON values) is all that decides what the tokenizer becomes, beside the text. The ids have
    the smallest unsigned type that the vocabulary fits in. Those of a text on disk are in a file that is
    mapped into memory, and which a second call finds in the cache together with the tokenizer's state.
    """
    if isinstance(text, str):
        tokenizer.fit(text)
        return encode(tokenizer, text)
    path = cache_path("tokens", *identity, text.sha256)
    description = cached(path)
    if description is not None:
        ids = _restored(tokenizer, description, np.memmap(path, description["dtype"], "r"), text)
        if ids is not None:
            return ids, bool(description["lossless"])
    fit(tokenizer, text)
    dtype = id_type(tokenizer)
    description = {"dtype": dtype.str, "state": tokenizer.state(), "lossless": True}
    with new_file(path, description) as file:
        for data, lossless in map_blocks(partial(_encode_block, tokenizer), text.blocks()):
            file.write(data)
            description["lossless"] &= lossless
    return np.asarray(np.memmap(path, dtype, "r")), bool(description["lossless"])


def fit(tokenizer: Tokenizer, text: Text) -> None:
    """Fit a tokenizer to a text, block by block and in parallel if it is on disk and the tokenizer can.

    One that can has `count(text)`, which returns what it counts in a block, and `fit_counts(counts)`,
    which builds the vocabulary from the counts of all blocks.
    """
    if isinstance(text, str):
        tokenizer.fit(text)
    elif hasattr(tokenizer, "count") and hasattr(tokenizer, "fit_counts"):
        tokenizer.fit_counts(map_blocks(tokenizer.count, text.blocks()))
    else:
        tokenizer.fit(text[:MAX_FIT_CHARS])


def encode(tokenizer: Tokenizer, text: str) -> tuple[TokenIds, bool]:
    """Return the ids of a text in the smallest type, and whether they spell it.

    Raises `PluginError` if they are no row of integers, or one of them is none of the vocabulary's.
    """
    ids = np.asarray(tokenizer.encode(text))
    if ids.ndim != 1 or (len(ids) and not np.issubdtype(ids.dtype, np.integer)):
        raise contract_error(
            tokenizer, f"encodes a text as {ids.ndim} dimensions of {ids.dtype}, not one of integers"
        )
    vocab_size = len(tokenizer.tokens)
    if len(ids) and not 0 <= ids.min() <= ids.max() < vocab_size:
        outside = ids.max() if ids.min() >= 0 else ids.min()
        raise contract_error(
            tokenizer,
            f"gives the id {outside}, but has a vocabulary of {vocab_size}; correct encode or tokens",
        )
    lossless = bool(getattr(tokenizer, "lossless", True)) and tokenizer.decode(ids) == text
    return ids.astype(id_type(tokenizer)), lossless


def id_type(tokenizer: Tokenizer) -> np.dtype[Any]:
    """Return the smallest unsigned type that every id fits in."""
    return np.min_scalar_type(max(0, len(tokenizer.tokens) - 1))


def _encode_block(tokenizer: Tokenizer, block: str) -> tuple[bytes, bool]:
    ids, lossless = encode(tokenizer, block)
    return ids.tobytes(), lossless


def _restored(
    tokenizer: Tokenizer, description: dict[str, Any], ids: NDArray[Any], text: FileText
) -> TokenIds | None:
    """Return the cached ids, if the tokenizer with its cached state still gives those of the first block."""
    try:
        tokenizer.restore(description["state"])
        first = np.asarray(tokenizer.encode(next(text.blocks())))
    except Exception:  # whatever an older or newer version of a plugin raises at this state
        return None
    return np.asarray(ids) if np.array_equal(ids[: len(first)], first) else None


START = "\n"
"""The context before the first character of a text or prompt: it is as if a paragraph had just ended."""
