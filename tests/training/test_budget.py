"""Budgets are an amount with a unit."""

from __future__ import annotations

import pytest

from textgen.contracts import TextgenError
from textgen.training.budget import parse_budget, parse_budgets


@pytest.mark.parametrize(
    ("text", "measure", "amount"),
    [
        ("60s", "seconds", 60),
        ("1.5m", "seconds", 90),
        ("10min", "seconds", 600),
        ("2h", "seconds", 7200),
        ("1epoch", "epochs", 1),
        (" 5 epochs ", "epochs", 5),
        ("400000chars", "chars", 400_000),
        ("2kchars", "chars", 2000),
        ("20Mchars", "chars", 20e6),
        ("0.5Gchars", "chars", 5e8),
        ("500updates", "updates", 500),
    ],
)
def test_budgets(text: str, measure: str, amount: float) -> None:
    budget = parse_budget(text)
    assert (budget.unit, budget.amount) == (measure, amount)
    spent = {"seconds": 0.0, "epochs": 0.0, "chars": 0.0, "updates": 0.0} | {measure: amount / 4}
    assert budget.fraction(**spent) == pytest.approx(0.25)
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "60", "0s", "-5s", "5 parsecs", "1e3s", "s", "5mchars", "nans"])
def test_what_is_not_a_budget_is_a_one_line_error(text: str) -> None:
    with pytest.raises(TextgenError, match=r"^budget .* such as 60s, 5m, 5epochs or 20Mchars$"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "ladder"),
    [("60s", ["60s"]), ("4m,15s, 1m", ["15s", "1m", "4m"]), ("2epochs,1epoch", ["1epoch", "2epochs"])],
)
def test_several_budgets_are_sorted(text: str, ladder: list[str]) -> None:
    assert list(map(str, parse_budgets(text))) == ladder


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("15s,2epochs", "has epochs and seconds; give all of its budgets in one unit"),
        ("60s,1m", "has the same amount twice; give each budget once"),
        ("15s,,1m", "give a positive amount with a unit, such as 60s"),
    ],
)
def test_what_is_not_a_ladder_is_a_one_line_error(text: str, problem: str) -> None:
    with pytest.raises(TextgenError, match=problem):
        parse_budgets(text)


@pytest.mark.parametrize("text", ["10s", "0.5m"])
def test_a_budget_of_seconds_includes_the_preparation(text: str) -> None:
    budget = parse_budget(text)
    rest = budget.without(2.5)
    assert rest.amount == budget.amount - 2.5
    assert rest.fraction(seconds=rest.amount, epochs=0, chars=0, updates=0) == 1
    assert str(rest) == str(budget)  # what the user asked for
