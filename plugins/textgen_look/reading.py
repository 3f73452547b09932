"""The bits of each character of held-out text, by which words and mistakes are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.data.bound_tokenizer import START
from textgen.data.words import WORD, spans
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.saved_run import Trained

MAX_CHARS = 40_000
"""Characters that are read, the same of all entries."""


def spaced_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each word, with the space before it if there is one."""
    return ((begin - (text[begin - 1 : begin] == " "), end) for begin, end in spans(WORD, text))


def bits_of_chars(
    trained: Trained, stretches: Sequence[str], device: torch.device
) -> list[NDArray[np.float64]]:
    """Return the bits of each character of each stretch; those of a token are spread evenly over its own."""
    tokenizer = trained.tokenizer
    ids = [tokenizer.encode(text) for text in stretches]
    scored = score_stretches(trained.model, stretches, ids, tokenizer.encode(START), device=device)
    found = []
    for text, each in zip(stretches, scored, strict=True):
        sizes = np.maximum(tokenizer.table.num_chars[each.ids], 1)
        starts = token_starts(each.ids, tokenizer.table)
        owners = np.repeat(np.arange(len(sizes)), sizes)
        places = (
            np.repeat(starts, sizes) + np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        )
        spread = each.bits[owners] / sizes[owners]
        found.append(np.bincount(places, spread, len(text)).astype(np.float64))
    return found
