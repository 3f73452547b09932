"""Results of a suite: what is kept of each job, and the effect of each change."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import Contrast, Estimate
from textgen.evaluation.metrics import MeasuredText, TextMetrics
from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry_result import EntrySettings, RunResult
from textgen.results.comparison import HeldOut
from textgen.results.header import JudgedHeader
from textgen.results.row import Row
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import (
    SCHEMA_VERSION,
    Amount,
    Count,
    check_different,
    check_lengths,
    check_names,
)


@dataclass(frozen=True)
class JobMachine:
    """Hardware and load that determine how much is computed in a time budget."""

    processor: str
    gpu: str | None
    cores_per_job: float
    """The share of a job; less than 1 if there are more jobs than cores."""
    threads_per_job: int


@dataclass(frozen=True, kw_only=True)
class JobSettings(EntrySettings):
    """Settings that determine the result of a job; with a budget in time, they include the machine."""

    schema_version: int = SCHEMA_VERSION
    textgen: str
    samplers: tuple[str, ...]
    machine: JobMachine | None


@dataclass(frozen=True, kw_only=True)
class WrittenText(MeasuredText):
    """Text that one sampler wrote after the held-out passages, and its metrics."""

    entropy_per_char: float
    text: str
    """The first continuation."""


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """Result of one case with one seed, as a suite saves it."""

    schema_version: int = SCHEMA_VERSION
    settings: JobSettings
    result: RunResult
    samples: dict[str, WrittenText]
    """By sampler."""
    seconds: float

    @property
    def outcome(self) -> str:
        """The score in a few words, or why there is none."""
        return self.result.outcome

    def check(self) -> None:
        """Raise `ValueError` if no sampler has written anything."""
        if not self.samples:
            raise ValueError("samples: there are none")


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Metrics of the text that a case writes with one sampler: means over seeds."""

    metrics: TextMetrics
    temperature: float | None
    entropy_per_char: float


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """Result of one case over all seeds."""

    label: str
    entry: str
    clean: str
    train_share: float
    max_chars: int | None
    budget: str
    samplers: tuple[str, ...]
    num_seeds: Count
    scored_text: str
    """The hash of the text that is scored."""
    runs: tuple[Row, ...]
    """One for each seed."""
    bits_per_char: Estimate | None
    real_word_rate: Estimate | None
    num_parameters: Count
    train_seconds: Amount
    num_epochs: Amount
    chars_per_second: Amount
    embedding: EmbeddingAudit | None
    writing: dict[str, Writing]
    """By sampler."""
    text: str

    def check(self) -> None:
        """Raise `ValueError` if the parts of the case contradict each other."""
        if not self.runs or not self.samplers or self.writing.keys() != set(self.samplers):
            raise ValueError("it lacks runs, samplers or what these wrote")
        check_lengths("units", *(run.units.bits for run in self.runs if run.units))
        check_lengths("pseudovalues", *(each for run in self.runs for each in run.pseudovalues.values()))


@dataclass(frozen=True)
class Effect:
    """Difference of a case from the one it is compared with.

    P-values are adjusted for the number of comparisons of the question by the method of Holm (1979).
    """

    case: str
    reference: str
    paired: bool
    """True if both are scored on the same text."""
    bits_per_char: Contrast | None
    real_word_rate: Contrast | None


@dataclass(frozen=True)
class QuestionText:
    """The text of one question."""

    corpus: CorpusInfo
    held_out: HeldOut
    lexicons: tuple[str, ...]


@dataclass(frozen=True)
class QuestionResult:
    """The answer to one question, without what was not measured."""

    name: str
    text: str
    cumulative: bool
    cases: tuple[CaseResult, ...]
    effects: tuple[Effect, ...]
    text_of: QuestionText | None = None
    """The text that its cases are measured on, unless it is that of the suite."""

    @property
    def reference(self) -> str:
        """The case that each is compared with, in words; empty without one."""
        if self.cumulative:
            return "the one above"
        return self.effects[0].reference if self.effects else ""

    def effect(self, label: str) -> Effect | None:
        """Return the effect of a case; None for the one that others are compared with."""
        return next((effect for effect in self.effects if effect.case == label), None)

    def check(self) -> None:
        """Raise `ValueError` if the effects are not those of the cases."""
        labels = [case.label for case in self.cases]
        check_different("cases", labels)
        check_different("effects", [effect.case for effect in self.effects])
        sides = [name for effect in self.effects for name in (effect.case, effect.reference)]
        check_names("effects", sides, labels)


@dataclass(frozen=True, kw_only=True)
class SuiteResult(JudgedHeader):
    """Result of a suite on one corpus, as `textgen suite --json` prints it."""

    suite: str
    """The title of the suite."""
    held_out: HeldOut
    lexicons: tuple[str, ...] | None
    """Lexicons in which real words are looked up besides the training text; None if not recorded."""
    budget: str
    num_seeds: Count
    num_jobs: Count
    questions: tuple[QuestionResult, ...]
    failures: dict[str, str]
    """Case and seed: why it failed."""

    @property
    def machines(self) -> list[Machine]:
        """The machine of each run; one that two questions share counts once."""
        made = {
            (case.entry, case.scored_text, case.budget, run.seed): run.machine
            for question in self.questions
            for case in question.cases
            for run in case.runs
        }
        return list(made.values())

    def text_of(self, question: QuestionResult) -> QuestionText:
        """Return what a question is measured on: its own text, or that of the suite."""
        return question.text_of or QuestionText(self.corpus, self.held_out, self.lexicons or ())

    def check(self) -> None:
        """Raise `ValueError` if a prior or a version is missing that reports need."""
        check_names("seed_priors", ["bits_per_char", "real_word_rate"], self.seed_priors)
        check_names("versions", ["torch"], self.versions)
