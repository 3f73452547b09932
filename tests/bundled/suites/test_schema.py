"""Suites as TOML declares them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.suites import TINY_SUITE, write_suite
from textgen.contracts import TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.generation.bound_sampler import build_sampler, suited_to
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen_suites.schema import Case, Question, load_suite


@pytest.mark.parametrize("name", names("suite"))
def test_the_bundled_suites_can_run_and_compare_each_case(name: str) -> None:
    suite = load_suite(name)
    assert suite.seeds >= 3
    build_sampler(suited_to(suite.sampler, "a text"))
    for case in [*suite.cases(), *suite.trials().cases()]:
        parse_entry(case.entry)
        build("cleaner", case.clean)
    for question in suite.questions:
        assert len(list(question.comparisons())) == len(question.cases) - 1


def test_cases_are_compared_with_the_first_or_with_the_one_before() -> None:
    cases = tuple(Case(label=label, entry="random") for label in "abc")

    def pairs(cumulative: bool) -> list[tuple[str, str]]:
        question = Question(name="x", text="?", cases=cases, cumulative=cumulative)
        return [(case.label, reference.label) for case, reference in question.comparisons()]

    assert pairs(False) == [("b", "a"), ("c", "a")]
    assert pairs(True) == [("b", "a"), ("c", "b")]


def test_the_budget_and_the_seeds_can_be_others(tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path))
    assert suite.asked() == suite
    assert suite.asked("1epoch", 5) == suite.model_copy(update={"budget": "1epoch", "seeds": 5})


def test_a_part_of_the_questions_can_be_asked(tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path))
    assert [question.name for question in suite.asked(questions=["text"]).questions] == ["text"]
    with pytest.raises(TextgenError, match=r"unknown question of the suite 'sise'; did you mean 'size'\?"):
        suite.asked(questions=["sise"])


def test_a_case_may_be_the_best_of_several_options() -> None:
    def options(entry: str, *one_of: str) -> list[str]:
        return [each.entry for each in Case(label="a", entry=entry, one_of=one_of).options()]

    assert options("char-lstm") == []
    assert options(" char-lstm", "dropout=0", "dropout=0.1") == [
        "char-lstm:dropout=0",
        "char-lstm:dropout=0.1",
    ]
    assert options("char-lstm:optimizer=sgd", "dropout=0") == ["char-lstm:optimizer=sgd,dropout=0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("budget", "bugdet"), "budget: field required"),
        (lambda text: text.replace('"chance"', '"small"'), "'size' has two cases with the same label"),
        (lambda text: text.replace("cases = [", "cases = ["[:-1], 1), "cannot read the suite"),
        (lambda text: text.replace("seeds = 2", "seeds = 0"), "seeds: input should be greater"),
        (lambda text: text.replace("train_share = 30", 'sampler = "greedy"'), "sampler: extra inputs"),
    ],
)
def test_a_suite_that_is_written_wrong_is_a_one_line_error(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(TextgenError) as caught:
        load_suite(write_suite(tmp_path, change(TINY_SUITE)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
