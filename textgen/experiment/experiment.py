"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from textgen.api import PretrainedVectors, TokenIds
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus
from textgen.data.text import Text
from textgen.data.token_cache import fit_and_encode
from textgen.evaluation.scoring import Score
from textgen.experiment.entry import Entry
from textgen.experiment.pretrained import EmbeddingAudit, match_vectors
from textgen.experiment.results import RunResult, RunSettings
from textgen.experiment.run import Run
from textgen.experiment.scoring import ScoreChecks, ScoredText, score_split
from textgen.experiment.trained import Trained
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_parameters
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import find
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget
from textgen.training.progress import OnProgress, TrainResult
from textgen.training.trainer import Trainer, train
from textgen.training.validation import validation_bits

MAX_EMBEDDING_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that word vectors are trained on."""

MAX_VALIDATION_CHARS = 200_000
"""Characters of validation, from its beginning, that are scored at a time during training."""


@dataclass(frozen=True)
class Encoded:
    """The parts of a corpus that are trained on and scored, as ids of one tokenizer."""

    train: TokenIds
    validation: TokenIds
    test: TokenIds
    quick_validation: TokenIds
    """The first `MAX_VALIDATION_CHARS` characters of validation."""


@dataclass(frozen=True)
class Experiment:
    """Everything that determines a run."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int

    def settings(self) -> RunSettings:
        """Return what determines the run besides its entry."""
        return RunSettings(
            corpus=self.corpus.info,
            budget=str(self.budget),
            seed=self.seed,
            device=self.device_config.device.type,
            precision=self.device_config.precision,
            plugins=self.entry.identities(),
        )

    def run(self, report: OnProgress) -> Run:
        """Train and score the entry."""
        with preserve_process_state():
            return self._run(report)

    def _run(self, report: OnProgress) -> Run:
        tokenizer = self.entry.build_tokenizer()
        encoded, lossless = encode_corpus(self.entry, tokenizer, self.corpus)
        vectors, audit = embed(self.entry, tokenizer, self.corpus.split.train, encoded.train)
        with seeded(self.seed, self.device_config.device):
            model = self.entry.build_model(tokenizer.vocab_size, vectors).to(self.device_config.device)
        result = self._fit(model, encoded, report)
        trained = Trained(self.entry, tokenizer, model)
        scores = self._score(trained, encoded) if lossless else {}
        scored = scores.get(self.corpus.split.scored_on)
        return Run(
            self.entry,
            tokenizer,
            model,
            settings=self.settings(),
            result=RunResult(
                name=self.entry.name,
                seed=self.seed,
                num_parameters=num_parameters(model.module),
                vocab_size=tokenizer.vocab_size,
                comparable=lossless,
                train=result,
                embedding=audit,
                validation=_score_of(scores.get("validation")),
                test=_score_of(scores.get("test")),
                score_checks=scored.checks if scored else ScoreChecks(decoded_equals_text=False),
            ),
            segment_bits=scored.segment_bits if scored else np.zeros(0),
        )

    def _fit(self, model: LanguageModel, encoded: Encoded, report: OnProgress) -> TrainResult:
        """Train by gradient if the model has trainable parameters, otherwise by its `fit`."""
        if model.is_trainable:
            return self._train(model, encoded, report)
        num_chars = len(self.corpus.split.train)
        start = time.perf_counter()
        model.fit(encoded.train)
        seconds = time.perf_counter() - start
        model.try_out()
        return TrainResult(
            seconds=seconds,
            validation_seconds=0.0,
            num_updates=0,
            num_epochs=1.0,
            num_chars=num_chars,
            chars_per_second=num_chars / max(seconds, 1e-9),
            best_update=0,
        )

    def _train(self, model: LanguageModel, encoded: Encoded, report: OnProgress) -> TrainResult:
        split, options = self.corpus.split, self.entry.train_options()
        batches = ContiguousBatches(encoded.train, options.batch_size, options.sequence_length, self.seed)
        model.try_out()
        trainer = Trainer(model, batches, options, self.device_config, self.seed)
        num_scored = min(len(split.validation), MAX_VALIDATION_CHARS)

        def validate() -> float:
            return validation_bits(model, encoded.quick_validation, num_scored, self.device_config)

        return train(trainer, self.budget, len(split.train) / len(encoded.train), validate, report)

    def _score(self, trained: Trained, encoded: Encoded) -> dict[str, ScoredText]:
        """Score the best weights on validation and, once, on test if there is a test part."""
        device, split = self.device_config.device, self.corpus.split
        ids = {"validation": encoded.validation, "test": encoded.test}
        parts = ("validation", "test") if split.test else ("validation",)
        return {part: score_split(trained, split.scored(part), ids[part], device) for part in parts}


def encode_corpus(entry: Entry, tokenizer: BoundTokenizer, corpus: Corpus) -> tuple[Encoded, bool]:
    """Fit the tokenizer and tokenize what is trained on and scored; return whether the ids spell it."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).identity(), entry.options.get("tokenizer", {}))
    train_ids, lossless = fit_and_encode(tokenizer, identity, corpus.split.train)
    validation, test = corpus.split.scored("validation"), corpus.split.scored("test")
    texts = (validation, test, validation[:MAX_VALIDATION_CHARS])
    held_out = [tokenizer.encode(text) for text in texts]
    preserved = [tokenizer.preserves(text, ids) for text, ids in zip(texts, held_out, strict=True)]
    return Encoded(train_ids, *held_out), lossless and all(preserved)


def embed(
    entry: Entry, tokenizer: BoundTokenizer, train_text: Text, train_ids: TokenIds
) -> tuple[PretrainedVectors | None, EmbeddingAudit | None]:
    """Return the vectors of the entry's embedding and their audit, or None twice without one."""
    embedding = entry.build_embedding()
    if embedding is None:
        return None, None
    source, mask = entry.parts["embedding"], tokenizer.is_fallback
    beginning = train_text[:MAX_EMBEDDING_CHARS]
    return match_vectors(embedding, source, beginning, tokenizer.tokens, train_ids, is_fallback=mask)


def _score_of(scored: ScoredText | None) -> Score | None:
    return None if scored is None else scored.score
