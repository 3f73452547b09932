"""Verification of a saved result from its file alone: all that follows from its rows is computed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from math import fsum
from typing import Any

from textgen.data.corpus import CorpusInfo
from textgen.data.split import EXACT, MAX_HELD_OUT_CHARS, PARTS
from textgen.evaluation.baselines import READING_ON
from textgen.evaluation.intervals import SeedPrior
from textgen.evaluation.metrics import CLOSEST
from textgen.evaluation.scoring import MAX_WORD_BITS, BitsByCategory, Score, ScoredUnits, interval
from textgen.evaluation.token_bits import LOG2
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.experiment.samples import NUM_MEASURED
from textgen.experiment.score_run import unit_sizes
from textgen.registry.registry import names
from textgen.results.comparison import Comparison, ReferenceScore
from textgen.results.judge import judge, judge_ladder, ladder, reference_score
from textgen.results.ladder import Ladder
from textgen.results.row import Row, rows_by_entry
from textgen.training.progress import TrainResult
from textgen_verify.verification import Partial, VerificationCheck, compared, decisive

IN_UNITS = (ScoredUnits, ["bits"])
"""The measured numbers that all scores, differences and steps follow from."""


def verify_comparison(result: Comparison) -> Iterator[VerificationCheck]:
    """Yield a check of each part of a comparison that follows from others."""
    has_test = result.corpus.split.test.num_chars > 0
    yield compared("values of scored_on", result, Partial(scored_on="test" if has_test else "validation"))
    rows = rows_by_entry(result.runs, result.scored_on)
    judged = judge(rows, result.held_out, result.seed_priors, result.other_metrics)
    again = Partial(
        corpus=scored_sizes(result.corpus),
        machine=result.runs[0].machine if result.runs else result.machine,
        entries=[_run(row, result) for row in result.entries],
        references=[_reference(each, result) for each in result.references],
        **vars(judged),
    )
    compared_by = [*CLOSEST, *(each.name for each in result.other_metrics if each.best)]
    written = [f"{of}.{name}" for of in ("sample_metrics", "metric_pseudovalues") for name in compared_by]
    has_seeds = any(row.is_trained for own in rows.values() for row in own)  # which the priors are of
    priors = ["seed_priors.bits_per_char.source", *_priors("bits_per_char", *CLOSEST)] if has_seeds else []
    yield from by_part(
        result,
        again,
        IN_UNITS,
        (BitsByCategory, [field.name for field in fields(BitsByCategory)]),
        (Score, ["num_oov"]),
        (TrainResult, ["seconds", "num_chars", "pace_sd"]),
        (EntryResult, [*written, "name", "reads_on"]),  # the latter tell the class in which it is ranked
        (Comparison, [*priors, "measured_sampler", "prompts.*"]),
    )


def verify_ladder(result: Ladder) -> Iterator[VerificationCheck]:
    """Yield a check of each part of a ladder that follows from others."""
    rows: dict[str, dict[str, Sequence[Row]]] = {budget: {} for budget in result.budgets}
    for rung in result.rungs:
        rows[rung.budget][rung.entry] = rung.runs
    judged = judge_ladder(rows, result.seed_priors["bits_per_char"])
    sizes = unit_sizes(result.corpus.split.scored(result.scored_on).stretch_chars)
    again = Partial(
        corpus=scored_sizes(result.corpus),
        references=[_reference(each, result) for each in result.references],
        steps=judged.steps,
        rungs=[
            Partial({name: value for name, value in vars(rung).items() if name != "runs"})
            | {"runs": [sized(row, sizes) for row in rung.runs]}
            for rung in judged.rungs
        ],
    )
    means = (Row, ["num_chars", "num_updates", "seconds", "best_share", "pace_sd", "reads_on"])
    yield from by_part(result, again, IN_UNITS, means, (Ladder, _priors("bits_per_char")))


def _priors(*metrics: str) -> list[str]:
    """Return the numbers that intervals of metrics take to be known."""
    numbers = [each.name for each in fields(SeedPrior) if each.name != "source"]
    return [f"seed_priors.{metric}.{number}" for metric in metrics for number in numbers]


def verify_rungs(result: Ladder, comparisons: Sequence[Comparison]) -> VerificationCheck:
    """Return the check of a ladder against the comparisons that it was made of."""
    made = ladder(comparisons, result.command)
    again = Partial(sources=made.sources, corpus=made.corpus, rungs=made.rungs)
    return compared("values of the comparisons", result, again)


def by_part(
    result: Any, again: Mapping[str, Any], *deciding: tuple[type, Sequence[str]]
) -> Iterator[VerificationCheck]:
    """Yield the check of each field of a result that was computed again, at least in part.

    `deciding` are the types of records of which some fields decide what that comes to.
    """
    stretches = [f"corpus.split.{part}.stretch_chars" for part in PARTS[1:] if "corpus" in again]
    decided_by = [*decisive(result, deciding), *stretches]
    for name, value in again.items():
        check = compared(f"values of {name}", getattr(result, name), value).within(f"{name}.")
        yield replace(check, covers=(*check.covers, *decided_by), measured=tuple(decided_by))


def _run(row: EntryResult | FailedEntry, result: Comparison) -> Partial:
    """Return what follows from other numbers of a row."""
    if isinstance(row, FailedEntry):
        return Partial()
    seeds = [each.seed for each in result.entries]
    number = sum(each.name == row.name for each in result.entries)
    again = Partial(
        seed=row.seed if row.seed in range(min(seeds), min(seeds) + number) else min(seeds),
        train=Partial(chars_per_second=row.train.num_chars / max(row.train.seconds, 1e-9)),
    )
    for part in PARTS[1:]:
        score: Score | None = getattr(row, part)
        if score and score.units:
            again[part] = _score(score, score.units, part, row, result)
    if row.generate:
        again["generate"] = Partial(batch_size=NUM_MEASURED)
    again["samples"] = _samples(row, result)
    score = row.score(result.scored_on)
    if score and score.units:
        num_chars = sum(result.corpus.split.scored(result.scored_on).stretch_chars)
        again["score_checks"] = Partial(
            decoded_equals_text=True,
            num_chars=num_chars,
            num_chars_of_tokens=num_chars,
            total_bits=fsum(score.units.bits),
        )
    return again


def _score(score: Score, units: ScoredUnits, part: str, row: EntryResult, result: Comparison) -> Partial:
    """Return what follows from the bits of stretches and the sizes of the text."""
    bits = fsum(units.bits)
    bits_per_char = bits / sum(units.num_chars)
    again = Partial(
        bits_per_char=bits_per_char,
        bits_by_category=_completed(score.bits_by_category, bits_per_char),
        bits_per_char_without_oov=bits_per_char - score.bits_by_category.oov_words,
        oov_rate=score.num_oov / score.num_words if score.num_words else 0.0,
        bits_per_byte=bits / score.num_bytes,
        nats_per_char=bits_per_char * LOG2,
        perplexity_per_word=2 ** min(bits / max(1, score.num_between_spaces), MAX_WORD_BITS),
        interval=interval(units, score.seed_prior),
        units=Partial(num_chars=unit_sizes(result.corpus.split.scored(part).stretch_chars)),
        **_sizes(result, part),
    )
    if score.bits_by_seen_words:
        again["bits_by_seen_words"] = _completed(score.bits_by_seen_words, bits_per_char)
    if score.seed_prior:
        again["seed_prior"] = result.seed_priors["bits_per_char"].after_runs(
            [row.train.num_chars], [row.train.pace_sd]
        )
    return again


def _samples(row: EntryResult, result: Comparison) -> list[Partial]:
    """Return the prompts and samplers of samples: all prompts with the measured sampler, then with others."""
    first = [] if row.sample_errors else [result.measured_sampler]
    samplers = dict.fromkeys([*first, *(each.sampler for each in row.samples)])
    pairs = [Partial(sampler=sampler, prompt=prompt) for sampler, prompt in product(samplers, result.prompts)]
    return pairs[: len(row.samples)]


def _sizes(result: Comparison, part: str) -> dict[str, int]:
    """Return the sizes of a part of the text, as its first score has them."""
    first = next(score for run in result.runs if (score := getattr(run, part)))
    return {name: getattr(first, name) for name in ("num_bytes", "num_words", "num_between_spaces")}


def _completed(spent: BitsByCategory, whole: float) -> Partial:
    """Return the last of the kinds of text, whose bits are what the others leave of the whole."""
    *others, last = vars(spent)
    return Partial({last: whole - fsum(getattr(spent, name) for name in others)})


def scored_sizes(corpus: CorpusInfo) -> Partial:
    """Return the sizes of the parts that are scored, by those of their stretches."""
    sizes = {
        name: Partial(num_chars=sum(part.stretch_chars))
        for name in PARTS[1:]
        # Of a larger one, the beginnings of its stretches are scored.
        if (part := corpus.split.scored(name)).num_chars <= MAX_HELD_OUT_CHARS
        or corpus.split.method.startswith(EXACT)
    }
    return Partial(split=Partial(sizes))


def _reference(saved: ReferenceScore, result: Comparison | Ladder) -> Partial:
    """Return what is known of a reference, and its score: its units are stretches, or segments of a few."""
    facts = Partial(reads_on=saved.name == READING_ON)
    kind, sign, _ = saved.name.partition(":")
    if sign and kind in names("yardstick"):
        facts["is_pretrained"] = True
    elif not sign:
        facts |= {"is_pretrained": False, "num_parameters": None}
    if saved.units is None:
        return facts
    stretches = result.corpus.split.scored(result.scored_on).stretch_chars
    sizes = tuple(stretches) if len(stretches) == len(saved.units.bits) else unit_sizes(stretches)
    again = reference_score(saved.name, saved.description, ScoredUnits(sizes, saved.units.bits))
    scores = {"bits_per_char": again.bits_per_char, "interval": again.interval}
    return Partial(facts | scores | {"units": Partial(num_chars=sizes)})


def sized(row: Row, sizes: Sequence[int]) -> Partial:
    """Return the sizes of the stretches of a row."""
    return Partial(units=Partial(num_chars=sizes) if row.units else None)
