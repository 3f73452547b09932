"""Results of one entry: a scored run, what it wrote, and why an entry failed."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.scoring import Score
from textgen.evaluation.text_metrics import TextMetrics
from textgen.experiment.pretrained import EmbeddingAudit
from textgen.experiment.scoring import ScoreChecks
from textgen.training.progress import TrainResult


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Settings that, with its entry, determine a run."""

    corpus: CorpusInfo
    budget: str
    seed: int
    device: str
    precision: str
    plugins: dict[str, str]
    """Kind of component: its distribution, version and perhaps a hash of its source."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Result of one run: how it was trained and how it scores."""

    name: str
    """The entry, as the user wrote it."""
    seed: int
    error: None = None
    num_parameters: int
    vocab_size: int
    comparable: bool
    """Whether the tokens spell the text, without which there is no score."""
    train: TrainResult
    embedding: EmbeddingAudit | None
    validation: Score | None
    test: Score | None
    """None if the split has no test part; then validation is the score."""
    score_checks: ScoreChecks


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

    chars_per_second: float | None
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class SampleSet:
    """Everything that one run wrote for a comparison."""

    generate: GenerationSpeed | None = None
    samples: tuple[Sample, ...] = ()
    sample_metrics: TextMetrics | None = None
    """Metrics of the continuations by the first sampler; None if it failed."""
    sample_errors: tuple[str, ...] = ()
    """Why a sampler wrote nothing."""
    made_up_words: tuple[str, ...] = ()
    """Words that neither the lexicon nor the training text has, the most frequent first."""


@dataclass(frozen=True, kw_only=True)
class EntryResult(RunResult, SampleSet):
    """One row of a comparison: a run and what it wrote."""

    def score(self, part: str) -> Score | None:
        """Return the score on `test` or `validation`; None if it may not be compared."""
        score = self.test if part == "test" else self.validation
        return score if self.comparable else None


@dataclass(frozen=True)
class FailedEntry:
    """An entry that could not be trained or scored, and why."""

    name: str
    seed: int
    error: str
