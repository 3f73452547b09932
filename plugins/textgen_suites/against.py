"""A suite beside a recorded one: which scores agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from textgen.evaluation.intervals import Contrast, difference, holm
from textgen.results.judge import SCORE, score_sample
from textgen_suites.effects import PRIORS
from textgen_suites.result import SuiteResult


@dataclass(frozen=True)
class Repeated:
    """A case that was recorded and run again."""

    question: str
    case: str
    recorded: float
    """Bits per character."""
    change: Contrast
    """How much more it took now; p-values are adjusted for the number of cases (Holm 1979)."""

    @property
    def agrees(self) -> bool:
        return not self.change.is_clear


def compare(result: SuiteResult, recorded: SuiteResult) -> list[Repeated]:
    """Return the cases that both results have.

    Scores of one text are paired by its passages, so that an interval is about seeds and passages alone.
    """
    found = list(_repeated(result, recorded))
    adjusted = holm([each.change.p_value for each in found])
    return [
        replace(each, change=replace(each.change, p_value=p_value))
        for each, p_value in zip(found, adjusted, strict=True)
    ]


def _repeated(result: SuiteResult, recorded: SuiteResult) -> Iterator[Repeated]:
    known = {(question.name, case.label): case for question in recorded.questions for case in question.cases}
    for question in result.questions:
        for case in question.cases:
            if (earlier := known.get((question.name, case.label))) is None:
                continue
            new, old = (score_sample(each.runs, PRIORS[SCORE], each.scored_text) for each in (case, earlier))
            if new and old:
                yield Repeated(question.name, case.label, old.value, difference(new, old))
