"""The scores of a trained entry on the held-out parts, by one who runs none of its code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TextgenError, TokenIds
from textgen.data.bound_tokenizer import START, FrozenTokenizer
from textgen.data.split import Split
from textgen.evaluation.lockstep import MAX_LOGITS, ToldScores, score_in_lockstep
from textgen.evaluation.prediction_checks import (
    CHUNK,
    NUM_SCORED_AGAIN,
    Again,
    difference,
    prediction_problem,
)
from textgen.evaluation.token_bits import TokenScores, finite
from textgen.experiment.entry_processes import (
    HostedPredictor,
    ModelHost,
    ModelParts,
    TokenizerHost,
    encoded,
    frozen,
)
from textgen.experiment.entry_result import ScoreChecks, seed_prior
from textgen.experiment.score_run import ScoredText, score_held_out
from textgen.experiment.trained_entry import TrainedEntry
from textgen.training.progress import TrainResult
from textgen.workers.assistant import Assistant, Host, OpensHost

LOSES_TEXT = "the tokenizer loses text"
"""The reason for having no score if the tokens do not spell the text."""
LEAST_SECONDS = 60.0
"""Seconds that are allowed for telling token by token, however short training was."""
WINDOWS_READ = 3
"""Times that as much is read in windows, at most, where not all is told token by token: no time is gained by
that if windows take as long as single tokens."""


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """The scores of a trained entry, and what its model says about itself."""

    scores: Mapping[str, ScoredText]
    """By part; none if the tokens do not spell the text."""
    checks: ScoreChecks
    """Those of the part that counts."""
    model: Host
    """Its `ModelHost`, which is not ended."""
    sizes: Mapping[str, Any]
    spellings: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """The held-out parts in the tokens of an entry, by their names."""

    tokenizer: FrozenTokenizer
    texts: Mapping[str, Sequence[str]]
    ids: Mapping[str, Sequence[TokenIds]]

    @property
    def is_lossless(self) -> bool:
        """True if the tokens spell the texts, and the start."""
        pairs = [(START, self.tokenizer.start_ids)]
        for name, texts in self.texts.items():
            pairs += zip(texts, self.ids[name], strict=True)
        return all(self.tokenizer.preserves(text, ids) for text, ids in pairs)


def score_trained(
    trained: TrainedEntry,
    split: Split,
    device: torch.device,
    opens: OpensHost,
    *,
    train: TrainResult,
    report: Callable[[float], None],
) -> HeldOutScores:
    """Score an entry, `train` being all of its training, on validation and, once, on test if there is one.

    Its code runs where `opens` lets it. The tokenizer is told the text, and has ended when the model begins;
    that is told the part which counts token by token.
    """
    record, ranked = trained.record, split.scored_on
    held_out = _encoded(trained, split, opens)
    tokenizer, start = held_out.tokenizer, held_out.tokenizer.start_ids
    parts = ModelParts(record.entry, tokenizer.vocabulary, record.embedding, trained.weights, device)
    model = opens(partial(ModelHost, parts))
    sizes = model.ask("describe")
    spellings = tuple(
        tuple(map(float, word)) for word in model.ask("spellings", held_out.ids["validation"], start)
    )
    if not (record.is_lossless and held_out.is_lossless):
        checks = ScoreChecks(decoded_equals_text=False, problem=LOSES_TEXT)
        return HeldOutScores({}, checks, model, sizes, spellings)
    prior, began = seed_prior(train), time.perf_counter()
    scores = {
        name: score_held_out(tokenizer, _in_windows(model, texts, held_out.ids[name], start), prior)
        for name, texts in held_out.texts.items()
        if name != ranked
    }
    seconds = WINDOWS_READ * (time.perf_counter() - began) if scores else 0.0  # of parts of about one size
    told, problem = score_told(
        model,
        parts,
        tokenizer,
        held_out.texts[ranked],
        held_out.ids[ranked],
        second=lambda: opens(partial(ModelHost, parts)),
        max_seconds=max(LEAST_SECONDS, record.train.seconds, seconds),
        report=report,
    )
    result = score_held_out(tokenizer, told.scores, prior, split.train.text)
    checks = replace(result.checks, problem=problem, num_told=told.num_told, trained_apart=trained.is_apart)
    return HeldOutScores({**scores, ranked: replace(result, checks=checks)}, checks, model, sizes, spellings)


def score_told(
    model: Host,
    parts: ModelParts,
    tokenizer: FrozenTokenizer,
    texts: Sequence[str],
    stretches: Sequence[TokenIds],
    *,
    second: Callable[[], Host],
    max_seconds: float,
    report: Callable[[float], None] = lambda fraction: None,
) -> tuple[ToldScores, str | None]:
    """Return the scores of stretches that a model is told token by token, and why they mean nothing, if so.

    `stretches` are the tokens of `texts`; `second` and `max_seconds` are as in `score_in_lockstep`.
    """
    size, start = len(tokenizer.tokens), tokenizer.start_ids
    predictor = partial(
        HostedPredictor,
        vocab_size=size,
        num_logits=max(size * len(texts), MAX_LOGITS),
        is_normalized=bool(model.ask("describe")["is_normalized"]),
    )
    with one_thread() if isinstance(model, Assistant) else nullcontext():
        told = score_in_lockstep(
            predictor(model),
            texts,
            stretches,
            start,
            second=lambda: predictor(second()),
            max_seconds=max_seconds,
            report=report,
        )
    return told, _problem(model, told, start, parts.device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread here: idle ones would take turns with those of the model's process."""
    number = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(number)


