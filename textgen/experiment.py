"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch
from torch import nn

from textgen.api import InputVectors, TextgenError, TokenIds, Tokenizer
from textgen.budget import Budget
from textgen.compare import Bootstrap, block_size
from textgen.corpus import Corpus
from textgen.device import Compute, seeded
from textgen.embedding import input_vectors
from textgen.entry import Entry
from textgen.registry import find
from textgen.runs import Run
from textgen.score import START, TextBits, bits_of_blocks, score_text, summarise, tally
from textgen.streams import Streams
from textgen.text import BLOCK_CHARS, Text, blocks, cut_blocks
from textgen.token_cache import encode, fit_and_encode
from textgen.tokens import fallback_mask
from textgen.train import Progress, Trainer, TrainResult, train
from textgen.validation import validation_bits

Report = Callable[[Progress], None]

MAX_EMBEDDING_CHARS = 100_000_000
"""Word vectors are trained on at most so many characters of the training text, the first ones."""


ACCOUNTING: dict[str, Callable[[list[Any]], Any]] = {
    "decoded_equals_text": all,
    "num_chars": sum,
    "num_chars_of_tokens": sum,
    "num_tokens": sum,
    "total_bits": sum,
    "max_probability_error": max,
}
"""How the accounts of stretches make that of the whole text."""


MAX_VALIDATION_CHARS = 200_000
"""During training no more than so many characters are scored at a time, the first ones of validation."""


@dataclass(frozen=True)
class Encoded:
    """What is trained on and scored of a corpus, as ids of one tokenizer."""

    train: TokenIds
    validation: TokenIds
    test: TokenIds
    quick_validation: TokenIds
    """The first `MAX_VALIDATION_CHARS` characters of validation."""


@dataclass(frozen=True)
class Experiment:
    """All that decides how a run turns out."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    compute: Compute
    seed: int

    def settings(self) -> dict[str, Any]:
        """Return what decides how the run turns out, beside its entry, as JSON values."""
        return {
            "corpus": self.corpus.describe(),
            "budget": str(self.budget),
            "seed": self.seed,
            "device": self.compute.device.type,
            "precision": self.compute.precision,
        }

    def run(self, report: Report) -> Run:
        """Train and score the entry; `result` has the keys of an entry in `textgen bench --json`."""
        tokenizer = self.entry.build_tokenizer()
        encoded, lossless = encode_corpus(self.entry, tokenizer, self.corpus)
        vectors, audit = embed(self.entry, tokenizer, self.corpus.split.train, encoded.train)
        with seeded(self.seed, self.compute.device):
            model = self.entry.build_model(len(tokenizer.tokens), vectors).to(self.compute.device)
        trained = self._fit(model, encoded, report)
        result = {
            "name": self.entry.name,
            "seed": self.seed,
            "num_parameters": num_parameters(model),
            "vocab_size": len(tokenizer.tokens),
            "error": None,
            "comparable": lossless,
            "train": {**asdict(trained), "chars_per_second": trained.num_chars / max(trained.seconds, 1e-9)},
            "embedding": audit,
        }
        run = Run(self.entry, tokenizer, model, {"settings": self.settings(), "result": result}, np.zeros(0))
        result |= self._score(run, encoded, lossless)
        return run

    def _fit(self, model: nn.Module, encoded: Encoded, report: Report) -> TrainResult:
        """Train by gradient if the model has trainable parameters, else by its `fit`."""
        split = self.corpus.split
        if any(parameter.requires_grad for parameter in model.parameters()):
            options = self.entry.train_options()
            streams = Streams(encoded.train, options.batch_size, options.sequence_length, self.seed)
            trainer = Trainer(model, streams, options, self.compute, self.seed)
            num_scored = min(len(split.validation), MAX_VALIDATION_CHARS)

            def validate() -> float:
                return validation_bits(model, encoded.quick_validation, num_scored, self.compute)

            return train(trainer, self.budget, len(split.train) / len(encoded.train), validate, report)
        if not hasattr(model, "fit"):
            name = self.entry.parts["model"]
            raise TextgenError(f"model {name!r} has neither trainable parameters nor fit(ids)")
        start = time.perf_counter()
        model.fit(encoded.train)  # type: ignore[operator]
        seconds = time.perf_counter() - start
        return TrainResult(
            seconds, 0.0, num_updates=0, num_epochs=1.0, num_chars=len(split.train), best_update=0
        )

    def _score(self, run: Run, encoded: Encoded, lossless: bool) -> dict[str, Any]:
        """Score the best weights on validation and, once, on test; fill in the run's blocks.

        Without a test part the validation split is the score. A tokenizer that loses text gets none.
        """
        if not lossless:
            return {"validation": None, "test": None, "accounting": {"decoded_equals_text": False}}
        device, split = self.compute.device, self.corpus.split
        scores: dict[str, Any] = {"test": None}
        for part in ("validation", "test") if split.test else ("validation",):
            scored = score_ids(run, split.scored(part), getattr(encoded, part), device)
            scores[part] = summarise(scored, run.table, run.is_fallback)
        run.blocks, scores[part]["interval"] = blocks_and_interval(run, scored)
        return {**scores, "accounting": account(run, scored)}


def encode_corpus(entry: Entry, tokenizer: Tokenizer, corpus: Corpus) -> tuple[Encoded, bool]:
    """Fit the tokenizer and tokenize what is trained on and scored; return whether the ids spell it."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).version, entry.options.get("tokenizer", {}))
    train, lossless = fit_and_encode(tokenizer, identity, corpus.split.train)
    validation, test = corpus.split.scored("validation"), corpus.split.scored("test")
    held_out = [encode(tokenizer, text) for text in (validation, test, validation[:MAX_VALIDATION_CHARS])]
    return Encoded(train, *(ids for ids, _ in held_out)), lossless and all(same for _, same in held_out)


