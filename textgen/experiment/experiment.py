"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from textgen.contracts import PretrainedVectors, TextgenError
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus
from textgen.data.vocabulary import count_tokens
from textgen.evaluation.neighbors import nearest_words
from textgen.evaluation.scoring import Score
from textgen.evaluation.spelled_words import measure_spellings
from textgen.experiment.encoding import MAX_VALIDATION_CHARS, Encoded, embed, encode_corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import PreparationTime, RunResult, RunSettings
from textgen.experiment.memory import build_for_training
from textgen.experiment.pretrained import EmbeddingAudit
from textgen.experiment.saved_run import Run
from textgen.experiment.score_run import ScoreChecks, ScoredText, score_held_out
from textgen.experiment.trained_entry import Trained, build_trained
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import MixtureModel
from textgen.nn.weights import num_frozen_parameters, num_parameters, set_weights, weights_of
from textgen.registry.isolation import preserve_process_state
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine
from textgen.runtime.storage.json_records import to_values
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget
from textgen.training.checkpoints import Checkpoints
from textgen.training.distributed import ranks
from textgen.training.loop import train
from textgen.training.mixture_training import counted, joined, train_members
from textgen.training.mixture_weights import fit_mixture
from textgen.training.progress import OnProgress, Progress, Report, Step, TrainResult, ignore_report
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation, validation_limits

LOSES_TEXT = "the tokenizer loses text"
"""Why a run has no score if its tokens do not spell the text."""


@dataclass(frozen=True)
class _Prepared:
    """What is trained, and what it is trained on."""

    tokenizer: BoundTokenizer
    encoded: Encoded
    vectors: PretrainedVectors | None
    audit: EmbeddingAudit | None
    model: LanguageModel
    read: Encoded
    """What the model reads of the text."""
    seconds: PreparationTime


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
    num_processes: int = 1
    """Processes that train the model together."""

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

    def identity(self) -> str:
        """Return a hash of everything that determines the run."""
        start = self.start.result if self.start else None
        values = [self.entry.parts, self.entry.options, to_values(self.settings()), to_values(start)]
        values += [self.num_processes] if self.num_processes > 1 else []
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def run(self, report: Report = ignore_report, checkpoints: Path | None = None) -> Run:
        """Train and score the entry; checkpoints in the folder `checkpoints` are continued and added to.

        What several processes train must be there by `train_with_others`.
        """
        with preserve_process_state():
            return self._run(report, checkpoints)

    def train_with_others(self, report: Report = ignore_report, checkpoints: Path | None = None) -> None:
        """Train as one of several ranks; the first one leaves the weights in the folder `checkpoints`."""
        ranks.require_same(self.identity())
        with preserve_process_state():
            prepared = self._prepare(report)
            self._train_members(prepared, report, checkpoints)

    def _prepare(self, report: Report) -> _Prepared:
        """Tokenize, make word vectors, and build the model that is trained next."""
        report(self._step("tokenizing"))
        tokenizer = self.entry.build_tokenizer()
        with ranks.first_rank_first():
            encoded = encode_corpus(self.entry, tokenizer, self.corpus)
        if "embedding" in self.entry.parts:
            report(self._step("making word vectors"))
        vectors, audit = embed(self.entry, tokenizer, self.corpus.split.train.text, encoded.train)
        model, read, spelling_seconds = self._build(tokenizer, encoded, vectors)
        seconds = PreparationTime(encoded.seconds + spelling_seconds, audit.seconds if audit else 0.0)
        if self.start:
            set_weights(model.module, weights_of(self.start.model.module))
        report(self._step("training"))
        return _Prepared(tokenizer, encoded, vectors, audit, model, read, seconds)

    def _run(self, report: Report, checkpoints: Path | None) -> Run:
        prepared = self._prepare(report)
        tokenizer, encoded, audit = prepared.tokenizer, prepared.encoded, prepared.audit
        result = self._fit(prepared, report, checkpoints)
        if self.start:
            result = joined([self.start.result.train, result])
        report(self._step("scoring"))
        # What is scored is what is saved: a model may remember more than its weights.
        weights = weights_of(prepared.model.module)
        model = build_trained(self.entry, tokenizer.vocabulary, audit, weights, self.device_config.device)
        if prepared.vectors is not None and audit is not None:
            counts = count_tokens(encoded.train, tokenizer.vocab_size)
            neighbors = nearest_words(model.module, prepared.vectors, tokenizer.tokens, counts)
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
                preparation=prepared.seconds,
                train=result,
                embedding=audit,
                validation=_score_of(scores.get("validation")),
                test=_score_of(scores.get("test")),
                score_checks=checks,
                machine=machine(),
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

    def _fit(self, prepared: _Prepared, report: Report, checkpoints: Path | None) -> TrainResult:
        """Train the model, or each member of a mixture, whose weights are then fitted to validation."""
        model, result = prepared.model.reader, self._train_members(prepared, report, checkpoints)
        if not isinstance(model, MixtureModel):
            return result
        start = time.perf_counter()
        fit_mixture(model.mixture, prepared.read.quick_validation, self.device_config)
        weighting_seconds = time.perf_counter() - start
        return replace(result, validation_seconds=result.validation_seconds + weighting_seconds)

    def _train_members(self, prepared: _Prepared, report: Report, checkpoints: Path | None) -> TrainResult:
        model, read = prepared.model.reader, prepared.read
        members = dict(zip(self.entry.models, model.members, strict=True))
        budget = self.budget
        if (
            model.is_trainable and ranks.world_size() == self.num_processes
        ):  # otherwise, it is trained already
            budget = budget.without(prepared.seconds.seconds)
        return train_members(
            members,
            read.train,
            len(self.corpus.split.train),
            budget,
            train_one=lambda part, budget, tell: self._train(
                members[part], part, read, budget, tell=tell, report=report, checkpoints=checkpoints
            ),
            report=lambda progress: report(self._step("training", progress)),
        )

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
        kept = Checkpoints(checkpoints / part, identity=self.identity()) if checkpoints else None
        done = kept.finished() if kept else None
        if done:
            model.module.load_state_dict(done.weights)
            model.module.eval()
        if ranks.number_of_first(done is not None):  # then the others have nothing to do
            return done.result if done else counted(0, 0.0)
        if ranks.world_size() != self.num_processes:
            raise TextgenError(
                f"the weights that {self.num_processes} processes trained could not be kept; free some space"
            )
        split, options = self.corpus.split, self.entry.train_options(part)
        batches = ContiguousBatches(
            encoded.train,
            options.batch_size,
            options.longest_sequence,
            self.seed,
            ranks.rank(),
            ranks.world_size(),
        )
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
        with ranks.shared_cores():
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


def _score_of(scored: ScoredText | None) -> Score | None:
    return None if scored is None else scored.score
