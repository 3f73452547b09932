"""Verification of a saved comparison from its file alone: scores and verdicts by the bits of stretches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, log2
from pathlib import Path
from statistics import median_low
from typing import Any

from textgen.contracts import TextgenError
from textgen.data.corpus import CorpusInfo
from textgen.data.split import MAX_HELD_OUT_CHARS, PARTS, SplitPart
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.evaluation.scoring import MAX_WORD_BITS, Score, ScoredUnits, interval
from textgen.evaluation.token_bits import LOG2
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.samples import NUM_MEASURED
from textgen.experiment.score_run import unit_sizes
from textgen.results.comparison import Comparison, ReferenceScore
from textgen.results.judge import CLOSEST, judge, rescored
from textgen.results.verification import VerificationCheck, compared, named

FROM_UNITS = (
    "bits_per_char",
    "bits_by_category",
    "bits_per_char_without_oov",
    "bits_per_byte",
    "nats_per_char",
    "perplexity_per_word",
    "interval",
    "bits_by_seen_words",
    "units",
)
"""Fields of a score that follow from the bits of its units."""
REFERENCES = tuple(f"references.*.{field}" for field in ("bits_per_char", "interval", "units"))
"""Numbers of references that follow from the bits of their units."""
NAMES = ("name", "b", "metric")
"""The fields that tell scores, differences and those of a metric apart."""
MEASURED = ("sample_metrics", "metric_pseudovalues")
"""Fields of a row with the metrics of what it writes."""
FACTS = (
    *(f"score_checks.{name}" for name in ("num_chars", "num_chars_of_tokens", "total_bits")),
    *(f"train.{name}" for name in ("seconds", "num_chars", "chars_per_second")),
    "generate.batch_size",
    "seed",
)
"""Numbers of a run that are in two places of its row, or follow from others."""


def check_method(method: str, path: Path) -> None:
    """Raise `TextgenError` if the intervals of a result are not of the kind that is computed here."""
    if method != INTERVAL_METHOD:
        raise TextgenError(
            f"{str(path)!r} lacks what its intervals were computed from ({method}); measure it again"
        )


def verify_comparison(result: Comparison) -> Iterator[VerificationCheck]:
    """Yield a check of each kind of number that follows from others in the result."""
    yield from _run_checks(result)
    verdicts = judge(result.runs, result.held_out, result.scored_on, result.seed_priors)
    has_seeds = any(row.train.num_updates for row in result.runs)  # the priors are those of training
    priors = [f"seed_priors.{metric}" for metric in ("bits_per_char", *CLOSEST) if has_seeds]
    measured = [f"entries.*.{kind}.{name}" for kind in MEASURED for name in CLOSEST]
    references = [_reference(each, result) for each in result.references]
    for kind, saved, recomputed, covers in (
        ("scores of entries", result.scores, verdicts.scores, ["scores", *priors[:1]]),
        ("differences", result.differences, verdicts.differences, ["differences"]),
        ("metrics of text", result.metrics, verdicts.metrics, ["metrics", *measured, *priors[1:]]),
        ("references", result.references, references, REFERENCES),
    ):
        yield compared(kind, named(saved, NAMES), named(recomputed, NAMES), covers=covers)
    if (best := result.resolution) is not None:  # older results lack it
        yield compared("resolutions", {"best": best}, {"best": verdicts.resolution}, covers=["resolution"])
    order = [score.name for score in result.scores], [score.name for score in verdicts.scores]
    yield compared("rankings", {"entries": order[0]}, {"entries": order[1]})


def _run_checks(result: Comparison) -> Iterator[VerificationCheck]:
    """Yield checks of the scores of runs, and of what else each row and the head of the result say twice."""
    split, rows = result.corpus.split, {row_name(row): row for row in result.runs}
    scores, recomputed = dict[str, Any](), dict[str, Any]()
    for part in PARTS[1:]:
        of_part = {name: score for name, row in rows.items() if (score := scores_of(row).get(part))}
        text = _TextSize.of(list(of_part.values()))
        for name, score in of_part.items():
            scores[f"{name}, {part}"] = _saved_score(score)
            recomputed[f"{name}, {part}"] = _score(score, split.scored(part), text)
    covers = [f"entries.*.{part}.{field}" for part in PARTS[1:] for field in FROM_UNITS]
    yield compared("scores of runs", scores, recomputed, covers=covers)
    facts = {name: _facts(row, result) for name, row in rows.items()}
    saved = {name: _saved_facts(row, facts[name]) for name, row in rows.items()}
    yield compared("facts of runs", saved, facts, covers=[f"entries.*.{fact}" for fact in FACTS])
    yield _verify_seed_priors(result, rows)
    yield verify_sizes(result.corpus)
    if result.runs:
        first = {"machine": result.runs[0].machine}
        yield compared("machines", {"machine": result.machine}, first, covers=["machine"])


def _verify_seed_priors(result: Comparison, rows: Mapping[str, EntryResult]) -> VerificationCheck:
    """Return the check of the seed priors that the intervals of runs use."""
    scores = {
        f"{name}, {part}": (score.seed_prior, result.seed_priors["bits_per_char"].after(row.train.num_chars))
        for name, row in rows.items()
        for part, score in scores_of(row).items()
        if score.seed_prior
    }
    saved, recomputed = ({name: pair[side] for name, pair in scores.items()} for side in (0, 1))
    covers = [f"entries.*.{part}.seed_prior" for part in PARTS[1:]]
    return compared("priors of runs", saved, recomputed, covers=covers)


def row_name(row: EntryResult) -> str:
    """Return the name of a row in messages."""
    return f"{row.name} (seed {row.seed})"


def scores_of(row: EntryResult) -> dict[str, Score]:
    """Return the scores of a run by the part that is scored."""
    scores = {part: getattr(row, part) for part in PARTS[1:]}
    return {part: score for part, score in scores.items() if score is not None}


@dataclass(frozen=True)
class _TextSize:
    """The size of a scored text in units that its characters do not tell: the same for all entries."""

    num_bytes: int | None
    num_words: int | None
    """Words between white space; None where no score says it."""

    @classmethod
    def of(cls, scores: Sequence[Score]) -> _TextSize:
        """Return the size that the scores of a text imply; it is a whole number."""
        totals = [(score, fsum(score.units.bits)) for score in scores if score.units]
        num_bytes = [bits / score.bits_per_byte for score, bits in totals if score.bits_per_byte]
        word_bits = [(bits, log2(score.perplexity_per_word)) for score, bits in totals]
        words = [bits / of_word for bits, of_word in word_bits if 0 < of_word < MAX_WORD_BITS]
        return cls(*(round(median_low(each)) if each else None for each in (num_bytes, words)))


def _saved_score(score: Score) -> dict[str, Any]:
    return {
        "bits_per_char": score.bits_per_char,
        "bits_by_category": score.bits_per_char,
        "bits_by_seen_words": score.bits_by_seen_words and score.bits_per_char,
        "bits_per_char_without_oov": score.bits_per_char_without_oov,
        "nats_per_char": score.nats_per_char,
        "bits_per_byte": score.bits_per_byte,
        "perplexity_per_word": score.perplexity_per_word,
        "interval": score.interval,
        "characters": score.units.num_chars if score.units else None,
    }


def _score(score: Score, part: SplitPart, text: _TextSize) -> dict[str, Any]:
    """Return what follows from the bits of stretches and the sizes of the text's."""
    if score.units is None:
        return {}
    bits = fsum(score.units.bits)
    bits_per_char, word_bits = bits / sum(score.units.num_chars), bits / (text.num_words or 1)
    seen = score.bits_by_seen_words
    return {
        "bits_per_char": bits_per_char,
        "bits_by_category": fsum(vars(score.bits_by_category).values()),
        "bits_by_seen_words": seen and fsum(vars(seen).values()),
        "bits_per_char_without_oov": bits_per_char - score.bits_by_category.oov_words,
        "nats_per_char": bits_per_char * LOG2,
        "bits_per_byte": bits / text.num_bytes if text.num_bytes else score.bits_per_byte,
        "perplexity_per_word": 2 ** min(word_bits, MAX_WORD_BITS),
        "interval": interval(score.units, score.seed_prior),
        "characters": unit_sizes(part.stretch_chars),
    }


