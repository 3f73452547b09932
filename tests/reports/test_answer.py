"""The report begins with the answer in one sentence, and with what it holds for."""

from __future__ import annotations

from math import log2
from typing import Any

import pytest

from helpers.reports import compared, counted, drawn, entry, reference, report, result
from textgen.reports.answer import answer, scope
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html
from textgen.reports.rows import entry_rows

WORSE = [reference("uniform", 6.2)]


def seeds(name: str, score: float, number: int = 3) -> list[dict[str, Any]]:
    """An entry with several seeds of the same score."""
    return [entry(name, score, seed) for seed in range(number)]


PACE = " In training each read 24.8 M characters, 11 times the training text."
ONE_PACE = PACE.replace("each", "it")


def interval(low: float, high: float) -> str:
    return f"(95 % interval {low:.3f} to {high:.3f})"


LEVEL = "No clear winner: a is ahead on the test text, at 2.000 bits per character, but "


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            {"c": 2.3, "b": 2.1},
            f"a predicts the test text best, at 2.000 bits per character: 0.100 fewer than b {{}}.{PACE}",
        ),
        ({"b": 2.002, "c": 2.3}, f"{LEVEL}b, 0.002 more {{}}, is not clearly worse.{PACE}"),
        (
            {f"b{number}": 2 + number / 1000 for number in range(1, 5)},
            f"{LEVEL}b1 (+0.001), b2 (+0.002), b3 (+0.003) and 1 more are not clearly worse.{PACE}",
        ),
        ({}, f"a scores 2.000 bits per character on the test text {{}}.{ONE_PACE}"),
    ],
)
def test_the_answer_names_the_best_and_those_that_are_level(others: dict[str, float], said: str) -> None:
    rows = [row for name, score in {"a": 2.0, **others}.items() for row in seeds(name, score)]
    found = compared(*rows, references=WORSE)
    shown = (*found.differences, *found.scores)[0].interval
    assert shown is not None
    assert answer(found) == said.format(interval(*shown))


def test_what_reads_on_is_answered_apart() -> None:
    plain = [*seeds("a", 2.0), *seeds("b", 2.1)]
    others = [row | {"reads_on": True} for row in [*seeds("d", 1.9), *seeds("e", 1.8)]]
    found = compared(*plain, *others, references=WORSE)
    assert [(each.a, each.b) for each in found.differences] == [("a", "b"), ("e", "d")]
    assert [(score.name, score.is_best) for score in found.scores] == [
        ("a", True), ("b", False), ("e", True), ("d", False)
    ]  # fmt: skip
    first, second = (each.interval for each in found.differences)
    assert first is not None
    assert second is not None
    assert answer(found) == (
        "a predicts the test text best, at 2.000 bits per character: 0.100 fewer than b "
        f"{interval(*first)}.{PACE} Of the entries that learn from the text while it is "
        "scored, e predicts the test text best, at 1.800 bits per character: 0.100 fewer than d "
        f"{interval(*second)}.{PACE} That is 0.200 fewer than the best entry that does not learn from it."
    )
    shown = report(result(*plain, *others))
    assert "Clear: significant at the 5 % level. Last: entries that learn from the text" in shown
    assert "reads on: clearly worse" in shown


def test_entries_of_different_pace_have_their_numbers_of_characters_in_the_order_of_rank() -> None:
    slow = entry("a", 2.0) | {"train": entry("a", 2.0)["train"] | {"num_chars": 2_570_000}}
    assert answer(compared(slow, entry("b", 2.1))).endswith(
        " they read 2.57 M and 24.8 M characters, 1.1 and 11 times the training text."
    )
    assert "In training" not in answer(compared(slow, entry("b", 2.1), budget="5epochs"))


def test_what_one_seed_cannot_tell_contains_the_pace() -> None:
    steady, paced = entry("a", 2.0), entry("b", 2.1)
    (plain,) = (line for line in scope(compared(steady, entry("b", 2.1))) if "One seed" in line)
    paced["train"]["pace_sd"] = 0.03
    (line,) = (line for line in scope(compared(steady, paced)) if "One seed" in line)
    least = plain.partition("deviation of ")[2].split()[0]
    most = f"{(float(least) ** 2 + 0.03**2) ** 0.5:.3f}"
    assert f"of {least} to {most} bits per character between seeds, whose pace differs too" in line
    assert "pace" not in plain


