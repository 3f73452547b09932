"""Suites in TOML: questions, each with cases that differ in one thing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from textgen.contracts import TextgenError
from textgen.data.corpus import MAX_CHARS
from textgen.defaults import CLEANER, EQUAL_SAMPLER
from textgen.jobs.plugin_code import answered
from textgen.registry.registry import find, load, names, unknown_name
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import read_toml
from textgen.training.budget import parse_budgets

MAX_CASES = 10_000
"""The most cases of a suite under all of its budgets."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Case(_Strict):
    """One setting that is measured, once for each seed."""

    label: str
    """The name of the case in tables."""
    entry: str
    corpus: str | None = None
    """The text, instead of that of the command."""
    clean: str = CLEANER
    """The cleaner of the text."""
    train_share: Annotated[float, Gt(0), Le(100)] = 100.0
    """Percent of the training split that is trained on; validation and test are unchanged."""
    max_chars: Annotated[int, Ge(1), Le(MAX_CHARS)] | None = None
    """Use at most this many characters of the text."""
    budget: str | None = None
    """Overrides the budget of the suite."""


class Question(_Strict):
    """Cases that answer one question. Each is compared with the first, or with the one before it."""

    name: str
    text: str
    """The question, in words."""
    cumulative: bool = False
    """True if each case adds to the one before it, and is compared with that."""
    corpus: str | None = None
    """The text of all cases that name none."""
    sampler: str = EQUAL_SAMPLER
    """The sampler of the text in which the real words of all cases are counted."""
    cases: Annotated[tuple[Case, ...], Len(1)]

    @model_validator(mode="after")
    def _complete(self) -> Question:
        if len({case.label for case in self.cases}) < len(self.cases):
            raise ValueError(f"question {self.name!r} has two cases with the same label")
        cases = tuple(
            case if case.corpus else case.model_copy(update={"corpus": self.corpus}) for case in self.cases
        )
        object.__setattr__(self, "cases", cases)
        return self

    def comparisons(self) -> Iterator[tuple[Case, Case]]:
        """Yield each case with the one it is compared with."""
        for index, case in enumerate(self.cases[1:]):
            yield case, self.cases[index if self.cumulative else 0]


class Suite(_Strict):
    """A comparison declared as data."""

    title: str
    budget: str
    """Training of each case that has no budget of its own; or several, as in `15s,1m`."""
    seeds: Annotated[int, Ge(1), Le(1000)] = 3
    questions: Annotated[tuple[Question, ...], Len(1)]

    def cases(self) -> list[Case]:
        """Return the cases of all questions, in order; several questions may share one."""
        return [case for question in self.questions for case in question.cases]

    def asked(self, budget: str | None = None, seeds: int | None = None) -> Suite:
        """Return the suite with another budget and number of seeds, where they are given.

        Under several budgets each question is asked under each; cases with a budget of their own keep it.
        Raises `TextgenError` if a budget is invalid, or if there are too many cases.
        """
        suite = self.model_copy(update={"budget": budget or self.budget, "seeds": seeds or self.seeds})
        budgets = parse_budgets(suite.budget)
        number = len(self.cases()) * len(budgets)
        if number > MAX_CASES:
            raise TextgenError(f"the suite has {number:,} cases; at most {MAX_CASES:,} are allowed")
        if len(budgets) == 1:
            return suite
        questions = [_under(question, each) for question in self.questions for each in budgets]
        return suite.model_copy(update={"questions": tuple(dict.fromkeys(questions))})


def _under(question: Question, budget: str) -> Question:
    """Return a question under a budget; unchanged if each of its cases has one of its own."""
    if all(case.budget for case in question.cases):
        return question
    cases = tuple(case.model_copy(update={"budget": case.budget or budget}) for case in question.cases)
    named = {"name": f"{question.name}, {budget}", "text": f"{question.text} ({budget})"}
    return question.model_copy(update={**named, "cases": cases})


def load_suite(name: str) -> Suite:
    """Return the suite of an installed name or in a TOML file; raises `TextgenError` for anything else."""
    if name in names("suite"):
        path: str = answered(partial(load, "suite", name), str, [find("suite", name)])
        return read_suite(Path(path))
    if not Path(name).exists():
        raise TextgenError(unknown_name("suite", name) + "; or give a TOML file")
    return read_suite(Path(name))


def read_suite(path: Path) -> Suite:
    """Return the suite in a TOML file; raises `TextgenError` for anything else."""
    try:
        return Suite.model_validate(read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "suite"
        known = "a suite has title, budget, seeds and [[questions]] with name, text and cases"
        raise TextgenError(f"suite {str(path)!r}: {place}: {first['msg'].lower()}; {known}") from None
    except (OSError, ValueError) as error:
        reason = reason_of(error)
        raise TextgenError(f"cannot read the suite {str(path)!r}: {reason}") from None