def _encoded(trained: TrainedEntry, split: Split, opens: OpensHost) -> _HeldOut:
    """Return the held-out parts in tokens; the process of the tokenizer has ended then."""
    parts = ("validation", "test") if len(split.test) else ("validation",)
    texts = {name: split.scored(name).stretches() for name in parts}
    host = opens(partial(TokenizerHost.of, trained.record.entry, trained.tokenizer))
    try:
        tokenizer = frozen(host)
        return _HeldOut(tokenizer, texts, {name: encoded(host, tokenizer, texts[name]) for name in parts})
    finally:
        host.end()


def _in_windows(
    model: Host, texts: Sequence[str], stretches: Sequence[TokenIds], start_ids: TokenIds
) -> list[TokenScores]:
    """Return scores that the model has computed itself, of texts that nobody is ranked by."""
    told, error = model.ask("score_windows", stretches, start_ids)
    bits = _bits(told, [*map(len, stretches)])
    return [
        TokenScores(text, ids, finite(each), float(error))
        for text, ids, each in zip(texts, stretches, bits, strict=True)
    ]


def _problem(model: Host, told: ToldScores, start_ids: TokenIds, device: torch.device) -> str | None:
    """Return why the scores mean nothing, or None if they pass every check."""
    change = difference(told.window_bits, told.single_bits, device)
    if change is not None:
        return (
            "it uses later tokens: where it is told a text token by token, at places drawn at random, its "
            f"predictions differ by {change:.3g} bits"
        )
    checked = [told.scores[index] for index in sorted({0, len(told.scores) - 1})]
    parts = [each.ids[:NUM_SCORED_AGAIN] for each in checked]
    again = (
        _bits(model.ask("score_again", parts, start_ids, CHUNK, is_new), [*map(len, parts)])
        for is_new in (True, False)
    )
    return prediction_problem(checked, Again(*again), device)


def _bits(answer: Any, lengths: Sequence[int]) -> list[NDArray[np.float64]]:
    """Return bits of stretches of these lengths as another process has sent them."""
    try:
        bits = [np.asarray(each, np.float64) for each in answer]
    except (TypeError, ValueError):
        bits = []
    if [each.shape for each in bits] != [(length,) for length in lengths]:
        raise TextgenError("the process of its model answers nonsense")
    return bits
