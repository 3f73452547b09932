"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from textgen.api import PretrainedVectors, TokenIds
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus
from textgen.data.text import Text
from textgen.data.token_cache import fit_and_encode
from textgen.data.vocabulary import count_tokens
from textgen.evaluation.scoring import Score
from textgen.evaluation.spelled_words import measure_spellings
from textgen.experiment.entry import Entry
from textgen.experiment.memory import build_for_training
from textgen.experiment.neighbors import nearest_words
from textgen.experiment.pretrained import EmbeddingAudit, match_vectors
from textgen.experiment.results import PreparationTime, RunResult, RunSettings
from textgen.experiment.run import Run
from textgen.experiment.scoring import ScoreChecks, ScoredText, score_held_out
from textgen.experiment.trained import Trained, build_trained
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import MixtureModel
from textgen.nn.weights import num_frozen_parameters, num_parameters, set_weights, weights_of
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import find
from textgen.runtime.device import DeviceConfig
from textgen.runtime.json_records import to_values
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget
from textgen.training.checkpoints import Checkpoints
from textgen.training.loop import train
from textgen.training.members import joined, train_members
from textgen.training.mixture_weights import fit_mixture
from textgen.training.progress import OnProgress, Progress, Report, Step, TrainResult, ignore_report
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation, validation_limits

