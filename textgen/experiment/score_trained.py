"""The scores of a trained entry on the held-out parts: textgen's own in windows, others token by token.

Tests prove that all parts of textgen predict in windows as they do token by token. Of other parts nobody
knows, so they are told the text that counts token by token: there an honest mistake, such as a mask that was
forgotten, gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.data.split import Split
from textgen.evaluation.lockstep import score_in_lockstep
from textgen.evaluation.prediction_checks import prediction_problem
from textgen.evaluation.token_bits import Spelling, measure_spellings, score_stretches
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import ScoreChecks, seed_prior
from textgen.experiment.saved_run import build_trained
from textgen.experiment.score_run import ScoredText, score_held_out
from textgen.experiment.trained_entry import TrainedEntry
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import find
from textgen.training.progress import TrainResult

LOSES_TEXT = "the tokenizer loses text"
"""The reason for having no score if the tokens do not spell the text."""


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """The scores of a trained entry, and what they were measured with."""

    scores: Mapping[str, ScoredText]
    """By part; none if the tokens do not spell the text."""
    checks: ScoreChecks
    """Those of the part that counts."""
    tokenizer: BoundTokenizer
    model: LanguageModel
    spellings: tuple[Spelling, ...]


def is_told(entry: Entry) -> bool:
    """Return whether an entry is scored token by token: it has code that is not textgen's own."""
    return not all(find(kind, name).is_own for kind, name in entry.components.values())


def score_trained(
    trained: TrainedEntry,
    split: Split,
    device: torch.device,
    *,
    train: TrainResult,
    report: Callable[[float], None],
) -> HeldOutScores:
    """Score an entry, `train` being all of its training, on validation and, once, on test if there is one.

    A new model with its weights is scored, so that nothing else that the trained one remembers counts.
    """
    record, ranked = trained.record, split.scored_on
    tokenizer = record.entry.build_tokenizer()
    tokenizer.restore(dict(trained.tokenizer))
    parts = ("validation", "test") if len(split.test) else ("validation",)
    texts = {name: split.scored(name).stretches() for name in parts}
    ids = {name: [*map(tokenizer.encode, texts[name])] for name in parts}
    start = tokenizer.encode(START)

    def build() -> LanguageModel:
        return build_trained(record.entry, tokenizer.vocabulary, record.embedding, trained.weights, device)

    model = build()
    spellings = measure_spellings(model, tokenizer.vocabulary, ids["validation"], start, device)
    pairs = [
        (START, start),
        *((text, each) for name in parts for text, each in zip(texts[name], ids[name], strict=True)),
    ]
    if not (record.is_lossless and all(tokenizer.preserves(*pair) for pair in pairs)):
        checks = ScoreChecks(decoded_equals_text=False, problem=LOSES_TEXT)
        return HeldOutScores({}, checks, tokenizer, model, spellings)
    prior, scores, problem, told = seed_prior(train), dict[str, ScoredText](), None, is_told(record.entry)
    num_chars, done = sum(len(text) for name in parts for text in texts[name]), 0.0
    for name in parts:
        share = sum(map(len, texts[name])) / num_chars

        def tell(fraction: float, done: float = done, share: float = share) -> None:
            report(done + share * fraction)

        by = score_in_lockstep if told and name == ranked else score_stretches
        scored = by(model, texts[name], ids[name], start, device=device, report=tell)
        if told and name == ranked:
            problem = prediction_problem(build(), scored, start, device)
        scores[name] = score_held_out(tokenizer, scored, prior, split.train.text if name == ranked else None)
        done += share
    checks = replace(scores[ranked].checks, problem=problem, is_told=told)
    scores[ranked] = replace(scores[ranked], checks=checks)
    return HeldOutScores(scores, checks, tokenizer, model, spellings)
