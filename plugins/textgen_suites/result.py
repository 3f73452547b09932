"""Results of a suite: the cases of each question, and the effects of their changes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import Contrast, Estimate
from textgen.evaluation.metrics import TextMetrics
from textgen.results.header import JudgedHeader
from textgen.results.row import Row
from textgen.runtime.storage.json_records import Count, check_different, check_lengths, check_names
from textgen.training.budget import Budget


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """One case over all seeds."""

    label: str
    entry: str
    clean: str
    train_chars: Count | None
    """Characters of the training text; None if they were not recorded."""
    budget: Budget
    scored_text: str
    """The hash of the text that is scored."""
    runs: tuple[Row, ...]
    """One for each seed."""
    bits_per_char: Estimate | None = None
    real_word_rate: Estimate | None = None

    @property
    def epochs(self) -> float | None:
        """How often its runs read the training text, on average; None for a model that counts."""
        read = [row.num_chars for row in self.runs if row.num_chars and row.is_trained]
        return fmean(read) / self.train_chars if read and self.train_chars else None

    def check(self) -> None:
        """Raise `ValueError` if there are no runs, or if they contradict each other."""
        if not self.runs:
            raise ValueError("runs: there are none")
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


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """The answer to one question; cases of which every run failed are left out."""

    name: str
    text: str
    cumulative: bool
    sampler: str
    """The sampler of the text in which real words are counted, the same for all cases."""
    corpus: CorpusInfo
    """The text of the first case."""
    held_out: TextMetrics
    """Metrics of the held-out text itself."""
    lexicons: tuple[str, ...]
    """Lexicons in which real words are looked up besides the training text."""
    cases: tuple[CaseResult, ...]
    effects: tuple[Effect, ...] = ()

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
    """Result of a suite, as `textgen suite --json` prints it; the corpus is that of its first question."""

    suite: str
    """The title of the suite."""
    budget: str
    num_seeds: Count
    num_jobs: Count
    questions: tuple[QuestionResult, ...]
    failures: dict[str, str]
    """By entry, budget, seed and bench: why a run failed, or wrote nothing."""
