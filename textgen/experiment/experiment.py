"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textgen.api import PretrainedVectors, TokenIds
from textgen.data.corpus import Corpus
from textgen.data.text import Text
from textgen.data.tokenization import BoundTokenizer, fit_and_encode
from textgen.evaluation.scoring import summarise
from textgen.experiment.entry import Entry
from textgen.experiment.pretrained import match_vectors
from textgen.experiment.run import Run
from textgen.experiment.scoring import account, blocks_and_interval, score_ids
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_parameters
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import find
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget
from textgen.training.progress import Progress, TrainResult
from textgen.training.trainer import Trainer, train
from textgen.training.validation import validation_bits

Report = Callable[[Progress], None]

MAX_EMBEDDING_CHARS = 100_000_000
"""Word vectors are trained on at most so many characters of the training text, the first ones."""


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
    device_config: DeviceConfig
    seed: int

    def settings(self) -> dict[str, Any]:
        """Return what decides how the run turns out, beside its entry, as JSON values."""
        return {
            "corpus": self.corpus.to_json(),
            "budget": str(self.budget),
            "seed": self.seed,
            "device": self.device_config.device.type,
            "precision": self.device_config.precision,
            "plugins": self.entry.identities(),
        }

    def run(self, report: Report) -> Run:
        """Train and score the entry; `result` has the keys of an entry in `textgen bench --json`."""
        with preserve_process_state():
            return self._run(report)

    def _run(self, report: Report) -> Run:
        tokenizer = self.entry.build_tokenizer()
        encoded, lossless = encode_corpus(self.entry, tokenizer, self.corpus)
        vectors, audit = embed(self.entry, tokenizer, self.corpus.split.train, encoded.train)
        with seeded(self.seed, self.device_config.device):
            model = self.entry.build_model(tokenizer.vocab_size, vectors).to(self.device_config.device)
        trained = self._fit(model, encoded, report)
        result = {
            "name": self.entry.name,
            "seed": self.seed,
            "num_parameters": num_parameters(model.module),
            "vocab_size": tokenizer.vocab_size,
            "error": None,
            "comparable": lossless,
            "train": {**asdict(trained), "chars_per_second": trained.num_chars / max(trained.seconds, 1e-9)},
            "embedding": audit,
        }
        run = Run(self.entry, tokenizer, model, {"settings": self.settings(), "result": result}, np.zeros(0))
        result |= self._score(run, encoded, lossless)
        return run

    def _fit(self, model: LanguageModel, encoded: Encoded, report: Report) -> TrainResult:
        """Train by gradient if the model has trainable parameters, else by its `fit`."""
        split = self.corpus.split
        if model.is_trainable:
            options = self.entry.train_options()
            batches = ContiguousBatches(encoded.train, options.batch_size, options.sequence_length, self.seed)
            model.try_out()
            trainer = Trainer(model, batches, options, self.device_config, self.seed)
            num_scored = min(len(split.validation), MAX_VALIDATION_CHARS)

            def validate() -> float:
                return validation_bits(model, encoded.quick_validation, num_scored, self.device_config)

            return train(trainer, self.budget, len(split.train) / len(encoded.train), validate, report)
        start = time.perf_counter()
        model.fit(encoded.train)
        seconds = time.perf_counter() - start
        model.try_out()
        return TrainResult(
            seconds, 0.0, num_updates=0, num_epochs=1.0, num_chars=len(split.train), best_update=0
        )

    def _score(self, run: Run, encoded: Encoded, lossless: bool) -> dict[str, Any]:
        """Score the best weights on validation and, once, on test; fill in the run's blocks.

        Without a test part the validation split is the score. A tokenizer that loses text gets none.
        """
        if not lossless:
            return {"validation": None, "test": None, "score_checks": {"decoded_equals_text": False}}
        device, split = self.device_config.device, self.corpus.split
        scores: dict[str, Any] = {"test": None}
        for part in ("validation", "test") if split.test else ("validation",):
            scored = score_ids(run, split.scored(part), getattr(encoded, part), device)
            scores[part] = summarise(scored, run.table, run.is_fallback)
        run.blocks, scores[part]["interval"] = blocks_and_interval(run, scored)
        return {**scores, "score_checks": account(run, scored)}


def encode_corpus(entry: Entry, tokenizer: BoundTokenizer, corpus: Corpus) -> tuple[Encoded, bool]:
    """Fit the tokenizer and tokenize what is trained on and scored; return whether the ids spell it."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).identity(), entry.options.get("tokenizer", {}))
    train, lossless = fit_and_encode(tokenizer, identity, corpus.split.train)
    validation, test = corpus.split.scored("validation"), corpus.split.scored("test")
    texts = (validation, test, validation[:MAX_VALIDATION_CHARS])
    held_out = [tokenizer.encode(text) for text in texts]
    preserved = [tokenizer.preserves(text, ids) for text, ids in zip(texts, held_out, strict=True)]
    return Encoded(train, *held_out), lossless and all(preserved)


def embed(
    entry: Entry, tokenizer: BoundTokenizer, train_text: Text, train_ids: TokenIds
) -> tuple[PretrainedVectors | None, dict[str, Any] | None]:
    """Return the vectors of the entry's embedding and their audit, or None twice without one."""
    embedding = entry.build_embedding()
    if embedding is None:
        return None, None
    source, mask = entry.parts["embedding"], tokenizer.is_fallback
    beginning = train_text[:MAX_EMBEDDING_CHARS]
    return match_vectors(embedding, source, beginning, tokenizer.tokens, train_ids, is_fallback=mask)