def _facts(row: EntryResult, result: Comparison) -> dict[str, Any]:
    """Return numbers of a row that follow from others."""
    seeds = [each.seed for each in result.entries]
    number = sum(each.name == row.name for each in result.entries)
    facts: dict[str, Any] = {
        "train": {"chars_per_second": row.train.num_chars / max(row.train.seconds, 1e-9)},
        "seed": row.seed if row.seed in range(min(seeds), min(seeds) + number) else min(seeds),
    }
    if row.generate:
        facts["generate"] = {"batch_size": NUM_MEASURED}
    score = row.score(result.scored_on)
    if score and score.units:
        num_chars = sum(result.corpus.split.scored(result.scored_on).stretch_chars)
        bits = fsum(score.units.bits)
        facts["score_checks"] = {"num_chars": num_chars, "num_chars_of_tokens": num_chars, "total_bits": bits}
    return facts


def _saved_facts(row: EntryResult, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved values of what follows from others."""
    saved = dict[str, Any]()
    for name, recomputed in facts.items():
        value = getattr(row, name)
        is_record = isinstance(recomputed, dict)
        saved[name] = {field: getattr(value, field) for field in recomputed} if is_record else value
    return saved


def verify_sizes(corpus: CorpusInfo) -> VerificationCheck:
    """Return the check of the sizes of parts of a text by those of their stretches."""
    parts = {part: corpus.split.scored(part) for part in PARTS[1:]}
    saved = {name: part.num_chars for name, part in parts.items()}
    sizes = {
        name: sum(part.stretch_chars)
        if part.num_chars <= MAX_HELD_OUT_CHARS  # of a larger one, its beginnings are scored
        else part.num_chars
        for name, part in parts.items()
    }
    return compared("sizes of parts", saved, sizes, covers=[f"corpus.split.{part}" for part in parts])


def _reference(saved: ReferenceScore, result: Comparison) -> ReferenceScore | None:
    """Return the score of a reference, whose units are stretches, or segments of a few."""
    if saved.units is None or len(saved.units.num_chars) != len(saved.units.bits):
        return None
    stretches = result.corpus.split.scored(result.scored_on).stretch_chars
    sizes = stretches if len(stretches) == len(saved.units.bits) else unit_sizes(stretches)
    return rescored(saved, ScoredUnits(tuple(sizes), saved.units.bits))
