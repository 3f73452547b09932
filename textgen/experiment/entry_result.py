"""Results of one entry: a scored run, what it wrote, and why an entry failed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from annotated_types import Ge, Le

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import SHIPPED_PRIORS, SeedPrior
from textgen.evaluation.metrics import MeasuredText, TextMetrics, check_pseudovalues
from textgen.evaluation.scoring import Score
from textgen.experiment.encoding import EmbeddingAudit
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import Amount, Count, Share
from textgen.training.budget import Budget
from textgen.training.progress import TrainResult

NEW_CHARS_SHARE = 0.05
"""Share of the bits of chance that characters that are not in the training text may add to it."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings that, with its entry, determine a run."""

    corpus: CorpusInfo
    budget: Budget
    seed: int
    device: str
    precision: str
    plugins: dict[str, str]
    """Kind of component: its distribution, version and perhaps a hash of its source."""
    origin: str | None = None
    """The hash of the run that it starts from."""


@dataclass(frozen=True, kw_only=True)
class EntrySettings(RunSettings):
    """Settings that determine a run, with the parts and options of its entry."""

    parts: dict[str, str]
    options: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class PreparationTime:
    """Time spent on learning from the training text before training; a budget in seconds includes it."""

    tokenizer_seconds: Amount | None
    """To fit the tokenizer, tokenize the training text and count its spellings; None: not recorded."""
    vectors_seconds: Amount
    """To load or train word vectors and to match them."""
    pace_seconds: Amount = 0.0
    """To measure the pace of training, which decides the number of copies, and to build them."""

    @property
    def seconds(self) -> float:
        return (self.tokenizer_seconds or 0.0) + self.vectors_seconds + self.pace_seconds


@dataclass(frozen=True, kw_only=True)
class ScoreChecks:
    """Evidence that a score counts the text, all of it and nothing else, and that it was not cheated."""

    decoded_equals_text: bool
    num_chars: Count = 0
    num_chars_of_tokens: Count = 0
    num_tokens: Count = 0
    total_bits: float = 0.0
    max_normalization_error: float = 0.0
    """The largest distance of a sum of probabilities from 1, as a model that normalizes them returns them."""
    problem: str | None = None
    """The reason why the score means nothing (see `textgen.evaluation.prediction_checks`)."""
    is_told: bool = False
    """True if it was told the text token by token, since some of its code is not textgen's own; otherwise it
    read windows."""

    def __add__(self, other: ScoreChecks) -> ScoreChecks:
        return ScoreChecks(
            decoded_equals_text=self.decoded_equals_text and other.decoded_equals_text,
            num_chars=self.num_chars + other.num_chars,
            num_chars_of_tokens=self.num_chars_of_tokens + other.num_chars_of_tokens,
            num_tokens=self.num_tokens + other.num_tokens,
            total_bits=self.total_bits + other.total_bits,
            max_normalization_error=max(self.max_normalization_error, other.max_normalization_error),
            problem=self.problem or other.problem,
            is_told=self.is_told or other.is_told,
        )


