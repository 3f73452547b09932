"""Scoring texts with a trained model: any text, or the held-out parts of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import log2
from operator import add

import numpy as np
import torch

from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.text import BLOCK_CHARS, Text, alphabet, blocks, cut_blocks
from textgen.data.vocabulary import TokenTable
from textgen.evaluation.intervals import SeedPrior
from textgen.evaluation.scoring import Score, ScoredUnits, bits_of_segments, score_totals, seen_words
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.experiment.entry_result import ScoreChecks
from textgen.experiment.saved_run import Trained
from textgen.training.progress import Report, Step, ignore_report

MIN_UNITS = 3
"""Stretches that an interval needs; of fewer, each is cut into segments."""
NUM_SEGMENTS = 24
"""Segments of a text that is one stretch."""
CHUNK = 512
"""Tokens of any text that are computed at once."""


@dataclass(frozen=True, eq=False)
class ScoredText:
    """The score of a text and the evidence for it."""

    score: Score
    checks: ScoreChecks


def score_any(
    trained: Trained, text: Text, device: torch.device, report: Report = ignore_report
) -> ScoredText:
    """Score any text; raises `TextgenError` if the tokenizer does not preserve it.

    It is scored block by block, with the state carried from each to the next, so that the memory it takes
    does not grow with the text.
    """
    size = segment_size(len(text), NUM_SEGMENTS)
    bits, totals, checks = np.zeros(-(-len(text) // size)), [], []
    context, state, position = trained.tokenizer.encode(START), None, 0
    for block in cut_blocks(blocks(text), BLOCK_CHARS):
        ids = trained.encode(block)

        def tell(fraction: float, begin: int = position, num_chars: int = len(block)) -> None:
            share = (begin + fraction * num_chars) / len(text)
            report(Step("scoring", trained.entry.name, fraction=share))

        (scored,) = score_stretches(
            trained.model, [block], [ids], context, device=device, chunk=CHUNK, state=state, report=tell
        )
        segments = bits_of_segments(scored, trained.tokenizer.table, size, begin=position % size)
        bits[position // size :][: len(segments)] += segments
        totals.append(score_totals(scored, trained.tokenizer.table, trained.tokenizer.is_fallback))
        checks.append(score_checks(trained.tokenizer, scored))
        context, state, position = ids[-1:], scored.state, position + len(block)
    units = ScoredUnits(tuple(segment_sizes(len(text), size)), tuple(bits.tolist()))
    return ScoredText(reduce(add, totals).score(units, trained.seed_prior), reduce(add, checks))


def score_held_out(
    tokenizer: BoundTokenizer,
    scored: Sequence[TokenScores],
    prior: SeedPrior | None,
    train: Text | None = None,
) -> ScoredText:
    """Return the score of the stretches of a held-out part; `train` is the training text."""
    table, mask = tokenizer.table, tokenizer.is_fallback
    seen = None if train is None else seen_words(train)
    totals = reduce(add, (score_totals(each, table, mask, seen) for each in scored))
    checks = reduce(add, (score_checks(tokenizer, each) for each in scored))
    return ScoredText(totals.score(scored_units(table, scored), prior), checks)


def scored_units(table: TokenTable, scored: Sequence[TokenScores]) -> ScoredUnits:
    """Return the pieces that the interval of a score is computed from: stretches, or segments of a few."""
    sizes = unit_sizes([len(each.text) for each in scored])
    if len(scored) >= MIN_UNITS:
        return ScoredUnits(sizes, tuple(float(each.bits.sum()) for each in scored))
    number, bits = -(-NUM_SEGMENTS // len(scored)), []
    for each in scored:
        size = segment_size(len(each.text), number)
        bits += bits_of_segments(each, table, size).tolist()
    return ScoredUnits(sizes, tuple(bits))


def unit_sizes(stretch_chars: Sequence[int]) -> tuple[int, ...]:
    """Return the characters of each piece of a held-out part with stretches of these lengths."""
    if len(stretch_chars) >= MIN_UNITS:
        return tuple(stretch_chars)
    number = -(-NUM_SEGMENTS // len(stretch_chars))
    return tuple(
        size for chars in stretch_chars for size in segment_sizes(chars, segment_size(chars, number))
    )


def segment_size(num_chars: int, num_segments: int) -> int:
    """Return the characters per segment of a text that is cut into about `num_segments`."""
    return max(1, -(-num_chars // num_segments))


def segment_sizes(num_chars: int, size: int) -> list[int]:
    """Return the length of each segment of a text; the last one may be shorter."""
    return [min(size, num_chars - start) for start in range(0, num_chars, size)]


def score_checks(tokenizer: BoundTokenizer, scored: TokenScores) -> ScoreChecks:
    """Return the evidence for a score."""
    return ScoreChecks(
        decoded_equals_text=tokenizer.table.decode(scored.ids) == scored.text,
        num_chars=len(scored.text),
        num_chars_of_tokens=int(tokenizer.table.num_chars[scored.ids].sum()),
        num_tokens=len(scored.ids),
        total_bits=float(scored.bits.sum()),
        max_normalization_error=scored.max_normalization_error,
    )


def chance_bits(training_text: Text) -> float:
    """Return the bits per character of guessing uniformly among the characters of a training text."""
    return log2(len(alphabet(training_text)) or 1)
