"""Verification of a saved comparison: verdicts from the bits of its stretches, scores from its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import fsum
from pathlib import Path
from typing import Any

import torch

from textgen.comparison.bench import run_folder
from textgen.comparison.comparison_result import Comparison, ReferenceScore
from textgen.comparison.verdicts import judge, rescored
from textgen.comparison.verification import Disagreement, VerificationCheck, compared
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.data.split import PARTS, SplitPart
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.evaluation.scoring import Score, ScoredUnits, interval
from textgen.evaluation.token_bits import LOG2
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.saved_run import load_run
from textgen.experiment.score_run import score_held_out, unit_sizes
from textgen.registry.attribution import describe_error

SAME_SCORE = 1e-4
"""Bits per character by which the score of a run may change on another machine."""


def check_method(method: str, path: Path) -> None:
    """Raise `TextgenError` if the intervals of a result are not of the kind that is computed here."""
    if method != INTERVAL_METHOD:
        raise TextgenError(
            f"{str(path)!r} lacks what its intervals were computed from ({method}); measure it again"
        )


def verify_comparison(result: Comparison) -> Iterator[VerificationCheck]:
    """Yield a check of each kind of number that follows from others in the result."""
    scores = {
        f"{row.name} (seed {row.seed}), {part}": (score, result.corpus.split.scored(part))
        for row in result.runs
        for part, score in scores_of(row).items()
    }
    yield compared(
        "scores of runs",
        {name: _saved_score(score) for name, (score, _) in scores.items()},
        {name: _score(score, part) for name, (score, part) in scores.items()},
    )
    verdicts = judge(result.runs, result.held_out, result.scored_on, result.seed_priors)
    for kind, saved, recomputed in (
        ("scores of entries", result.scores, verdicts.scores),
        ("differences", result.differences, verdicts.differences),
        ("metrics of text", result.metrics, verdicts.metrics),
        ("references", result.references, [_reference(each, result) for each in result.references]),
    ):
        yield compared(kind, _named(saved), _named(recomputed))
    if (resolution := result.resolution) is not None:  # older results lack it
        yield compared("resolutions", {"best": resolution}, {"best": verdicts.resolution})
    order = [score.name for score in result.scores], [score.name for score in verdicts.scores]
    yield compared("rankings", {"entries": order[0]}, {"entries": order[1]})


def scores_of(row: EntryResult) -> dict[str, Score]:
    """Return the scores of a run by the part that is scored."""
    scores = {part: getattr(row, part) for part in PARTS[1:]}
    return {part: score for part, score in scores.items() if score is not None}


def _saved_score(score: Score) -> dict[str, Any]:
    return {
        "bits_per_char": score.bits_per_char,
        "bits_by_category": score.bits_per_char,
        "bits_per_char_without_oov": score.bits_per_char_without_oov,
        "nats_per_char": score.nats_per_char,
        "interval": score.interval,
        "characters": score.units.num_chars if score.units else None,
    }


def _score(score: Score, part: SplitPart) -> dict[str, Any]:
    """Return what follows from the bits of stretches and the sizes of the text's."""
    if score.units is None:
        return {}
    bits_per_char = fsum(score.units.bits) / sum(score.units.num_chars)
    return {
        "bits_per_char": bits_per_char,
        "bits_by_category": fsum(vars(score.bits_by_category).values()),
        "bits_per_char_without_oov": bits_per_char - score.bits_by_category.oov_words,
        "nats_per_char": bits_per_char * LOG2,
        "interval": interval(score.units, score.seed_prior),
        "characters": unit_sizes(part.stretch_chars),
    }


def _reference(saved: ReferenceScore, result: Comparison) -> ReferenceScore | None:
    """Return the score of a reference, whose units are stretches, or segments of a few."""
    if saved.units is None or len(saved.units.num_chars) != len(saved.units.bits):
        return None
    stretches = result.corpus.split.scored(result.scored_on).stretch_chars
    sizes = stretches if len(stretches) == len(saved.units.bits) else unit_sizes(stretches)
    return rescored(saved, ScoredUnits(tuple(sizes), saved.units.bits))


def _named(records: Iterable[Any]) -> dict[str, Any]:
    """Return records under names that tell them apart."""
    named: dict[str, Any] = {}
    for record in records:
        names = [getattr(record, field, None) for field in ("name", "b", "metric")]
        named[", ".join(filter(None, names))] = record
    return named


def verify_runs(result: Comparison, folder: Path, device: torch.device) -> Iterator[VerificationCheck]:
    """Yield checks of the text, loaded again, and of the scores that the runs in `folder` have on it.

    Raises `TextgenError` if the text cannot be loaded.
    """
    corpus = loaded_again(result)
    text = compared("properties of the text", vars(result.corpus), vars(corpus.info))
    yield text
    if not text.disagreements:
        yield _rescored(result, corpus, folder, device)


def loaded_again(result: Comparison) -> Corpus:
    """Return the text of a comparison, read again; raises `TextgenError` if that is not possible."""
    sources = result.sources
    if not sources.names or "-" in sources.names:
        origin = "standard input" if sources.names else "a source that was not recorded"
        raise TextgenError(f"the text was read from {origin}, so the runs cannot be scored again")
    return load_again(sources, result.corpus.cleaner, result.corpus.split.method)


def _rescored(result: Comparison, corpus: Corpus, folder: Path, device: torch.device) -> VerificationCheck:
    """Return the check of the scores of all runs."""
    largest, number, wrong = 0.0, 0, []
    for row in result.runs:
        name = f"{row.name} (seed {row.seed})"
        try:
            run, twin = (load_run(run_folder(folder, row.name, row.seed), device) for _ in range(2))
            for part, saved in scores_of(row).items():
                texts = corpus.split.scored(part).stretches()
                ids = [run.tokenizer.encode(text) for text in texts]
                is_ranked = part == result.scored_on
                scored = score_held_out(run, texts, ids, device, twin=twin.model, has_checks=is_ranked)
                recomputed = scored.score.bits_per_char
                number += 1
                if is_ranked and (scored.checks.problem is None) != (row.problem is None):
                    wrong.append(Disagreement(f"{name}, rank", row.problem, scored.checks.problem))
                largest = max(largest, abs(recomputed - saved.bits_per_char))
                if abs(recomputed - saved.bits_per_char) > SAME_SCORE:
                    wrong.append(Disagreement(f"{name}, {part}", saved.bits_per_char, recomputed))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one run must not keep the others from being checked
            score = row.score(result.scored_on)
            saved_bits = score.bits_per_char if score else "no score"
            wrong.append(Disagreement(name, saved_bits, f"nothing: {describe_error(error)}"))
    remark = f", the largest difference is {largest:.1g} bits per character"
    return VerificationCheck("scores of saved runs", number, tuple(wrong), remark)
