"""The adapter through which the core uses a tokenizer, and the ids of a training text that it encodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds, Tokenizer, Vocabulary
from textgen.data.decoding import utf8
from textgen.data.parallel import map_in_order
from textgen.data.text import FileText, Text
from textgen.data.vocabulary import TokenTable, byte_mask
from textgen.registry.registry import contract_error
from textgen.runtime.storage.cache import cache_path, cached, new_cached_file

START = "\n"
"""The context before the first character of a text or prompt, as if a paragraph had just ended."""
SPELLERS = ("ngrams", "model")
"""Values of a tokenizer's `speller`."""
MAX_FIT_CHARS = 100_000_000
"""A tokenizer that cannot count in blocks is fitted to at most this many characters, the first ones."""
IDS_FORMAT = 4
"""Version of the cached ids; raise it when their description changes."""


class BoundTokenizer:
    """A tokenizer whose optional members are resolved and whose ids are checked.

    `component` is the tokenizer itself. Methods raise `PluginError` if it breaks its contract.
    """

    def __init__(self, component: Tokenizer) -> None:
        self.component = component
        self.origin: Mapping[str, Any] | None = None  # the state of one that is extended, not fitted

    @property
    def tokens(self) -> Sequence[str]:
        return self.component.tokens

    @property
    def vocab_size(self) -> int:
        return len(self.component.tokens)

    @property
    def id_type(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(max(0, self.vocab_size - 1))

    @cached_property
    def table(self) -> TokenTable:
        return TokenTable(self.tokens)

    @property
    def is_lossless(self) -> bool:
        """True if the tokenizer promises that its tokens spell every text."""
        return bool(getattr(self.component, "lossless", True))

    @cached_property
    def is_fallback(self) -> NDArray[np.bool_]:
        """The tokens that spell what the vocabulary lacks, [vocab_size]: the bytes, if it names no others."""
        declared = getattr(self.component, "fallback", None)
        mask = byte_mask(self.tokens) if declared is None else np.asarray(declared, bool)
        if mask.shape != (self.vocab_size,):
            raise contract_error(
                self.component, f"has a fallback of shape {list(mask.shape)}, but {self.vocab_size} tokens"
            )
        return mask

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, and which of them spell out-of-vocabulary words.

        A fallback of bytes alone spells rare characters, and one of all tokens is not a fallback.
        """
        mask = self.is_fallback
        if mask.all() or not (mask & ~byte_mask(self.tokens)).any():
            return Vocabulary(self.tokens, np.zeros_like(mask))
        speller = getattr(self.component, "speller", SPELLERS[0])
        if speller not in SPELLERS:
            raise contract_error(self.component, f"has speller {speller!r}, not {' or '.join(SPELLERS)}")
        return Vocabulary(self.tokens, mask, has_speller=speller == "ngrams")

    def sampler_vocabulary(self, spellings: Sequence[Sequence[float]] = ()) -> Vocabulary:
        return replace(self.vocabulary, spellings=spellings)

    def fit(self, text: Text) -> None:
        """Build the vocabulary from a text.

        A text on disk is counted block by block and in parallel if the tokenizer can.
        """
        if self.origin is not None:
            self.component.restore(dict(self.origin))
            if extend := getattr(self.component, "extend", None):
                extend(text[:MAX_FIT_CHARS])
            self._forget_vocabulary()
            return
        count: Callable[[str], Any] | None = getattr(self.component, "count", None)
        fit_counts: Callable[[Iterable[Any]], None] | None = getattr(self.component, "fit_counts", None)
        if isinstance(text, str):
            self.component.fit(text)
        elif count is not None and fit_counts is not None:
            fit_counts(map_in_order(count, text.blocks()))
        else:
            self.component.fit(text[:MAX_FIT_CHARS])
        self._forget_vocabulary()

    def encode(self, text: str) -> TokenIds:
        """Return the ids of a text, in the smallest type; raises `PluginError` if they are not valid ids."""
        ids = np.asarray(self.component.encode(text))
        if ids.ndim != 1 or (len(ids) and not np.issubdtype(ids.dtype, np.integer)):
            raise contract_error(
                self.component, f"encodes a text as a {ids.ndim}-d array of {ids.dtype}, not 1-d of integers"
            )
        if len(ids) and not 0 <= ids.min() <= ids.max() < self.vocab_size:
            outside = ids.max() if ids.min() >= 0 else ids.min()
            raise contract_error(
                self.component,
                f"returned the id {outside} for a vocabulary of {self.vocab_size}; fix encode or tokens",
            )
        return ids.astype(self.id_type)

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        return self.component.decode(ids)

    def preserves(self, text: str, ids: TokenIds) -> bool:
        """Return whether `ids`, the tokens of `text`, spell it, and the tokenizer promises that they do.

        The strings of the tokens count, not only what `decode` makes of them: it could remember the text.
        """
        return self.is_lossless and self.decode(ids) == text and self.table.spell(ids) == utf8(text)

    def state(self) -> dict[str, Any]:
        return self.component.state()

    def restore(self, state: dict[str, Any]) -> None:
        self.component.restore(state)
        self._forget_vocabulary()

    def _forget_vocabulary(self) -> None:
        for name in ("table", "is_fallback"):
            vars(self).pop(name, None)


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
    path = cache_path("tokens", IDS_FORMAT, *identity, text.sha256)
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
