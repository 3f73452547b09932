"""The coverage that the page tells is the recorded one, and reaches what is promised."""

from __future__ import annotations

import json
from typing import Any

from textgen_benchmarks.coverage import RESULT, SIZES, table

PAGE = RESULT.parents[1] / "README.md"


def recorded() -> list[dict[str, Any]]:
    designs: list[dict[str, Any]] = json.loads(RESULT.read_text("utf-8"))["designs"]
    return designs


def test_recorded_intervals_of_spread_stretches_cover_95_percent_and_those_of_one_passage_do_not() -> None:
    designs = recorded()
    now = [
        each for each in designs if (each["design"], each["interval"]) == ("spread at random", "neighbours")
    ]
    assert len(now) == 3 * len(SIZES)
    for each in now:
        for lowest, mean in (each["scores"], each["differences"]):
            assert 0.93 <= lowest <= mean <= 0.99
    for each in designs:
        if each["design"] == "contiguous":
            assert max(*each["scores"], *each["differences"]) < 0.7


def test_the_table_of_the_page_is_that_of_the_result() -> None:
    lines = table(recorded())
    assert len(lines) == 2 + 3 * len(SIZES)
    assert "\n".join(lines) in PAGE.read_text("utf-8")


def percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def test_the_shares_on_the_page_are_those_of_the_results() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    designs = recorded()

    def extremes(design: str, interval: str) -> str:
        found = [each for each in designs if (each["design"], each["interval"]) == (design, interval)]
        shares = [share for each in found for key in ("scores", "differences") for share in each[key]]
        return f"{percent(min(shares))} to {percent(max(shares))}"

    assert f"with Student's t it still covers {extremes('contiguous', 't')}" in page
    assert f"Student's t over spread stretches covers {extremes('spread at random', 't')}" in page
    assert f"which intervals now use, {extremes('spread at random', 'neighbours')}" in page

    def held(design: str) -> tuple[int, str, str]:
        found = [each for each in designs if (each["design"], each["interval"]) == (design, "neighbours")]
        number = sum(each["num_draws"] for each in found)
        scores, differences = (
            percent(sum(each["num_draws"] * each[key][1] for each in found) / number)
            for key in ("scores", "differences")
        )
        return number, scores, differences

    number, scores, differences = held("spread evenly")
    assert f"Of all {number}, {scores} of the intervals of scores and {differences} of those of diff" in page
    number, scores, differences = held("shifted")
    assert f"that overlap, {number} in all, {scores} and {differences}; for the worst" in page
    number, scores, differences = held("earlier half")
    assert f"of the second half: {scores} and {differences} do, of {number} test parts" in page