MAX_EMBEDDING_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that word vectors are trained on."""

MAX_VALIDATION_CHARS = 200_000
"""Characters of validation, from the beginning of each stretch, that are scored at a time during training."""

LOSES_TEXT = "the tokenizer loses text"
"""Why a run has no score if its tokens do not spell the text."""


@dataclass(frozen=True)
class Encoded:
    """The parts of a corpus that are trained on and scored, as ids of one tokenizer.

    Those of held-out parts are one array per stretch.
    """

    train: TokenIds
    validation: tuple[TokenIds, ...]
    test: tuple[TokenIds, ...]
    quick_validation: tuple[TokenIds, ...]
    """The first `MAX_VALIDATION_CHARS` characters of validation."""
    seconds: float
    """To fit the tokenizer and to tokenize what is trained on."""
    is_lossless: bool
    """Whether the ids spell the text."""
    rest_nats: float = 0.0
    """Of quick validation, what a model does not predict that has not read all tokens."""

    def read_by(self, model: LanguageModel) -> Encoded:
        """Return the tokens that a model is trained on and scored with in training."""
        return replace(
            self,
            train=model.tokens_read(self.train),
            quick_validation=tuple(map(model.tokens_read, self.quick_validation)),
            rest_nats=sum(map(model.rest_nats, self.quick_validation)) if model.is_trainable else 0.0,
        )


@dataclass(frozen=True)
class Experiment:
    """Everything that determines a run."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    start: Run | None = None
    """A run whose training continues: from its best weights, with a new schedule and new optimizers."""

    def settings(self) -> RunSettings:
        """Return what determines the run besides its entry."""
        return RunSettings(
            corpus=self.corpus.info,
            budget=f"{self.start.settings.budget}+{self.budget}" if self.start else str(self.budget),
            seed=self.seed,
            device=self.device_config.device.type,
            precision=self.device_config.precision,
            plugins=self.entry.identities(),
        )

    def _identity(self) -> str:
        """Return a hash of everything that determines the run."""
        start = self.start.result if self.start else None
        values = [self.entry.parts, self.entry.options, to_values(self.settings()), to_values(start)]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def run(self, report: Report = ignore_report, checkpoints: Path | None = None) -> Run:
        """Train and score the entry; checkpoints in the folder `checkpoints` are continued and added to."""
        with preserve_process_state():
            return self._run(report, checkpoints)

    def _run(self, report: Report, checkpoints: Path | None) -> Run:
        report(self._step("tokenizing"))
        tokenizer = self.entry.build_tokenizer()
        encoded = encode_corpus(self.entry, tokenizer, self.corpus)
        if "embedding" in self.entry.parts:
            report(self._step("making word vectors"))
        vectors, audit = embed(self.entry, tokenizer, self.corpus.split.train.text, encoded.train)
        model, read, spelling_seconds = self._build(tokenizer, encoded, vectors)
        preparation = PreparationTime(encoded.seconds + spelling_seconds, audit.seconds if audit else 0.0)
        if self.start:
            set_weights(model.module, weights_of(self.start.model.module))
        report(self._step("training"))
        result = self._fit(model.reader, read, preparation, report=report, checkpoints=checkpoints)
        if self.start:
            result = joined([self.start.result.train, result])
        report(self._step("scoring"))
        # What is scored is what is saved: a model may remember more than its weights.
        model = build_trained(
            self.entry, tokenizer.vocabulary, audit, weights_of(model.module), self.device_config.device
        )
        if vectors is not None and audit is not None:
            counts = count_tokens(encoded.train, tokenizer.vocab_size)
            neighbors = nearest_words(model.module, vectors, tokenizer.tokens, counts)
            audit = replace(audit, neighbors=neighbors)
        trained = Trained(self.entry, tokenizer, model)
        spellings = measure_spellings(model, tokenizer, encoded.validation, self.device_config.device)
        scores = self._score(trained, encoded, report) if encoded.is_lossless else {}
        scored = scores.get(self.corpus.split.scored_on)
        checks = scored.checks if scored else ScoreChecks(decoded_equals_text=False, problem=LOSES_TEXT)
        return Run(
            self.entry,
            tokenizer,
            model,
            settings=self.settings(),
            sources=self.corpus.sources,
            result=RunResult(
                name=self.entry.name,
                seed=self.seed,
                num_parameters=num_parameters(model.module),
                num_frozen_parameters=num_frozen_parameters(model.module),
                vocab_size=tokenizer.vocab_size,
                problem=checks.problem,
                preparation=preparation,
                train=result,
                embedding=audit,
                validation=_score_of(scores.get("validation")),
                test=_score_of(scores.get("test")),
                score_checks=checks,
            ),
            spellings=spellings,
        )

    def _step(self, state: str, progress: Progress | None = None, fraction: float | None = None) -> Step:
        return Step(state, self.entry.name, progress, fraction)

    def _build(
        self, tokenizer: BoundTokenizer, encoded: Encoded, vectors: PretrainedVectors | None
    ) -> tuple[LanguageModel, Encoded, float]:
        """Return a new model, what it reads, and the seconds in which it counted the spellings for that."""
        num_tokens, device_config = len(encoded.train), self.device_config
        model = build_for_training(
            self.entry, tokenizer.vocabulary, vectors, num_tokens, device_config, seed=self.seed
        )
        start = time.perf_counter()
        model.count_spellings(encoded.train)
        read = encoded.read_by(model)
        seconds = time.perf_counter() - start
        return model.to(self.device_config.device), read, seconds

    def _fit(
        self,
        model: LanguageModel,
        encoded: Encoded,
        preparation: PreparationTime,
        *,
        report: Report,
        checkpoints: Path | None,
    ) -> TrainResult:
        """Train the model, or each member of a mixture, whose weights are then fitted to validation."""
        members = dict(zip(self.entry.models, model.members, strict=True))
        result = train_members(
            members,
            encoded.train,
            len(self.corpus.split.train),
            self.budget.without(preparation.seconds) if model.is_trainable else self.budget,
            train_one=lambda part, budget, tell: self._train(
                members[part], part, encoded, budget, tell=tell, report=report, checkpoints=checkpoints
            ),
            report=lambda progress: report(self._step("training", progress)),
        )
        if not isinstance(model, MixtureModel):
            return result
        start = time.perf_counter()
        fit_mixture(model.mixture, encoded.quick_validation, self.device_config)
        weighting_seconds = time.perf_counter() - start
        return replace(result, validation_seconds=result.validation_seconds + weighting_seconds)

    def _train(
        self,
        model: LanguageModel,
        part: str,
        encoded: Encoded,
        budget: Budget,
        *,
        tell: OnProgress,
        report: Report,
        checkpoints: Path | None,
    ) -> TrainResult:
        kept = Checkpoints(checkpoints / part, identity=self._identity()) if checkpoints else None
        if kept and (done := kept.finished()):
            model.module.load_state_dict(done.weights)
            model.module.eval()
            return done.result
        split, options = self.corpus.split, self.entry.train_options(part)
        batches = ContiguousBatches(encoded.train, options.batch_size, options.longest_sequence, self.seed)
        model.try_out()
        model.set_token_counts(count_tokens(encoded.train, model.vocab_size))
        trainer = Trainer(model, batches, options, self.device_config, self.seed)
        chars_per_token = len(split.train) / len(encoded.train)
        limits = validation_limits(budget, options.num_validations, len(encoded.train), chars_per_token)
        num_scored = len(split.validation.first(MAX_VALIDATION_CHARS))
        rest_bits = encoded.rest_nats / math.log(2) / num_scored
        validate = Validation(
            model, encoded.quick_validation, num_scored, self.device_config, limits, rest_bits=rest_bits
        )
        validate.announce = lambda: report(self._step("validating"))
        result = train(trainer, budget, chars_per_token, validate, tell, checkpoints=kept)
        if kept:
            kept.finish(result, model.module.state_dict())
        return result

    def _score(self, trained: Trained, encoded: Encoded, report: Report) -> dict[str, ScoredText]:
        """Score the best weights on validation and, once, on test if there is a test part."""
        device, split = self.device_config.device, self.corpus.split
        ids = {"validation": encoded.validation, "test": encoded.test}
        parts = ("validation", "test") if len(split.test) else ("validation",)

        def tell(fraction: float, before: int) -> None:
            report(self._step("scoring", fraction=(before + fraction) / len(parts)))

        return {
            part: score_held_out(
                trained,
                split.scored(part).stretches(),
                ids[part],
                device,
                has_checks=part == split.scored_on,
                report=partial(tell, before=index),
            )
            for index, part in enumerate(parts)
        }


def encode_corpus(entry: Entry, tokenizer: BoundTokenizer, corpus: Corpus) -> Encoded:
    """Fit the tokenizer to the training text, and tokenize what is trained on and scored."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).identity(), entry.options.get("tokenizer", {}))
    train = fit_and_encode(tokenizer, identity, corpus.split.train.text)
    validation, test = corpus.split.scored("validation"), corpus.split.scored("test")
    is_lossless = train.is_preserved
    held_out = []
    for part in (validation, test, corpus.split.validation.first(MAX_VALIDATION_CHARS)):
        texts = part.stretches()
        held_out.append(tuple(map(tokenizer.encode, texts)))
        is_lossless &= all(map(tokenizer.preserves, texts, held_out[-1]))
    return Encoded(train.ids, held_out[0], held_out[1], held_out[2], train.seconds, is_lossless)


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
