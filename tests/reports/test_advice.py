"""What to try next follows from the end of the curve."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.reports import compared, drawn, entry, report, result
from textgen.reports.advice import next_steps
from textgen.training.budget import Budget, parse_budget


def curve(*bits: float) -> list[dict[str, Any]]:
    """Validations at equal distances."""
    points: list[dict[str, Any]] = entry("x", 2.0)["train"]["curve"][: len(bits)]
    return [
        point | {"fraction": (number + 1) / len(bits), "validation_bits_per_char": value}
        for number, (point, value) in enumerate(zip(points, bits, strict=True))
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"curve": curve(3.0, 2.5, 2.2, 2.1, 2.0)},
            "x was still improving, by 0.100 bits per character in the last fifth of training: try --budget",
        ),
        (
            {"curve": curve(3.0, 2.5, 2.1, 2.0, 2.0)},
            "x has levelled off after reading its training text 11 times: more text may help more than",
        ),
        (
            {"curve": curve(3.0, 2.5, 2.1, 2.0, 2.0), "num_epochs": 1.5},
            "x has levelled off: a larger model may help more than more time.",
        ),
        ({"best_share": 0.4}, "x was best after 40 % of its updates: more training text may help"),
        ({"used_share": 0.25}, "x was ended after 25 % of its budget, since more did not help: more tr"),
        ({"stopped": "training diverged; lower learning_rate"}, "x did not use its budget: training div"),
    ],
)
def test_the_end_of_the_curve_says_what_to_try(changes: dict[str, Any], said: str) -> None:
    row = entry("x", 2.0)
    row["train"].update(changes)
    (line,) = next_steps(compared(row))
    assert line.startswith(said)


def test_of_copies_the_curve_of_the_last_one_counts() -> None:
    row = entry("x", 2.0, num_copies=2)
    row["train"]["curve"] = curve(3.0, 2.5, 2.2, 2.1, 2.0, 3.0, 2.6, 2.4, 2.15, 2.1)
    (line,) = next_steps(compared(row))
    assert "by 0.050 bits" in line


def test_advice_is_on_a_terminal_and_in_markdown() -> None:
    what = result(entry("good", 2.0), entry("bad", 2.2))
    assert "\n## What to try next\n\n- good was still improving, by " in report(what)
    assert "good was still improving, by " in " ".join(drawn(what, 80).split())


@pytest.mark.parametrize(
    ("budget", "said"),
    [("60s", "3m"), ("10s", "30s"), ("15s", "45s"), ("4m", "12m"), ("20Mchars", "60Mchars"), ("1.5h", "4.5h"),
     ("60s+2m", None)],
)  # fmt: skip
def test_a_multiple_of_a_budget_is_a_budget(budget: str, said: str | None) -> None:
    assert Budget(budget).times(3) == said
    if said:
        assert parse_budget(said).amount == 3 * parse_budget(budget).amount
