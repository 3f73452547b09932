"""What to try next is said only where the curve and the references tell."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.reports import compared, drawn, entry, reference, report, result
from textgen.reports.advice import next_steps, other_entry
from textgen.reports.bench_report import bench_report
from textgen.training.budget import Budget, parse_budget


@pytest.mark.parametrize(
    ("entries", "references", "advised"),
    [
        ({"word-lstm": 1.85}, {"word-ngram": 1.84, "char-ngram": 1.9}, "word-lstm+ngram"),
        ({"word-lstm-glove:size=8": 1.85}, {"word-ngram": 2.0}, "word-lstm+ngram-glove:size=8"),
        ({"2*char-gru": 1.85}, {"char-ngram": 1.84}, "char-gru+ngram"),
        ({"char-lstm": 1.85}, {"word-ngram": 1.84}, ""),  # it counts other tokens
        ({"word-lstm": 1.85, "random": 6.2}, {"word-ngram": 2.2}, ""),  # counting is far behind
        ({"word-lstm": 1.85, "word-lstm+ngram": 1.9}, {"word-ngram": 1.84}, ""),  # it is compared
        ({"word-lstm": 1.85}, {"PPMd given train": 1.84}, ""),
    ],
)
def test_a_mixture_with_what_counts_is_advised_where_counting_does_nearly_as_well(
    entries: dict[str, float], references: dict[str, float], advised: str
) -> None:
    rows = [entry(name, score) for name, score in entries.items()]
    for row in rows:
        row["train"]["num_updates"] *= row["name"] != "random"
    found = compared(*rows, references=[reference(name, score) for name, score in references.items()])
    said = other_entry(found)
    assert said.partition("): ")[2].partition(", a mixture")[0] == advised
    if advised:
        assert bench_report(found).advice == said


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
            "x still falls, by 0.100 bits per character in the last fifth of its training: try --budget 3m.",
        ),
        (
            {"curve": curve(3.0, 2.5, 2.1, 2.0, 2.0)},
            "x has levelled off after reading its training text 11 times: more text may help it more than",
        ),
        (
            {"curve": curve(3.0, 2.5, 2.1, 2.0, 2.0), "num_epochs": 1.5},
            "x has levelled off: a larger model may help it more than time.",
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
    assert "\n## What to try next\n\n- good still falls, by " in report(what)
    assert "good still falls, by " in " ".join(drawn(what, 80).split())


@pytest.mark.parametrize(
    ("budget", "said"),
    [("60s", "3m"), ("10s", "30s"), ("15s", "45s"), ("4m", "12m"), ("20Mchars", "60Mchars"), ("1.5h", "4.5h"),
     ("60s+2m", None)],
)  # fmt: skip
def test_a_multiple_of_a_budget_is_a_budget(budget: str, said: str | None) -> None:
    assert Budget(budget).times(3) == said
    if said:
        assert parse_budget(said).amount == 3 * parse_budget(budget).amount
