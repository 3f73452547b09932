"""The adapter through which the core uses a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TokenIds, Tokenizer, Vocabulary
from textgen.data.decoding import utf8
from textgen.data.parallel import map_in_order
from textgen.data.text import Text
from textgen.data.vocabulary import TokenTable, byte_mask
from textgen.registry.attribution import contract_error

START = "\n"
"""The context before the first character of a text or prompt, as if a paragraph had just ended."""
SPELLERS = ("ngrams", "model")
"""Values of a tokenizer's `speller`."""
MAX_FIT_CHARS = 100_000_000
"""A tokenizer that cannot count in blocks is fitted to at most this many characters, the first ones."""


class BoundTokenizer:
    """A tokenizer whose optional members are resolved and whose ids are checked.

    `component` is the tokenizer itself. Methods raise `PluginError` if it breaks its contract.
    """

    def __init__(self, component: Tokenizer) -> None:
        self.component = component

    @property
    def tokens(self) -> Sequence[str]:
        """The string of each token."""
        return self.component.tokens

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        return len(self.component.tokens)

    @property
    def id_type(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(max(0, self.vocab_size - 1))

    @cached_property
    def table(self) -> TokenTable:
        """Bytes and characters of each token."""
        return TokenTable(self.tokens)

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
        return Vocabulary(self.tokens, mask, has_speller=self._speller == "ngrams")

    def sampler_vocabulary(self, spellings: Sequence[Sequence[float]] = ()) -> Vocabulary:
        """Return the vocabulary for samplers."""
        return replace(self.vocabulary, spellings=spellings)

    @property
    def _speller(self) -> str:
        speller: str = getattr(self.component, "speller", SPELLERS[0])
        if speller not in SPELLERS:
            raise contract_error(self.component, f"has speller {speller!r}, not {' or '.join(SPELLERS)}")
        return speller

    @property
    def promises_lossless(self) -> bool:
        """True if the tokenizer declares that it gives back every text."""
        return bool(getattr(self.component, "lossless", True))

    def fit(self, text: Text) -> None:
        """Build the vocabulary from a text.

        A text on disk is counted block by block and in parallel if the tokenizer can.
        """
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
                self.component, f"encodes a text as {ids.ndim} dimensions of {ids.dtype}, not one of integers"
            )
        if len(ids) and not 0 <= ids.min() <= ids.max() < self.vocab_size:
            outside = ids.max() if ids.min() >= 0 else ids.min()
            raise contract_error(
                self.component,
                f"returned the id {outside} with a vocabulary of {self.vocab_size}; correct encode or tokens",
            )
        return ids.astype(self.id_type)

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """Return the text that `ids` spell."""
        return self.component.decode(ids)

    def preserves(self, text: str, ids: TokenIds) -> bool:
        """Return whether `ids`, the tokens of `text`, spell it, and the tokenizer promises that they do.

        The strings of the tokens count, not only what `decode` makes of them: it could remember the text.
        """
        return self.promises_lossless and self.decode(ids) == text and self.table.spell(ids) == utf8(text)

    def state(self) -> dict[str, Any]:
        """Return everything that `fit` learnt, as JSON values."""
        return self.component.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Take the vocabulary from a state."""
        self.component.restore(state)
        self._forget_vocabulary()

    def _forget_vocabulary(self) -> None:
        for name in ("table", "is_fallback"):
            vars(self).pop(name, None)