@pytest.mark.parametrize(
    ("disturbed", "said"),
    [
        ({"unevenness": 0.56}, "The training speed varied by 56 % on this machine"),
        ({"cpu_utilization": 0.43}, "The CPU was shared: training got 43 % of it, so"),
    ],
)
def test_a_disturbed_machine_is_said_at_first_under_budgets_of_time(
    disturbed: dict[str, float], said: str
) -> None:
    row = entry("a", 2.0)
    row["train"].update(disturbed)
    found = compared(row, entry("b", 2.1))
    assert said in answer(found)
    assert said not in answer(compared(row, entry("b", 2.1), budget="5epochs"))


def test_what_is_worse_than_chance_is_said_at_first() -> None:
    guesses = {"chance_bits_per_char": log2(75)}
    rows = [entry(name, score) | guesses for name, score in (("a", 2.0), ("b", 7.56), ("c", 6.9))]
    random = counted("random", 6.24) | guesses  # new characters cost it more
    found = compared(*rows, random, references=WORSE)
    said = "guessing among the 75 characters of the training text takes 6.229 bits per character."
    assert answer(found).endswith(f" b and c are worse than chance: {said}")
    for shown in (drawn(result(*rows), 1000), report(result(*rows)), to_html(bench_report(found))):
        assert said in shown


def test_the_best_entry_is_not_marked_where_a_reference_is_ahead() -> None:
    ahead, behind = (
        compared(*seeds("a", 2.0), *seeds("b", 2.1), references=[reference("PPMd", score)])
        for score in (1.9, 2.2)
    )
    assert next((row.is_best, row.verdict) for row in entry_rows(behind)) == (True, "best")
    assert next((row.is_best, row.verdict) for row in entry_rows(ahead)) == (False, "best of the entries")
    assert "; counting does better: the reference PPMd scores 1.900." in answer(ahead)
    level = compared(*seeds("a", 2.0), *seeds("b", 2.001), references=[reference("word-ngram", 2.009)])
    assert "; counting does as well: the reference word-ngram scores 2.009." in answer(level)
    assert [row.verdict for row in entry_rows(level)] == ["ahead, not clearly", "unclear"]


def test_without_a_score_there_is_no_answer() -> None:
    failed = {"name": "gru", "seed": 0, "error": "loss is nan"}
    for rows in ([failed], [failed, entry("char-oracle", 0.05, problem="it uses later tokens")], []):
        assert answer(compared(*rows)) == "No entry has a score that can be ranked."


def test_a_better_reference_is_named_unless_it_learns_the_text_that_it_is_scored_on() -> None:
    fixed, adaptive = reference("PPMd given train", 1.94), reference("PPMd, reading on", 1.84, reads_on=True)
    rows = [*seeds("a", 2.0), *seeds("b", 2.1)]
    ending = f"; compressing does better: the reference PPMd given train scores 1.940.{PACE}"
    assert answer(compared(*rows, references=[adaptive, *WORSE, fixed])).endswith(ending)
    for references in ([adaptive], WORSE, []):
        assert "reference" not in answer(compared(*rows, references=references))


@pytest.mark.parametrize(
    ("rows", "ending"),
    [
        ([entry("a", 2.0), entry("b", 2.1)], f", with one seed each.{PACE}"),
        ([entry("a", 2.0), counted("char-ngram", 2.4)], f", with one seed.{ONE_PACE}"),
    ],
)
def test_one_seed_is_said(rows: list[dict[str, Any]], ending: str) -> None:
    found = compared(*rows, references=WORSE)
    assert answer(found).endswith(ending)
    assert "--seeds 3 measures it" in " ".join(scope(found))


def test_the_report_says_what_scores_hold_for() -> None:
    what = result(*seeds("a", 2.0))
    assert "Scores are averages over 24 stretches from across the text" in report(what)
    split = what["corpus"]["split"] | {"method": "documents:90/5/5"}
    for number, is_few in ((6, True), (7, False)):
        split["test"] |= {"num_chars": 20_000 * number, "stretch_chars": [20_000] * number}
        said = " ".join(scope(compared(*seeds("a", 2.0), corpus=what["corpus"] | {"split": split})))
        assert f"over {number} whole documents" in said
        assert ("--split documents:70/10/20 holds out more" in said) is is_few
    what["corpus"]["split"]["test"]["stretch_chars"] = [120_000]
    assert "Scores are from one passage" in report(what)
