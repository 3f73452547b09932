"""One entry from text to scored run: tokenize, embed, train, score."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from textgen.contracts import PretrainedVectors, TextgenError
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus, load_corpus
from textgen.data.vocabulary import count_tokens
from textgen.evaluation.neighbors import nearest_words
from textgen.evaluation.spelled_words import measure_spellings
from textgen.experiment.encoding import MAX_VALIDATION_CHARS, EmbeddingAudit, Encoded, embed, encode_corpus
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import PreparationTime, RunResult, RunSettings, ScoreChecks
from textgen.experiment.memory import build_for_training
from textgen.experiment.saved_run import SavedRun, Trained, build_trained
from textgen.experiment.score_run import ScoredText, score_held_out
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_frozen_parameters, num_parameters, set_weights, weights_of
from textgen.registry.isolation import preserve_process_state
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import machine
from textgen.runtime.storage.json_records import to_values
from textgen.training.budget import Budget, parse_budget
from textgen.training.copies import choose_copies
from textgen.training.distributed import ranks
from textgen.training.mixture_training import TrainingPlan, combined_result, train_members
from textgen.training.progress import Report, Step, TrainResult, filled_in, ignore_report

LOSES_TEXT = "the tokenizer loses text"
"""The reason for having no score if the tokens do not spell the text."""


@dataclass(frozen=True)
class _Prepared:
    """A run before training: the text in tokens, the new model, and how it is trained."""

    entry: Entry
    """With the number of copies of its models."""
    tokenizer: BoundTokenizer
    encoded: Encoded
    vectors: PretrainedVectors | None
    audit: EmbeddingAudit | None
    model: LanguageModel
    seconds: PreparationTime
    plan: TrainingPlan


@dataclass(frozen=True)
class Experiment:
    """Everything that determines a run."""

    entry: Entry
    corpus: Corpus
    budget: Budget
    device_config: DeviceConfig
    seed: int
    start: SavedRun | None = None
    """A run whose training continues: from its best weights, with a new schedule and new optimizers."""
    num_processes: int = 1
    """Processes that train the model together."""
    chooses_copies: bool = True
    """True if the budget decides the number of copies of an entry that does not say (with one process)."""

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

    def run(self, report: Report = ignore_report, checkpoints: Path | None = None) -> SavedRun:
        """Train and score the entry; checkpoints in the folder `checkpoints` are continued and added to.

        What several processes train must be there by `train_with_others`.
        """
        tell = filled_in(report, entry=self.entry.name)
        with preserve_process_state():
            prepared = self._prepare(tell, checkpoints)
            return self._scored(prepared, train_members(prepared.plan, tell, checkpoints), tell)

    def train_with_others(self, report: Report = ignore_report, checkpoints: Path | None = None) -> None:
        """Train as one of several ranks; the first one leaves the weights in the folder `checkpoints`."""
        ranks.require_same_run(self.identity())
        tell = filled_in(report, entry=self.entry.name)
        with preserve_process_state():
            train_members(self._prepare(tell, checkpoints).plan, tell, checkpoints)

    def _prepare(self, report: Report, checkpoints: Path | None) -> _Prepared:
        """Tokenize, make word vectors, and build the model that is trained next."""
        split = self.corpus.split
        report(Step("tokenizing"))
        tokenizer = self.entry.build_tokenizer()
        with ranks.first_rank_first():
            encoded = encode_corpus(self.entry, tokenizer, self.corpus)
        if "embedding" in self.entry.parts:
            report(Step("making word vectors"))
        vectors, audit = embed(self.entry, tokenizer, split.train.text, encoded.train)
        entry, plan, model, seconds = self.entry, *self._plan(self.entry, tokenizer, encoded, vectors, audit)
        if self.chooses_copies and not (entry.says_copies or self.start or self.num_processes > 1):
            start = time.perf_counter()
            entry = entry.with_copies(_begun_copies(checkpoints) or choose_copies(plan))
            if entry.num_copies > 1:
                plan, model, seconds = self._plan(entry, tokenizer, encoded, vectors, audit)
            seconds = replace(seconds, pace_seconds=time.perf_counter() - start)
            plan = replace(plan, preparation_seconds=seconds.seconds)
        report(Step("training"))
        return _Prepared(entry, tokenizer, encoded, vectors, audit, model, seconds, plan)

    def _plan(
        self,
        entry: Entry,
        tokenizer: BoundTokenizer,
        encoded: Encoded,
        vectors: PretrainedVectors | None,
        audit: EmbeddingAudit | None,
    ) -> tuple[TrainingPlan, LanguageModel, PreparationTime]:
        """Return how the models of an entry are trained, its model, and the time until then."""
        split, device_config = self.corpus.split, self.device_config
        model = build_for_training(
            entry, tokenizer.vocabulary, vectors, len(encoded.train), device_config, seed=self.seed
        )
        start = time.perf_counter()
        model.count_spellings(encoded.train)
        read = encoded.read_by(model)
        spelling_seconds = time.perf_counter() - start
        seconds = PreparationTime(encoded.seconds + spelling_seconds, audit.seconds if audit else 0.0)
        model.to(device_config.device)
        if self.start:
            set_weights(model.module, weights_of(self.start.model.module))
        members = entry.members
        plan = TrainingPlan(
            model=model.reader,
            options={name: entry.train_options(part) for name, (part, _) in members.items()},
            seeds={name: copy_seed(self.seed, number) for name, (_, number) in members.items()},
            train_ids=read.train,
            num_train_chars=len(split.train),
            validation=read.quick_validation,
            num_validation_chars=len(split.validation.first(MAX_VALIDATION_CHARS)),
            rest_nats=read.rest_nats,
            budget=self.budget,
            preparation_seconds=seconds.seconds,
            device_config=device_config,
            num_processes=self.num_processes,
            identity=self.identity(),
        )
        return plan, model, seconds

    def _scored(self, prepared: _Prepared, result: TrainResult, report: Report) -> SavedRun:
        """Return the run of a model that is trained."""
        entry, tokenizer = prepared.entry, prepared.tokenizer
        encoded, audit = prepared.encoded, prepared.audit
        device, trained_weights = self.device_config.device, weights_of(prepared.model.module)
        report(Step("scoring"))
        # What is scored is what is saved: a model may remember more than its weights.
        model = build_trained(entry, tokenizer.vocabulary, audit, trained_weights, device)
        if prepared.vectors is not None and audit is not None:
            counts = count_tokens(encoded.train, tokenizer.vocab_size)
            neighbors = nearest_words(model.module, prepared.vectors, tokenizer.tokens, counts)
            audit = replace(audit, neighbors=neighbors)
        trained = Trained(entry, tokenizer, model)
        spellings = measure_spellings(model, tokenizer, encoded.validation, device)
        scored = self._score(trained, encoded, report) if encoded.is_lossless else {}
        scores = {part: each.score for part, each in scored.items()}
        ranked = scored.get(self.corpus.split.scored_on)
        checks = ranked.checks if ranked else ScoreChecks(decoded_equals_text=False, problem=LOSES_TEXT)
        return SavedRun(
            entry,
            tokenizer,
            model,
            settings=self.settings(),
            sources=self.corpus.sources,
            result=RunResult(
                name=self.entry.name,
                seed=self.seed,
                num_copies=entry.num_copies,
                num_parameters=num_parameters(model.module),
                num_frozen_parameters=num_frozen_parameters(model.module),
                vocab_size=tokenizer.vocab_size,
                problem=checks.problem,
                preparation=prepared.seconds,
                train=combined_result([self.start.result.train, result]) if self.start else result,
                embedding=audit,
                validation=scores.get("validation"),
                test=scores.get("test"),
                score_checks=checks,
                machine=machine(),
            ),
            spellings=spellings,
        )

    def _score(self, trained: Trained, encoded: Encoded, report: Report) -> dict[str, ScoredText]:
        """Score the best weights on validation and, once, on test if there is a test part."""
        split, scored = self.corpus.split, dict[str, ScoredText]()
        ids = {"validation": encoded.validation} | ({"test": encoded.test} if len(split.test) else {})
        for index, (part, stretches) in enumerate(ids.items()):

            def tell(fraction: float, before: int = index) -> None:
                report(Step("scoring", fraction=(before + fraction) / len(ids)))

            scored[part] = score_held_out(
                trained,
                split.scored(part).stretches(),
                stretches,
                self.device_config.device,
                has_checks=part == split.scored_on,
                report=tell,
            )
        return scored


def _begun_copies(checkpoints: Path | None) -> int | None:
    """Return the number of copies that was chosen before a run was interrupted; None without checkpoints.

    Their folders have it in their names (`Entry.members`), unless it is one.
    """
    begun = [folder.name.rpartition("of")[2] for folder in checkpoints.glob("*/")] if checkpoints else []
    return max((int(number) if number.isdecimal() else 1 for number in begun), default=None)


def copy_seed(seed: int, number: int) -> int:
    """Return the seed of a copy of a model, from 0: the run's own for the first one."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) if number else seed


