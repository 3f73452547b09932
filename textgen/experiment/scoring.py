"""Scoring texts with a run: any text, or the held-out parts of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch

from textgen.api import TextgenError, TokenIds
from textgen.data.text import BLOCK_CHARS, Text, blocks, cut_blocks
from textgen.data.tokenization import START
from textgen.evaluation.bootstrap import Bootstrap, block_size
from textgen.evaluation.scoring import TokenScores, bits_of_blocks, score_text, tally
from textgen.experiment.run import Run

ACCOUNTING: dict[str, Callable[[list[Any]], Any]] = {
    "decoded_equals_text": all,
    "num_chars": sum,
    "num_chars_of_tokens": sum,
    "num_tokens": sum,
    "total_bits": sum,
    "max_normalization_error": max,
}
"""How the accounts of stretches make that of the whole text."""


def score_any(run: Run, text: Text, device: torch.device) -> dict[str, Any]:
    """Score any text with a run; raises `TextgenError` if the run's tokenizer does not preserve it.

    It is scored stretch by stretch, with the state carried from each to the next, so that the memory it
    takes does not grow with the text.
    """
    size = block_size(len(text))
    bits, tallies, accounts = np.zeros(-(-len(text) // size)), [], []
    context, state, place = run.tokenizer.encode(START), None, 0
    for stretch in cut_blocks(blocks(text), BLOCK_CHARS):
        ids = run.tokenizer.encode(stretch)
        if not run.tokenizer.preserves(stretch, ids):
            name = run.entry.parts["tokenizer"]
            raise TextgenError(f"tokenizer {name!r} loses text, so there is no score; use a lossless one")
        scored = score_text(run.model, stretch, ids, context, device=device, state=state)
        block_bits = bits_of_blocks(scored, run.table, size, begin=place % size)
        bits[place // size :][: len(block_bits)] += block_bits
        tallies.append(tally(scored, run.table, run.is_fallback))
        accounts.append(account(run, scored))
        context, state, place = ids[-1:], scored.state, place + len(stretch)
    return {
        **reduce(add, tallies).figures(),
        "interval": Bootstrap(len(text)).interval(bits),
        "score_checks": {key: join([each[key] for each in accounts]) for key, join in ACCOUNTING.items()},
    }


def score_ids(run: Run, text: str, ids: TokenIds, device: torch.device) -> TokenScores:
    """Score `ids`, the tokens of `text`, from the start of a paragraph."""
    return score_text(run.model, text, ids, run.tokenizer.encode(START), device=device)


def blocks_and_interval(run: Run, scored: TokenScores) -> tuple[np.ndarray[Any, Any], list[float]]:
    """Return the bits of each block of the text, and the interval of the score that they give."""
    blocks = bits_of_blocks(scored, run.table, block_size(len(scored.text)))
    return blocks, Bootstrap(len(scored.text)).interval(blocks)


def account(run: Run, scored: TokenScores) -> dict[str, Any]:
    """Return the proof that a score charges the text, all of it and nothing but it."""
    return {
        "decoded_equals_text": run.tokenizer.decode(scored.ids) == scored.text,
        "num_chars": len(scored.text),
        "num_chars_of_tokens": int(run.table.num_chars[scored.ids].sum()),
        "num_tokens": len(scored.ids),
        "total_bits": float(scored.bits.sum()),
        "max_normalization_error": scored.max_normalization_error,
    }
