"""Suites in TOML: questions, each with cases that differ in one thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from textgen.contracts import TextgenError
from textgen.data.corpus import MAX_CHARS
from textgen.defaults import CLEANER, EQUAL_SAMPLER
from textgen.registry.registry import load, names, unknown_name
from textgen.runtime.messages import reason_of, unknown
from textgen.runtime.storage.files import read_toml
from textgen.training.budget import parse_budget


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Case(_Strict):
    """One setting that is measured, once for each seed."""

    label: str
    """The name of the case in tables."""
    entry: Annotated[str, StringConstraints(strip_whitespace=True)]
    one_of: tuple[str, ...] = ()
    """Options of the entry, such as `learning_rate=0.01`: with the first seed each is tried, and the best on
    validation is the case."""
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

    def options(self) -> Iterator[Case]:
        """Yield a case for each of `one_of`."""
        joint = "," if ":" in self.entry else ":"
        for each in self.one_of:
            changes = {"label": f"{self.label}, {each}", "entry": f"{self.entry}{joint}{each}", "one_of": ()}
            yield self.model_copy(update=changes)


class Question(_Strict):
    """Cases that answer one question. Each is compared with the first, or with the one before it."""

    name: str
    text: str
    """The question, in words."""
    cumulative: bool = False
    """True if each case adds to the one before it, and is compared with that."""
    corpus: str | None = None
    """The text of all cases that name none."""
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
    """Training of each case that has no budget of its own."""
    seeds: Annotated[int, Ge(1), Le(1000)] = 3
    train_chars: Annotated[int, Ge(1), Le(MAX_CHARS)] | None = None
    """Train on at most this many characters of each text; validation and test are unchanged."""
    sampler: str = EQUAL_SAMPLER
    """The sampler of the text in which the real words of all cases are counted."""
    questions: Annotated[tuple[Question, ...], Len(1)]

    def cases(self) -> list[Case]:
        """Return the cases of all questions, in order; several questions may share one."""
        return [case for question in self.questions for case in question.cases]

    def trials(self) -> Suite:
        """Return the suite, with one seed, whose cases are the options that cases of this one choose from."""
        questions = tuple(
            question.model_copy(update={"cases": tuple(options)})
            for question in self.questions
            if (options := [option for case in question.cases for option in case.options()])
        )
        return self.model_copy(update={"seeds": 1, "questions": questions})

    def with_best(self, bits: Mapping[tuple[str, str], float]) -> Suite:
        """Return the suite with the best option of each case, whose bits are given by question and label."""

        def chosen(question: Question, case: Case) -> Case:
            best = min(case.options(), key=lambda each: bits[question.name, each.label], default=case)
            return case.model_copy(update={"entry": best.entry, "one_of": ()})

        questions = tuple(
            question.model_copy(update={"cases": tuple(chosen(question, case) for case in question.cases)})
            for question in self.questions
        )
        return self.model_copy(update={"questions": questions})

    def asked(
        self, budget: str | None = None, seeds: int | None = None, questions: Sequence[str] = ()
    ) -> Suite:
        """Return the suite with another budget, number of seeds and fewer questions, where they are given.

        Raises `TextgenError` if a budget is invalid or a question unknown.
        """
        parse_budget(budget or self.budget)
        named = {question.name: question for question in self.questions}
        if unknown_names := [name for name in questions if name not in named]:
            raise TextgenError(unknown("question of the suite", unknown_names[0], list(named)))
        kept = tuple(named[name] for name in named if not questions or name in questions)
        changes = {"budget": budget or self.budget, "seeds": seeds or self.seeds, "questions": kept}
        return self.model_copy(update=changes)


def load_suite(name: str) -> Suite:
    """Return the suite of an installed name or in a TOML file; raises `TextgenError` for anything else."""
    if name in names("suite"):
        path: str = load("suite", name)
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