def embed(
    entry: Entry, tokenizer: Tokenizer, train_text: Text, train_ids: TokenIds
) -> tuple[InputVectors | None, dict[str, Any] | None]:
    """Return the vectors of the entry's embedding and their audit, or None twice without one."""
    embedding = entry.build_embedding()
    if embedding is None:
        return None, None
    source, mask = entry.parts["embedding"], fallback_mask(tokenizer)
    beginning = train_text[:MAX_EMBEDDING_CHARS]
    return input_vectors(embedding, source, beginning, tokenizer.tokens, train_ids, is_fallback=mask)


def num_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def score_any(run: Run, text: Text, device: torch.device) -> dict[str, Any]:
    """Score any text with a run; raises `TextgenError` if the run's tokenizer does not preserve it.

    It is scored stretch by stretch, with the state carried from each to the next, so that the memory it
    takes does not grow with the text.
    """
    size = block_size(len(text))
    bits, tallies, accounts = np.zeros(-(-len(text) // size)), [], []
    context, state, place = np.asarray(run.tokenizer.encode(START)), None, 0
    for stretch in cut_blocks(blocks(text), BLOCK_CHARS):
        ids, lossless = encode(run.tokenizer, stretch)
        if not lossless:
            name = run.entry.parts["tokenizer"]
            raise TextgenError(
                f"tokenizer {name!r} loses text, so there is no score; use one that is lossless"
            )
        scored = score_text(run.model, stretch, ids, context, device=device, state=state)
        block_bits = bits_of_blocks(scored, run.table, size, begin=place % size)
        bits[place // size :][: len(block_bits)] += block_bits
        tallies.append(tally(scored, run.table, run.is_fallback))
        accounts.append(account(run, scored))
        context, state, place = ids[-1:], scored.state, place + len(stretch)
    return {
        **reduce(add, tallies).figures(),
        "interval": Bootstrap(len(text)).interval(bits),
        "accounting": {key: join([each[key] for each in accounts]) for key, join in ACCOUNTING.items()},
    }


def score_ids(run: Run, text: str, ids: TokenIds, device: torch.device) -> TextBits:
    """Score `ids`, the tokens of `text`, from the start of a paragraph."""
    return score_text(run.model, text, ids, np.asarray(run.tokenizer.encode(START)), device=device)


def blocks_and_interval(run: Run, scored: TextBits) -> tuple[np.ndarray[Any, Any], list[float]]:
    """Return the bits of each block of the text, and the interval of the score that they give."""
    blocks = bits_of_blocks(scored, run.table, block_size(len(scored.text)))
    return blocks, Bootstrap(len(scored.text)).interval(blocks)


def account(run: Run, scored: TextBits) -> dict[str, Any]:
    """Return the proof that a score charges the text, all of it and nothing but it."""
    return {
        "decoded_equals_text": run.tokenizer.decode(scored.ids) == scored.text,
        "num_chars": len(scored.text),
        "num_chars_of_tokens": int(run.table.num_chars[scored.ids].sum()),
        "num_tokens": len(scored.ids),
        "total_bits": float(scored.bits.sum()),
        "max_probability_error": scored.probability_error,
    }