MAX_READ = 0.1
"""Share of the scored text from which on it counts as read before; quotations are some per cent."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What the model of an entry had read before it was trained on the text."""

    entry: str
    corpus: str
    text_sha256: str
    budget: Budget
    num_chars: Count
    seconds: Amount
    """Of its training, in which it read `num_chars`."""
    sha256: str
    """The hash of the files of its run."""
    overlap: Share | None = None
    """Share of the scored text, in windows of 60 characters, that is in its training text; None if that
    cannot be read again."""
    is_used: bool = True
    """False if it turned out to be of no use, and the entry began from nothing."""

    @property
    def problem(self) -> str | None:
        """The reason for having no rank: it had read much of the text that is scored."""
        is_known = self.is_used and (self.overlap or 0.0) >= MAX_READ
        return f"its run had read {self.overlap:.0%} of the text that is scored" if is_known else None


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Result of one run: how it was trained and how it scores."""

    name: str
    """The entry, as the user wrote it."""
    seed: int
    error: None = None
    num_copies: Count = 1
    """Copies of each model that were trained, one after the other, and averaged."""
    num_parameters: Count
    """The trained ones, of all copies."""
    num_frozen_parameters: Count = 0
    reads_on: bool = False
    """True if it learns from the text that it is scored on, token by token, after each was scored."""
    origin: Origin | None = None
    """What it starts from; None if from nothing."""
    vocab_size: Count
    problem: str | None
    """The reason for having no rank: the tokens do not spell the text, or the score means nothing."""
    preparation: PreparationTime
    train: TrainResult
    embedding: EmbeddingAudit | None
    validation: Score | None
    test: Score | None
    """None if the split has no test part; then validation is the score."""
    score_checks: ScoreChecks
    scored_chars_per_second: Amount | None = None
    """The speed of scoring, checks included; None if there is no score, or from before it was recorded."""
    state_bytes: Count | None = None
    """Bytes of what the model remembers of a text; None if from before they were recorded."""
    chance_bits_per_char: Annotated[float, Ge(0), Le(32)] | None = None
    """Bits per character of guessing uniformly among the characters of the training text; None if from before
    it was recorded."""
    machine: Machine
    """The machine that trained and scored it."""

    @property
    def chance_remark(self) -> str | None:
        """A remark that the score is worse than chance; None if it is not.

        What is not trained by gradient may guess uniformly itself and yet pay for characters that are new.
        """
        score, chance = self.test or self.validation, self.chance_bits_per_char
        if score is None or chance is None or self.problem is not None:
            return None
        if score.bits_per_char <= chance * (1.0 if self.train.num_updates else 1 + NEW_CHARS_SHARE):
            return None
        return (
            f"worse than chance: guessing among the {2**chance:,.0f} characters of the training text takes "
            f"{chance:.3f} bits per character"
        )

    @property
    def is_comparable(self) -> bool:
        """True if the run has a score that may be ranked."""
        return self.problem is None

    @property
    def outcome(self) -> str:
        """The score in a few words, or why there is none."""
        part, score = ("test", self.test) if self.test else ("validation", self.validation)
        if score is None or self.problem is not None:
            return f"no rank: {self.problem}"
        return f"{part} {score.bits_per_char:.3f} bits/char"


def seed_prior(train: TrainResult) -> SeedPrior | None:
    """Return what is known about scores with other seeds; None for a model that counts, which has no seed."""
    trained = [train] if train.num_updates else []
    num_chars, pace_sds = [each.num_chars for each in trained], [each.pace_sd for each in trained]
    return SHIPPED_PRIORS["bits_per_char"].after_runs(num_chars, pace_sds)


@dataclass(frozen=True)
class Sample:
    """A text written after a prompt."""

    prompt: str
    sampler: str
    seed: int
    text: str


@dataclass(frozen=True)
class GenerationSpeed:
    """Speed of generation, with many samples in a batch."""

    chars_per_second: Amount | None
    batch_size: Count


@dataclass(frozen=True)
class Freedom:
    """How freely an entry chose."""

    temperature: float | None
    """That of the sampler, given or found; None if it has none."""
    entropy_per_char: float
    """Entropy of its choices in bits per character."""


@dataclass(frozen=True, kw_only=True)
class SampleSet:
    """Everything that one run wrote for a comparison."""

    generate: GenerationSpeed | None = None
    freedom: Freedom | None = None
    """That of the first sampler; None if it failed, and in results from before this was recorded."""
    samples: tuple[Sample, ...] = ()
    sample_metrics: TextMetrics | None = None
    """Metrics of the continuations by the first sampler; None if it failed."""
    metric_pseudovalues: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By metric: the contribution of each continuation, from which intervals are computed."""
    sample_errors: tuple[str, ...] = ()
    """The reasons of samplers that wrote nothing."""
    made_up_shares: tuple[Share | None, ...] = ()
    """Share of made-up words in what was written at each moment of training; None if it has too few words."""
    made_up_words: tuple[str, ...] = ()
    """Words that neither the lexicon nor the training text has, the most frequent first."""

    def check(self) -> None:
        """Raise `ValueError` if the metrics and their pseudo-values contradict each other."""
        check_pseudovalues(self.metric_pseudovalues, self.sample_metrics)


@dataclass(frozen=True, kw_only=True)
class EntryResult(RunResult, SampleSet):
    """One row of a comparison: a run and what it wrote."""

    def with_metrics(self, measured: MeasuredText) -> EntryResult:
        """Return the row with more metrics of what it wrote, if it wrote something."""
        if self.sample_metrics is None:
            return self
        both = MeasuredText(self.sample_metrics, self.metric_pseudovalues) | measured
        return replace(self, sample_metrics=both.metrics, metric_pseudovalues=both.pseudovalues)

    def score(self, part: str) -> Score | None:
        """Return the score on `test` or `validation`; None if it may not be compared."""
        score = self.test if part == "test" else self.validation
        return score if self.is_comparable else None


@dataclass(frozen=True)
class FailedEntry:
    """An entry that could not be trained or scored, and why."""

    name: str
    seed: int
    error: str