def continuation(
    run: SavedRun,
    budget: str,
    device_config: DeviceConfig,
    corpus: Corpus | None = None,
    num_processes: int = 1,
) -> Experiment:
    """Return the experiment that trains a run for another `budget`, such as `+2m`, on the same text.

    Without `corpus` the text is read again from where the run read it. Raises `TextgenError` if it has
    changed, if nothing can be trained, or if `budget` lacks the plus.
    """
    if not budget.startswith("+"):
        raise TextgenError(f"{run.entry.name!r} is trained already: write what to add, as --budget +{budget}")
    if not run.entry.is_trainable:
        raise TextgenError(
            f"{run.entry.name!r} is not trained by gradient descent: there is nothing to continue"
        )
    settings = run.settings
    if corpus is None:
        names, max_chars, encoding = run.sources.names, run.sources.max_chars, run.sources.encoding
        if not names or "-" in names:
            raise TextgenError(f"the text of {run.entry.name!r} was not kept; give it by --corpus")
        split = settings.corpus.split.method
        corpus = load_corpus(names, settings.corpus.cleaner, split, max_chars, encoding)
    if replace(corpus.info, name=settings.corpus.name) != settings.corpus:
        raise TextgenError(
            f"{corpus.name!r} is not the text that {run.entry.name!r} was trained on; give the same "
            "--corpus, --clean, --split and --max-chars"
        )
    more = parse_budget(budget.removeprefix("+"))
    return Experiment(
        run.entry, corpus, more, device_config, settings.seed, start=run, num_processes=num_processes
    )
