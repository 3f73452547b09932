"""One entry from text to scored run: tokenize, embed, train, score; or a run that is trained for longer."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from textgen.contracts import PretrainedVectors, TextgenError
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus
from textgen.data.split import Split, SplitPart
from textgen.data.vocabulary import count_tokens
from textgen.defaults import SAMPLER
from textgen.evaluation.neighbors import nearest_words
from textgen.experiment.encoding import (
    MAX_VALIDATION_CHARS,
    EmbeddingAudit,
    Encoded,
    embed,
    encode_training,
    readable,
)
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import Origin, PreparationTime, RunResult, RunSettings, seed_prior
from textgen.experiment.origin import origin_folder, origin_of, start_members, start_of, with_overlap
from textgen.experiment.run_lock import begun_copies
from textgen.experiment.saved_run import SavedRun, build_trained, load_run
from textgen.experiment.score_run import chance_bits
from textgen.experiment.score_trained import score_trained
from textgen.experiment.trained_entry import IS_TRAINED, TrainedEntry, TrainingRecord, kept_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_frozen_parameters, num_parameters, set_weights, weights_of
from textgen.registry.isolation import preserve_process_state
from textgen.runtime.device import CPU, DeviceConfig, seeded
from textgen.runtime.environment import machine
from textgen.runtime.storage.json_records import to_values
from textgen.training.budget import Budget, check_is_text, parse_budget
from textgen.training.mixture_training import (
    TrainingPlan,
    choose_copies,
    continued_result,
    train_members,
    untrained_bits,
)
from textgen.training.moments import NUM_CHARS
from textgen.training.progress import Report, Step, TrainResult, filled_in, ignore_report

WORTH = 0.9
"""A model starts from a run if its bits of validation before training are below this share of those of a new
one, which knows how frequent tokens are: 0.4 to 0.7 for English after wiki, where that is worth 0.1 bits or
more; with 0.98 to 1.9, for other languages, it costs up to 0.23."""


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
    starts_anew: bool = False
    """True if what it could start from is of no use for the text."""


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
    writes: bool = False
    """True if the entry writes at the moments of its training, unless its option says no."""
    chooses_copies: bool = True
    """True if the budget decides the number of copies of an entry that does not say."""

    def settings(self) -> RunSettings:
        """Return what determines the run besides its entry."""
        return RunSettings(
            corpus=self.corpus.info,
            budget=Budget(f"{self.start.settings.budget}+{self.budget}") if self.start else self.budget,
            seed=self.seed,
            device=self.device_config.device.type,
            precision=self.device_config.precision,
            plugins=self.entry.code,
            origin=origin.sha256 if (origin := self.origin()) else None,
        )

    @property
    def read(self) -> Split:
        """The split, with as much of the training text as the budget has use for."""
        return readable(self.corpus.split, self.entry, self.budget, self.device_config.device)

    def origin(self) -> Origin | None:
        """Return what the entry starts from, which a run whose training continues has kept."""
        return self.start.result.origin if self.start else origin_of(self.entry)

    def identity(self) -> str:
        """Return a hash of everything that determines training, which does not have the test part."""
        start, settings = self.start.result if self.start else None, self.settings()
        split = replace(settings.corpus.split, test=SplitPart(0, ""))
        settings = replace(settings, corpus=replace(settings.corpus, split=split))
        values = [self.entry.parts, self.entry.options, to_values(settings), to_values(start)]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def run(self, report: Report = ignore_report, checkpoints: Path | None = None) -> SavedRun:
        """Train and score the entry in this process; those in the folder `checkpoints` are continued."""
        return self.score(self.train(report, checkpoints), report)

    def train(self, report: Report = ignore_report, checkpoints: Path | None = None) -> TrainedEntry:
        """Return the trained entry, which is kept in `checkpoints` until it is scored, or was kept there."""
        tell = filled_in(report, entry=self.entry.name)
        if (kept := kept_entry(checkpoints, self.identity())) is not None:
            tell(Step("", remark=IS_TRAINED))
            return kept
        with preserve_process_state():
            prepared = self._prepare(tell, checkpoints)
            trained = self._trained(prepared, train_members(prepared.plan, tell, checkpoints))
        if checkpoints is not None:
            with suppress(OSError, SafetensorError):  # the disk is full
                trained.keep(checkpoints, self.identity())
        return trained

    def _prepare(self, report: Report, checkpoints: Path | None) -> _Prepared:
        """Prepare training, from the run that the entry starts from unless a new model is as good."""
        if not start_of(self.entry) or self.start:
            return self._prepare_from(None, report, checkpoints)
        origin = load_run(origin_folder(self.entry), CPU)
        started = self._prepare_from(origin, report, checkpoints)
        new = self._prepare_from(None, report, checkpoints)
        is_worth = untrained_bits(started.plan) < WORTH * untrained_bits(new.plan)
        return started if is_worth else replace(new, starts_anew=True)

    def _prepare_from(self, origin: SavedRun | None, report: Report, checkpoints: Path | None) -> _Prepared:
        """Tokenize, make word vectors, and build the model that is trained next, perhaps from a run."""
        split = self.read
        report(Step("tokenizing"))
        tokenizer = self.entry.build_tokenizer()
        if (known := origin or self.start) and self.origin():
            tokenizer.origin = known.tokenizer.state()
        encoded = encode_training(self.entry, tokenizer, replace(self.corpus, split=split))
        if "embedding" in self.entry.parts:
            report(Step("making word vectors"))
        vectors, audit = embedded = embed(self.entry, tokenizer, split.train.text, encoded.train)
        entry = self.entry
        plan, model, seconds = self._plan(entry, tokenizer, encoded, embedded, origin)
        if self.chooses_copies and not (entry.says_copies or known):
            start = time.perf_counter()
            entry = entry.with_copies(begun_copies(checkpoints) or choose_copies(plan))
            if entry.num_copies > 1:
                plan, model, seconds = self._plan(entry, tokenizer, encoded, embedded)
            seconds = replace(seconds, pace_seconds=time.perf_counter() - start)
            plan = replace(plan, preparation_seconds=seconds.seconds)
        report(Step("training"))
        return _Prepared(entry, tokenizer, encoded, vectors, audit, model, seconds, plan)

    def _plan(
        self,
        entry: Entry,
        tokenizer: BoundTokenizer,
        encoded: Encoded,
        embedded: tuple[PretrainedVectors | None, EmbeddingAudit | None],
        origin: SavedRun | None = None,
    ) -> tuple[TrainingPlan, LanguageModel, PreparationTime]:
        """Return how the models of an entry are trained, its model, and the time until then."""
        split, device_config = self.read, self.device_config
        vectors, audit = embedded
        with seeded(self.seed, device_config.device):
            model = entry.build_model(tokenizer.vocabulary, vectors)
        start = time.perf_counter()
        model.count_text(encoded.train)
        read = encoded.read_by(model)
        counting_seconds = time.perf_counter() - start
        rest_nats = sum(map(model.rest_nats, encoded.quick_validation)) if model.is_trainable else 0.0
        seconds = PreparationTime(encoded.seconds + counting_seconds, audit.seconds if audit else 0.0)
        model.to(device_config.device)
        members, begins = entry.members, start_of(entry) if origin else None
        if self.start:
            set_weights(model.module, weights_of(self.start.model.module))
        elif origin:
            start_members(entry, model.reader.members, origin, count_tokens(read.train, model.vocab_size))
        plan = TrainingPlan(
            model=model.reader,
            options={
                name: replace(entry.train_options(part), start=begins).on_device(
                    device_config.device.type, self.budget, len(read.train)
                )
                for name, (part, _) in members.items()
            },
            seeds={name: copy_seed(self.seed, number) for name, (_, number) in members.items()},
            train_ids=read.train,
            num_train_chars=len(split.train),
            validation=read.quick_validation,
            num_validation_chars=len(split.validation.first(MAX_VALIDATION_CHARS)),
            rest_nats=rest_nats,
            budget=self.budget,
            preparation_seconds=seconds.seconds,
            device_config=device_config,
            identity=self.identity(),
            earlier_updates=self.start.result.train.num_updates if self.start else 0,
            is_started=bool(self.start or origin),
            write=partial(self._write, tokenizer) if self.writes else None,
        )
        return plan, model, seconds

    def _write(self, tokenizer: BoundTokenizer, model: LanguageModel) -> str:
        """Return what a model writes without a prompt, with no speller for out-of-vocabulary words."""
        spells = not tokenizer.vocabulary.has_speller
        generator = Generator(model, tokenizer, self.device_config, spells=spells)
        return generator.generate([""], NUM_CHARS, build_sampler(SAMPLER), [self.seed])[0]

    def _trained(self, prepared: _Prepared, result: TrainResult) -> TrainedEntry:
        tokenizer, encoded, audit = prepared.tokenizer, prepared.encoded, prepared.audit
        start = time.perf_counter()
        with self.device_config.autocast():
            prepared.model.fit_held_out(encoded.quick_validation)
        seconds = result.validation_seconds + time.perf_counter() - start
        result = replace(result, validation_seconds=seconds)
        weights = weights_of(prepared.model.module)
        if prepared.vectors is not None and audit is not None:
            device = self.device_config.device
            model = build_trained(prepared.entry, tokenizer.vocabulary, audit, weights, device)
            counts = count_tokens(encoded.train, tokenizer.vocab_size)
            neighbors = nearest_words(model.module, prepared.vectors, tokenizer.tokens, counts)
            audit = replace(audit, neighbors=neighbors)
        record = TrainingRecord(
            entry=prepared.entry,
            preparation=prepared.seconds,
            train=result,
            embedding=audit,
            is_lossless=encoded.is_lossless,
            starts_anew=prepared.starts_anew,
        )
        return TrainedEntry(record, tokenizer.state(), weights)

    def score(self, trained: TrainedEntry, report: Report = ignore_report) -> SavedRun:
        """Return the run of an entry that is trained."""
        tell = filled_in(report, entry=self.entry.name)
        tell(Step("scoring"))
        record, split = trained.record, self.corpus.split
        train = continued_result(self.start.result.train, record.train) if self.start else record.train
        origin = self.start.result.origin if self.start else with_overlap(self.entry, self.corpus)
        if origin and not self.start:
            origin = replace(origin, is_used=not record.starts_anew)
        start = time.perf_counter()
        with preserve_process_state():
            found = score_trained(
                trained,
                split,
                self.device_config.device,
                train=train,
                report=lambda fraction: tell(Step("scoring", fraction=fraction)),
            )
        seconds = time.perf_counter() - start
        num_chars = sum(each.checks.num_chars for each in found.scores.values())
        scores = {part: each.score for part, each in found.scores.items()}
        result = RunResult(
            name=self.entry.name,
            seed=self.seed,
            num_copies=record.entry.num_copies,
            num_parameters=num_parameters(found.model.module),
            num_frozen_parameters=num_frozen_parameters(found.model.module),
            reads_on=record.entry.reads_on,
            vocab_size=found.tokenizer.vocab_size,
            origin=origin,
            problem=found.checks.problem or (origin.problem if origin else None),
            preparation=record.preparation,
            train=train,
            embedding=record.embedding,
            validation=scores.get("validation"),
            test=scores.get("test"),
            score_checks=found.checks,
            scored_chars_per_second=num_chars / seconds if scores else None,
            state_bytes=found.model.state_bytes,
            chance_bits_per_char=chance_bits(split.train.text),
            machine=machine(),
        )
        return SavedRun(
            record.entry,
            found.tokenizer,
            found.model,
            settings=self.settings(),
            result=result,
            sources=self.corpus.sources,
            spellings=found.spellings,
            seed_prior=seed_prior(result.train),
        )


def copy_seed(seed: int, number: int) -> int:
    """Return the seed of a copy of a model, from 0: the run's own for the first one."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) if number else seed


def continuation(
    run: SavedRun, budget: str, device_config: DeviceConfig, corpus: Corpus | None = None
) -> Experiment:
    """Return the experiment that trains a run for another `budget`, such as `+2m`, on the same text.

    Without `corpus` the text is read again from where the run read it. Raises `TextgenError` if it has
    changed, if nothing can be trained, or if `budget` lacks the plus.
    """
    check_is_text(budget)
    if not budget.startswith("+"):
        raise TextgenError(f"{run.entry.name!r} is already trained; to continue, give --budget +{budget}")
    if not run.entry.is_trainable:
        raise TextgenError(
            f"{run.entry.name!r} is not trained by gradient descent, so it cannot be trained further"
        )
    settings = run.settings
    corpus = corpus or run.corpus("give it with --corpus")
    if replace(corpus.info, name=settings.corpus.name) != settings.corpus:
        raise TextgenError(
            f"{corpus.name!r} is not the text that {run.entry.name!r} was trained on; give the same "
            "--corpus, --clean, --split and --max-chars"
        )
    more = parse_budget(budget.removeprefix("+"))
    return Experiment(run.entry, corpus, more, device_config, settings.seed, start=run)
