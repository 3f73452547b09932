"""Scoring texts with a trained model: any text, or the held-out parts of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.api import TextgenError, TokenIds
from textgen.data.bound_tokenizer import START
from textgen.data.text import BLOCK_CHARS, Text, blocks, cut_blocks
from textgen.evaluation.old_intervals import estimate, segment_size, text_sample
from textgen.evaluation.scoring import Score, TokenScores, bits_of_segments, score_text, score_totals
from textgen.experiment.trained import Trained


@dataclass(frozen=True, kw_only=True)
class ScoreChecks:
    """Evidence that a score counts the text, all of it and nothing else."""

    decoded_equals_text: bool
    num_chars: int = 0
    num_chars_of_tokens: int = 0
    num_tokens: int = 0
    total_bits: float = 0.0
    max_normalization_error: float = 0.0
    """The largest distance of a sum of probabilities from 1."""

    def __add__(self, other: ScoreChecks) -> ScoreChecks:
        """Return the checks of two stretches of one text."""
        return ScoreChecks(
            decoded_equals_text=self.decoded_equals_text and other.decoded_equals_text,
            num_chars=self.num_chars + other.num_chars,
            num_chars_of_tokens=self.num_chars_of_tokens + other.num_chars_of_tokens,
            num_tokens=self.num_tokens + other.num_tokens,
            total_bits=self.total_bits + other.total_bits,
            max_normalization_error=max(self.max_normalization_error, other.max_normalization_error),
        )


@dataclass(frozen=True, eq=False)
class ScoredText:
    """The score of a text, the evidence for it, and the bits of each segment of the text."""

    score: Score
    checks: ScoreChecks
    segment_bits: NDArray[np.float64]


def score_any(trained: Trained, text: Text, device: torch.device) -> ScoredText:
    """Score any text; raises `TextgenError` if the tokenizer does not preserve it.

    It is scored stretch by stretch, with the state carried from each to the next, so that the memory it
    takes does not grow with the text.
    """
    size = segment_size(len(text))
    bits, totals, checks = np.zeros(-(-len(text) // size)), [], []
    context, state, position = trained.tokenizer.encode(START), None, 0
    for stretch in cut_blocks(blocks(text), BLOCK_CHARS):
        ids = trained.tokenizer.encode(stretch)
        if not trained.tokenizer.preserves(stretch, ids):
            name = trained.entry.parts["tokenizer"]
            raise TextgenError(f"tokenizer {name!r} loses text, so there is no score; use a lossless one")
        scored = score_text(trained.model, stretch, ids, context, device=device, state=state)
        segments = bits_of_segments(scored, trained.tokenizer.table, size, begin=position % size)
        bits[position // size :][: len(segments)] += segments
        totals.append(score_totals(scored, trained.tokenizer.table, trained.tokenizer.is_fallback))
        checks.append(score_checks(trained, scored))
        context, state, position = ids[-1:], scored.state, position + len(stretch)
    score = reduce(add, totals).score(_interval(bits, len(text)))
    return ScoredText(score, reduce(add, checks), bits)


def score_split(trained: Trained, text: str, ids: TokenIds, device: torch.device) -> ScoredText:
    """Score `ids`, the tokens of a held-out part, from the start of a paragraph."""
    scored = score_text(trained.model, text, ids, trained.tokenizer.encode(START), device=device)
    bits = bits_of_segments(scored, trained.tokenizer.table, segment_size(len(text)))
    totals = score_totals(scored, trained.tokenizer.table, trained.tokenizer.is_fallback)
    return ScoredText(totals.score(_interval(bits, len(text))), score_checks(trained, scored), bits)


def score_checks(trained: Trained, scored: TokenScores) -> ScoreChecks:
    """Return the evidence for a score."""
    return ScoreChecks(
        decoded_equals_text=trained.tokenizer.decode(scored.ids) == scored.text,
        num_chars=len(scored.text),
        num_chars_of_tokens=int(trained.tokenizer.table.num_chars[scored.ids].sum()),
        num_tokens=len(scored.ids),
        total_bits=float(scored.bits.sum()),
        max_normalization_error=scored.max_normalization_error,
    )


def _interval(bits: NDArray[np.float64], num_chars: int) -> tuple[float, float]:
    return estimate(text_sample({0: bits}, num_chars, "")).interval
